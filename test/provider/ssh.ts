/**
 * SSH to real machines, against a server in this process: what is sent, how it ends, and what is known of
 * hosts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { CancelledError } from '../../lib/base/errors.js';
import { shellLine } from '../../lib/base/shell-line.js';
import type { SshConnections } from '../../lib/provider/libvirt/ssh-connections.js';
import { UnreachableError, type Command, type CommandResult } from '../../lib/provider/provider.js';
import { pass, startServer, until, type TestServer } from '../helpers/ssh-server.js';

const LIMIT = { timeoutMs: 60_000 };
const NO_PROC = existsSync('/proc/self/environ') ? false : 'this computer has no /proc';

/** A server, and connections to its machine. */
async function served(t: Test, timeScale?: number): Promise<{ server: TestServer; ssh: SshConnections }> {
  const server = await startServer(t.testdir());
  t.teardown(() => server.close());
  return { server, ssh: server.connections(timeScale) };
}

function run(
  ssh: SshConnections,
  argv: readonly string[],
  more: Partial<Command> = {},
): Promise<CommandResult> {
  return ssh.shell('cp-1').run({ argv, ...LIMIT, ...more });
}

function text(bytes: Uint8Array | null): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}

void t.test('words reach a program through a shell as they were', async (t) => {
  const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 60 }), (words) => {
      const { stdout } = spawnSync('/bin/sh', ['-c', shellLine(['printf', '%s\\0', ...words])]);
      t.strictSame(stdout.toString().split('\0').slice(0, -1), words);
    }),
    { numRuns: 50 },
  );
  t.equal(shellLine(['kubectl', 'get', 'node', '--a=b', '']), "kubectl get node --a=b ''");
  t.equal(shellLine(['a=b', 'it’s', "it's", '~', '=ls', '$x']), "'a=b' 'it’s' 'it'\\''s' '~' '=ls' '$x'");
  t.throws(() => shellLine(['a\0b']), /NUL/);
});

void t.test('a program ends with its code or its signal, and its streams stay apart', async (t) => {
  const { server, ssh } = await served(t);
  t.match(await run(ssh, ['true']), { kind: 'exited', code: 0, signal: null });
  const mixed = await run(ssh, ['sh', '-c', 'echo out; echo err >&2; exit 3']);
  t.match(mixed, { kind: 'exited', code: 3, signal: null });
  t.strictSame([text(mixed.stdout), text(mixed.stderr)], ['out\n', 'err\n']);
  for (const [name, number] of [
    ['KILL', 9],
    ['TERM', 15],
    ['USR1', 10],
  ] as const) {
    const killed = await run(ssh, ['sh', '-c', `kill -${name} $$; sleep 60`]);
    t.match(killed, { kind: 'exited', code: 128 + number, signal: `SIG${name}` });
  }
  const missing = await run(ssh, ['no-such-program', '--flag']);
  t.match(missing, { kind: 'exited', code: 127 });
  t.match(text(missing.stderr), /no-such-program: not found/);
  t.match(await run(ssh, ['/etc']), { kind: 'exited', code: 126 });
  t.equal(text((await run(ssh, ['printenv', 'LC_ALL', 'PATH'])).stdout).split('\n')[0], 'C');
  t.equal(server.stats.connections, 1, 'one connection served them all');
});

void t.test('input and output are bytes, and as many as there are', async (t) => {
  const { ssh } = await served(t);
  const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31) % 256);
  const echoed = await run(ssh, ['cat'], { stdin: bytes });
  t.ok(Buffer.compare(echoed.stdout, bytes) === 0);
  const size = 50_000_000;
  const large = await run(ssh, ['head', '-c', String(size), '/dev/zero']);
  t.match(large, { kind: 'exited', code: 0 });
  t.equal(large.stdout.length, size);
  const both = await run(ssh, [
    'sh',
    '-c',
    'head -c 3000000 /dev/zero & head -c 3000000 /dev/zero >&2; wait',
  ]);
  t.strictSame([both.stdout.length, both.stderr.length], [3_000_000, 3_000_000]);
  t.match(
    await run(ssh, ['true'], { stdin: new Uint8Array(5_000_000) }),
    { kind: 'exited', code: 0 },
    'unread input',
  );
});

void t.test('a program in the background that holds the output is not waited for', async (t) => {
  const { ssh } = await served(t, 0.1);
  const ended = await run(ssh, ['sh', '-c', 'sleep 3600 & echo $!']);
  t.match(ended, { kind: 'exited', code: 0 });
  const left = await run(ssh, ['kill', '-0', text(ended.stdout).trim()]);
  t.match(left, { kind: 'exited', code: 0 }, 'and goes on');
  await run(ssh, ['kill', text(ended.stdout).trim()]);
});

/** A process that nobody has buried yet is dead all the same. */
const ALIVE = ['sh', '-c', 'for pid; do grep -s ^State: /proc/$pid/status; done | grep -v Z', 'sh'];

/** A program that ignores being asked, with children: one that nobody marks, one in a session of its own. */
const STUBBORN = `trap "" TERM
env -i sleep 3600 & echo $!
setsid sleep 3600 & echo $!
echo $$
while :; do sleep 3600; done`;

void t.test('a program out of time is ended with its children', { skip: NO_PROC }, async (t) => {
  const { ssh } = await served(t);
  const ended = await run(ssh, ['sh', '-c', STUBBORN], { timeoutMs: 500 });
  t.equal(ended.kind, 'timedOut');
  const pids = text(ended.stdout).trim().split('\n');
  t.equal(pids.length, 3, 'what it said before is there');
  t.equal(text((await run(ssh, [...ALIVE, ...pids])).stdout), '');
});

void t.test(
  'a cancelled program is ended; one that waits for its turn is never sent',
  { skip: NO_PROC },
  async (t) => {
    const { server, ssh } = await served(t);
    const controller = new AbortController();
    const { signal } = controller;
    const going = Array.from({ length: 12 }, () => run(ssh, ['sleep', '3600'], { signal }));
    await until(() => server.stats.lines.length === 8);
    t.equal(server.stats.mostSessions, 8);
    controller.abort();
    t.strictSame(new Set((await Promise.all(going)).map(({ kind }) => kind)), new Set(['cancelled']));
    t.equal(server.stats.lines.filter((line) => line.includes('sleep 3600')).length, 8);
    t.ok(server.stats.mostSessions <= 10, 'sshd never had to refuse');
    t.equal((await run(ssh, ['true'], { signal })).kind, 'cancelled');
    t.equal(text((await run(ssh, ['true'])).stderr), '');
  },
);

void t.test('many at once take their turns', async (t) => {
  const { server, ssh } = await served(t);
  const ends = await Promise.all(Array.from({ length: 30 }, (_, index) => run(ssh, ['echo', String(index)])));
  t.strictSame(
    ends.map(({ stdout }) => Number(text(stdout))),
    ends.map((_, index) => index),
  );
  t.equal(server.stats.connections, 1);
  t.equal(server.stats.mostSessions, 8);
});

void t.test('a busy sshd that refuses a channel is asked again', async (t) => {
  const { server, ssh } = await served(t);
  await run(ssh, ['true']);
  server.refuse('sessions', 5);
  const ends = await Promise.all(['a', 'b', 'c'].map((word) => run(ssh, ['echo', word])));
  t.strictSame(
    ends.map(({ stdout }) => text(stdout)),
    ['a\n', 'b\n', 'c\n'],
  );
  t.equal(server.stats.connections, 1, 'on the same connection');
});

void t.test('a connection that goes loses what runs, and the next program makes a new one', async (t) => {
  const { server, ssh } = await served(t);
  const going = [run(ssh, ['sleep', '3600']), run(ssh, ['sh', '-c', 'echo said; sleep 3600'])];
  await until(() => server.stats.lines.length === 2);
  server.cut();
  t.strictSame(
    (await Promise.all(going)).map(({ kind }) => kind),
    ['lost', 'lost'],
  );
  t.match(await run(ssh, ['true']), { kind: 'exited', code: 0 });
  t.equal(server.stats.connections, 2);
  const again = run(ssh, ['sleep', '3600']);
  await until(() => server.stats.lines.length === 4);
  ssh.forget('cp-1');
  t.equal((await again).kind, 'lost', 'a machine that is known to be gone');
});

void t.test(
  'a silent machine is given up after a while, and one that comes back sooner is not',
  async (t) => {
    const { server, ssh } = await served(t, 0.05);
    t.match(await run(ssh, ['true']), { kind: 'exited' });
    server.hold();
    const going = run(ssh, ['echo', 'later']);
    await pass(1_000);
    server.release();
    t.equal(text((await going).stdout), 'later\n');
    t.equal(server.stats.connections, 1);
    server.hold();
    await t.rejects(run(ssh, ['true']), UnreachableError, 'no channel was granted, so nothing was sent');
    await t.rejects(run(ssh, ['true']), UnreachableError, 'nor does it let anybody in');
    server.release();
    t.match(await run(ssh, ['true']), { kind: 'exited' });
  },
);

void t.test('a program that may have been sent is lost when its machine falls silent', async (t) => {
  const { server, ssh } = await served(t, 0.05);
  const going = run(ssh, ['sleep', '3600']);
  await until(() => server.stats.lines.length === 1);
  server.hold();
  t.equal((await going).kind, 'lost');
  server.release();
  const controller = new AbortController();
  const cancelled = run(ssh, ['sleep', '3600'], { signal: controller.signal });
  await until(() => server.stats.lines.length === 2);
  server.hold();
  controller.abort();
  t.equal((await cancelled).kind, 'lost', 'nobody knows whether it was ended');
});

void t.test('a machine that is not there, or lets nobody in, is not reached', async (t) => {
  const { server, ssh } = await served(t);
  await t.rejects(ssh.shell('cp-2').run({ argv: ['true'], ...LIMIT }), UnreachableError);
  await t.rejects(ssh.shell('cp-2').readFile('/etc/hostname', LIMIT), UnreachableError);
  server.refuse('login');
  await t.rejects(run(ssh, ['true']), { name: 'UnreachableError', message: /authentication/ });
  server.refuse('sessions');
  await t.rejects(run(ssh, ['true']), UnreachableError);
  t.ok(await ssh.answers('cp-1'));
  server.refuse('nothing');
  t.match(await run(ssh, ['true']), { kind: 'exited', code: 0 });
  await server.close();
  await t.rejects(run(ssh, ['true']), { name: 'UnreachableError', message: /ECONNREFUSED/ });
  t.notOk(await ssh.answers('cp-1'));
  t.notOk(await ssh.answers('cp-2'));
});

void t.test('a host key is pinned at first contact and checked ever after', async (t) => {
  const { server, ssh } = await served(t);
  const { knownHosts } = server.files;
  await run(ssh, ['true']);
  const pinned = readFileSync(knownHosts, 'utf8');
  t.match(pinned, /^cp-1 ecdsa-sha2-nistp256 AAAA\S+\n$/);
  server.changeKey();
  t.match(
    await run(ssh, ['true']),
    { kind: 'exited' },
    'a connection that is open was checked when it was made',
  );
  server.cut();
  const changed = { name: 'UserError', code: 'host-key-changed', remedy: /ssh-keygen -R cp-1 -f/ };
  await t.rejects(ssh.waitUntilUp('cp-1', LIMIT), changed, 'waiting would not mend it');
  await t.rejects(run(ssh, ['true']), changed);
  t.equal(readFileSync(knownHosts, 'utf8'), pinned, 'nothing was accepted in silence');
  ssh.forgetKeys(['cp-1']);
  t.equal(readFileSync(knownHosts, 'utf8'), '');
  t.match(await run(server.connections(), ['true']), { kind: 'exited' });
  t.not(readFileSync(knownHosts, 'utf8'), pinned);
});

void t.test(
  'waiting for a machine ends when it is up, when time is over, or when nobody waits',
  async (t) => {
    const { server, ssh } = await served(t, 0.05);
    await ssh.waitUntilUp('cp-1', LIMIT);
    server.hold();
    server.cut();
    const waiting = ssh.waitUntilUp('cp-1', LIMIT);
    server.release();
    await waiting;
    server.refuse('login');
    server.cut();
    await t.rejects(ssh.waitUntilUp('cp-1', { timeoutMs: 100 }), UnreachableError);
    const controller = new AbortController();
    const never = ssh.waitUntilUp('cp-1', { ...LIMIT, signal: controller.signal });
    controller.abort();
    await t.rejects(never, CancelledError);
  },
);
