/** SSH to a real sshd and through a real sudo: what the server in test/provider/ssh.ts cannot show. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { must } from '../../lib/base/errors.js';
import type { Command, CommandResult, Provider } from '../../lib/provider/provider.js';
import { labFolder, makeLab, notPrepared, type TestLab } from './helpers/lab.js';
import { on } from './helpers/machine.js';
import { ran } from './helpers/programs.js';
import { type } from './helpers/show.js';
import { waitUntil } from './helpers/watch.js';

t.setTimeout(60 * 60_000);

const SHAPE = { name: 'ts', subnet: '192.168.85', controlPlanes: 1, workers: 0 } as const;
const LIMIT = { timeoutMs: 300_000 };
const PAIRS = 5;

interface Subject {
  readonly lab: TestLab;
  readonly provider: Provider;
  readonly name: string;
  readonly run: (argv: readonly string[], more?: Partial<Command>) => Promise<CommandResult>;
}

type Check = (t: Test, subject: Subject) => Promise<void>;

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Ignores being asked to end; one child has an environment of its own, the other a session. */
const STUBBORN = 'trap "" TERM; env -i sleep 3601 & setsid sleep 3602 & while :; do sleep 3603; done';

const ends: Check = async (t, { run }) => {
  for (const [name, number] of [
    ['KILL', 9],
    ['TERM', 15],
    ['SEGV', 11],
  ] as const) {
    const killed = await run(['sh', '-c', `kill -${name} $$; sleep 60`]);
    t.match(killed, { kind: 'exited', code: 128 + number, signal: `SIG${name}` });
  }
  const missing = await run(['no-such-program']);
  t.match(missing, { kind: 'exited', code: 127, signal: null });
  t.match(text(missing.stderr), /not found/);
  t.equal(text((await run(['id', '-un'])).stdout), 'root\n');
  t.match(text((await run(['printenv', 'PATH'])).stdout), /\/usr\/local\/bin/);
};

const bytes: Check = async (t, { run }) => {
  const size = 50_000_000;
  const large = await run(['sh', '-c', `head -c ${size} /dev/urandom | tee /tmp/large`]);
  t.equal(large.stdout.length, size);
  t.equal(text((await run(['sha256sum', '/tmp/large'])).stdout).split(' ')[0], sha256(large.stdout));
  const echoed = await run(['sha256sum'], { stdin: large.stdout });
  t.equal(text(echoed.stdout).split(' ')[0], sha256(large.stdout), 'and back again');
  await run(['rm', '/tmp/large']);
};

const stops: Check = async (t, { run }) => {
  t.equal((await run(['sh', '-c', STUBBORN], { timeoutMs: 3_000 })).kind, 'timedOut');
  t.match(await run(['pgrep', '-f', 'sleep 360[123]']), { code: 1 }, 'none of them runs');
  const controller = new AbortController();
  const going = run(['sudo', '-u', 'vagrant', 'sleep', '3604'], { signal: controller.signal });
  controller.abort(); // Before sudo has begun anything that could be found.
  t.equal((await going).kind, 'cancelled');
  t.match(await run(['pgrep', '-f', 'sleep 360[4]']), { code: 1 });
};

const background: Check = async (t, { run }) => {
  const ended = await run(['sh', '-c', 'setsid sleep 3605 & echo started'], { timeoutMs: 120_000 });
  t.match(ended, { kind: 'exited', code: 0 });
  t.equal(text(ended.stdout), 'started\n');
  t.match(await run(['pkill', '-f', '^sleep 3605']), { code: 0 }, 'it went on');
};

const many: Check = async (t, { run }) => {
  const all = await Promise.all(Array.from({ length: 25 }, (_, index) => run(['echo', String(index)])));
  t.strictSame(
    all.map(({ stdout }) => Number(text(stdout))),
    all.map((_, index) => index),
  );
};

const interrupted: Check = async (t, { lab, name, run }) => {
  const { child, ended } = lab.start(`exec ${name} -- sleep 3606`);
  const runs = async (): Promise<boolean> => {
    const end = await run(['pgrep', '-f', '^sleep 3606']);
    return end.kind === 'exited' && end.code === 0;
  };
  const seen = await waitUntil(runs, 120, 200);
  t.ok(seen !== null && child.kill('SIGINT'));
  t.equal((await ended).code, 130);
  t.notOk(await runs());
};

const paused: Check = async (t, { provider, name, run }) => {
  const going = run(['sh', '-c', 'sleep 3; echo done']);
  await provider.pause?.(name);
  t.match(await provider.machines(), [{ name, state: 'paused' }]);
  await provider.clock.sleep(15_000);
  await provider.resume?.(name);
  t.equal(text((await going).stdout), 'done\n', 'a pause loses nothing');
};

const durable: Check = async (t, { provider, name }) => {
  const shell = provider.shell(name);
  await shell.writeFile('/etc/kept.conf', 'old', LIMIT);
  await shell.writeFile('/etc/kept.conf', 'kept', LIMIT);
  await provider.power(name, 'cut');
  await provider.power(name, 'start');
  t.equal(await on(provider, name, 'cat', '/etc/kept.conf'), 'kept', 'what was written is on the disk');
  t.equal(await on(provider, name, 'find', '/etc', '-name', '.homelab*'), '');
};

const openssh: Check = async (t, { lab, name }) => {
  const config = join(labFolder(lab), 'ssh_config');
  t.match(ran('ssh', ['-F', config, name, 'hostname']), { code: 0, stdout: `${name}\n` });
  t.equal((await type(t, lab, `exec ${name} -- hostname`, 0)).stdout, `${name}\n`);
  const seconds = { homelab: [] as number[], ssh: [] as number[] };
  for (let pair = 0; pair < PAIRS; pair += 1) {
    let before = performance.now();
    await lab.homelab(`exec ${name} -- true`);
    seconds.homelab.push((performance.now() - before) / 1_000);
    before = performance.now();
    ran('ssh', ['-F', config, name, 'sudo', 'true']);
    seconds.ssh.push((performance.now() - before) / 1_000);
  }
  const median = (all: readonly number[]): string =>
    [...all].sort((a, b) => a - b)[PAIRS >> 1]?.toFixed(2) ?? '';
  t.comment(`one program: homelab exec ${median(seconds.homelab)} s, ssh with sudo ${median(seconds.ssh)} s`);
};

/** The last one: nobody is let in after it. */
const changedKey: Check = async (t, { lab, name, run }) => {
  const renew = 'rm /etc/ssh/ssh_host_*; ssh-keygen -A && systemctl restart ssh';
  t.match(await run(['sh', '-c', renew]), { code: 0 });
  const before = readFileSync(join(labFolder(lab), 'known_hosts'), 'utf8');
  const refused = await type(t, lab, `exec ${name} -- true`, 125);
  t.match(refused.stderr, /host key of \S+ changed/);
  t.match(refused.stderr, /ssh-keygen -R/);
  const plain = ran('ssh', ['-F', join(labFolder(lab), 'ssh_config'), name, 'true']);
  t.equal(plain.code, 255, 'nor does OpenSSH go in');
  t.equal(readFileSync(join(labFolder(lab), 'known_hosts'), 'utf8'), before);
};

const CHECKS: Readonly<Record<string, Check>> = {
  'signals, missing programs and the superuser come through sudo': ends,
  '50 MB of any bytes go there and back': bytes,
  'a program is ended with its children, however it hides': stops,
  'what runs on in the background is not waited for': background,
  'more at once than sshd takes': many,
  'Ctrl-C at homelab exec ends the program there': interrupted,
  'a pause is no loss': paused,
  'a written file outlives a power cut': durable,
  'OpenSSH itself goes in by the same files': openssh,
  'a changed host key is refused': changedKey,
};

void t.test('SSH to a real machine', { skip: notPrepared() }, async (t) => {
  const lab = makeLab(t, SHAPE);
  await type(t, lab, 'up --until machines', 0);
  const provider = await lab.open();
  const { name } = must(lab.spec.machines[0], 'a lab without machines');
  const run = (argv: readonly string[], more: Partial<Command> = {}): Promise<CommandResult> =>
    provider.shell(name).run({ argv, ...LIMIT, ...more });
  for (const [title, check] of Object.entries(CHECKS)) {
    await t.test(title, (t) => check(t, { lab, provider, name, run }));
  }
  await provider.close();
  await type(t, lab, 'destroy -y', 0);
  t.strictSame(lab.leftovers(), []);
});
