/**
 * The provider contract as tests, the same list for every provider: what lib/provider/provider.ts says in words.
 * Times are lab times, so that real machines get the time they need.
 */
import { sha256Hex } from '../../lib/base/digest.js';
import type { Test } from 'tap';
import { CancelledError } from '../../lib/base/errors.js';
import type { MachineSpec } from '../../lib/model/lab.js';
import {
  FileError,
  HOST,
  UnreachableError,
  type Command,
  type CommandResult,
  type Power,
  type Provider,
} from '../../lib/provider/provider.js';
import { observe, watch } from './conformance-looking.js';

export interface Subject {
  readonly provider: Provider;
  /** At least two, none of which exists yet. */
  readonly machines: readonly MachineSpec[];
}

export interface ConformanceRun {
  /** Titles of the checks, in the order in which they ran. */
  readonly titles: readonly string[];
  /** Powers that the provider does not claim on this host, and refuses as it should. */
  readonly refused: readonly Power[];
}

type Check = (t: Test, subject: Subject) => Promise<void>;

const SHORT = { timeoutMs: 60_000 };

export async function conformance(
  t: Test,
  name: string,
  open: () => Promise<Subject>,
): Promise<ConformanceRun> {
  const titles: string[] = [];
  const refused: Power[] = [];
  await t.test(`${name} keeps the provider contract`, async (t) => {
    const subject = await open();
    for (const [title, check] of CHECKS) {
      await t.test(title, (t) => check(t, subject));
      titles.push(title);
    }
    refused.push(...POWERS.filter((power) => !subject.provider.supported.includes(power)));
    if (refused.length > 0) t.comment(`powers that ${name} refuses here: ${refused.join(', ')}`);
    await subject.provider.close();
  });
  return { titles, refused };
}

const POWERS: readonly Power[] = ['pause', 'link', 'disk'];

const CHECKS: readonly (readonly [string, Check])[] = [
  ['an absent machine is not listed and cannot be reached', absent],
  ['create makes and starts the whole set, once', create],
  ['a program ends with its code, and its two streams stay apart', programs],
  ['a program that is not there ends with 127', notFound],
  ['standard input arrives', stdin],
  ['words arrive as they were given', words],
  ['a program out of time is ended', timeOut],
  ['a cancelled program is ended, and one cancelled before is not begun', cancel],
  ['files of any bytes are written whole, with their mode, and read back', files],
  ['what is no file is refused', noFiles],
  ['two commands on two machines run at the same time', together],
  ['the workstation is on the lab network', host],
  ['halt keeps the disk, start brings the machine back', halt],
  ['cut loses what ran, and its command is lost', cut],
  ['reboot starts the machine anew', reboot],
  ['a paused machine keeps its memory, or pausing is refused', pause],
  ['a pulled cable leaves the shell, or pulling it is refused', link],
  ['the clock moves by what was slept, and a sleep can be cancelled', clock],
  ['looking changes nothing', observe],
  ['who watches is told of what is there, and of a cut', watch],
  ['destroy removes machines, and again does nothing', destroy],
];

async function absent(t: Test, { provider, machines: [first] }: Subject): Promise<void> {
  t.strictSame(await provider.machines(), []);
  if (first === undefined) return;
  await t.rejects(provider.shell(first.name).run({ argv: ['true'], ...SHORT }));
}

async function create(t: Test, { provider, machines }: Subject): Promise<void> {
  t.strictSame(await provider.preflight(machines), []);
  const reports = await provider.create(machines, {});
  t.strictSame(
    reports.map(({ name, created, error }) => ({ name, created, error })),
    machines.map(({ name }) => ({ name, created: true, error: null })),
  );
  t.strictSame(
    await provider.machines(),
    machines.map(({ name }) => ({ name, state: 'running' })),
  );
  const again = await provider.create(machines, {});
  t.notOk(
    again.some((report) => report.created),
    'the second time nothing is made',
  );
}

async function programs(t: Test, subject: Subject): Promise<void> {
  t.match(await run(subject, ['true']), { kind: 'exited', code: 0, signal: null });
  t.match(await run(subject, ['test', '-e', '/no/such/file']), { kind: 'exited', code: 1 });
  const mixed = await run(subject, ['ls', '-1d', '/etc/hostname', '/no/such/file']);
  t.match(mixed, { kind: 'exited', code: 2 });
  t.equal(text(mixed.stdout), '/etc/hostname\n');
  t.match(text(mixed.stderr), /No such file or directory/);
}

async function notFound(t: Test, subject: Subject): Promise<void> {
  const ended = await run(subject, ['no-such-program', '--flag']);
  t.match(ended, { kind: 'exited', code: 127 });
  t.match(text(ended.stderr), /not found/);
}

async function stdin(t: Test, subject: Subject): Promise<void> {
  t.equal(text((await run(subject, ['cat'], { stdin: 'one\ntwo\n' })).stdout), 'one\ntwo\n');
}

async function words(t: Test, subject: Subject): Promise<void> {
  const odd = '/tmp/it\'s $HOME; `date` \\ "x" *';
  t.match(await run(subject, ['mkdir', odd]), { kind: 'exited', code: 0 });
  t.equal(text((await run(subject, ['ls', '-1d', odd])).stdout), `${odd}\n`);
  t.match(await run(subject, ['rm', '-r', odd]), { kind: 'exited', code: 0 });
}

async function timeOut(t: Test, subject: Subject): Promise<void> {
  const ended = await run(subject, ['ping', '-c', '1000', '127.0.0.1'], { timeoutMs: 3_000 });
  t.equal(ended.kind, 'timedOut');
  t.match(await run(subject, ['pgrep', '-x', 'ping']), { kind: 'exited', code: 1 }, 'it runs no more');
}

async function cancel(t: Test, subject: Subject): Promise<void> {
  const controller = new AbortController();
  const going = run(subject, ['ping', '-c', '1000', '127.0.0.1'], { signal: controller.signal });
  await subject.provider.clock.sleep(2_000);
  controller.abort();
  t.equal((await going).kind, 'cancelled');
  t.match(await run(subject, ['pgrep', '-x', 'ping']), { kind: 'exited', code: 1 }, 'it runs no more');
  const never = await run(subject, ['mkdir', '/tmp/never'], { signal: controller.signal });
  t.equal(never.kind, 'cancelled');
  t.match(await run(subject, ['test', '-e', '/tmp/never']), { kind: 'exited', code: 1 });
}

async function files(t: Test, subject: Subject): Promise<void> {
  const shell = subject.provider.shell(nameOf(subject));
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 31) % 256);
  await shell.writeFile('/root/blob', bytes, { mode: 0o600, owner: 'root:root', ...SHORT });
  const found = await shell.readFile('/root/blob', SHORT);
  t.ok(found !== null && Buffer.compare(found, bytes) === 0, 'every byte is there');
  t.equal(text((await run(subject, ['stat', '-c', '%a %U:%G', '/root/blob'])).stdout), '600 root:root\n');
  await shell.writeFile('/root/blob', 'short', SHORT);
  t.equal(text((await shell.readFile('/root/blob', SHORT)) ?? new Uint8Array()), 'short');
  t.equal(await shell.readFile('/root/nothing', SHORT), null);
  // A program that the simulator would print as these very bytes.
  const program = new TextEncoder().encode('kubeadm v1.32.0\n');
  const large = { sha256: sha256Hex('kubeadm v1.32.0\n'), size: program.length, read: () => program };
  const content = { program: 'kubeadm', version: 'v1.32.0' };
  await shell.sendFile('/root/large', { ...large, content }, { mode: 0o755, ...SHORT });
  t.equal(text((await run(subject, ['cat', '/root/large'])).stdout), 'kubeadm v1.32.0\n');
  t.equal(text((await run(subject, ['stat', '-c', '%a', '/root/large'])).stdout), '755\n');
}

async function noFiles(t: Test, subject: Subject): Promise<void> {
  const shell = subject.provider.shell(nameOf(subject));
  await t.rejects(shell.readFile('/etc', SHORT), FileError);
  await t.rejects(shell.writeFile('/no/such/folder/file', 'x', SHORT), FileError);
  await t.rejects(shell.writeFile('/etc', 'x', SHORT), FileError);
}

async function together(t: Test, { provider, machines }: Subject): Promise<void> {
  const before = provider.clock.nowMs();
  const argv = ['ping', '-c', '4', '-i', '1', '127.0.0.1'];
  const ends = await Promise.all(machines.map(({ name }) => provider.shell(name).run({ argv, ...SHORT })));
  t.ok(ends.every((end) => end.kind === 'exited' && end.code === 0));
  t.ok(
    provider.clock.nowMs() - before < 3_000 * machines.length + 3_000,
    'they did not wait for one another',
  );
}

async function host(t: Test, { provider, machines: [first] }: Subject): Promise<void> {
  const shell = provider.shell(HOST);
  const answer = await shell.run({ argv: ['ping', '-c', '1', '-W', '2', first?.address ?? ''], ...SHORT });
  t.match(answer, { kind: 'exited', code: 0 });
}

async function halt(t: Test, subject: Subject): Promise<void> {
  const { provider } = subject;
  const name = nameOf(subject);
  await provider.shell(name).writeFile('/root/kept', 'kept', SHORT);
  await provider.power(name, 'halt');
  t.equal(await stateOf(subject), 'off');
  await t.rejects(run(subject, ['true']), UnreachableError);
  await provider.power(name, 'start');
  t.equal(await stateOf(subject), 'running');
  t.equal(text((await run(subject, ['cat', '/root/kept'])).stdout), 'kept');
}

async function cut(t: Test, subject: Subject): Promise<void> {
  const { provider } = subject;
  const going = run(subject, ['ping', '-c', '1000', '127.0.0.1'], { timeoutMs: 600_000 });
  await provider.clock.sleep(2_000);
  await provider.power(nameOf(subject), 'cut');
  t.equal((await going).kind, 'lost');
  t.equal(await stateOf(subject), 'off');
  await provider.power(nameOf(subject), 'start');
  t.match(await run(subject, ['pgrep', '-x', 'ping']), { kind: 'exited', code: 1 });
  t.equal(text((await run(subject, ['cat', '/root/kept'])).stdout), 'kept');
}

async function reboot(t: Test, subject: Subject): Promise<void> {
  await run(subject, ['ip', 'addr', 'add', '192.0.2.9/32', 'dev', 'lo']);
  await subject.provider.power(nameOf(subject), 'reboot');
  t.equal(await stateOf(subject), 'running');
  t.match(await run(subject, ['test', '-e', '/root/kept']), { kind: 'exited', code: 0 });
}

async function pause(t: Test, subject: Subject): Promise<void> {
  const { provider } = subject;
  const name = nameOf(subject);
  if (!provider.supported.includes('pause')) {
    await refuses(t, provider.pause?.bind(provider, name));
    await refuses(t, provider.resume?.bind(provider, name));
    return;
  }
  await run(subject, ['mkdir', '/run/in-memory']);
  await provider.pause?.(name);
  t.equal(await stateOf(subject), 'paused');
  await provider.resume?.(name);
  t.equal(await stateOf(subject), 'running');
  t.match(await run(subject, ['test', '-e', '/run/in-memory']), { kind: 'exited', code: 0 });
}

async function link(t: Test, subject: Subject): Promise<void> {
  const { provider } = subject;
  const name = nameOf(subject);
  if (!provider.supported.includes('link')) {
    await refuses(t, provider.link?.bind(provider, name, 'down'));
    return;
  }
  const ask = { argv: ['ping', '-c', '1', '-W', '2', subject.machines[0]?.address ?? ''], ...SHORT };
  const answer = (): Promise<CommandResult> => provider.shell(HOST).run(ask);
  await provider.link?.(name, 'down');
  t.match(await answer(), { kind: 'exited', code: 1 }, 'nobody answers over a pulled cable');
  t.match(await run(subject, ['true']), { kind: 'exited', code: 0 }, 'its shell does not need that cable');
  await provider.link?.(name, 'up');
  await provider.clock.sleep(5_000);
  t.match(await answer(), { kind: 'exited', code: 0 });
}

/** A power that is not claimed is not there at all, or says so. */
async function refuses(t: Test, power: (() => Promise<void>) | undefined): Promise<void> {
  if (power === undefined) t.pass('there is no such power');
  else await t.rejects(power(), { code: 'unsupported' });
}

async function clock(t: Test, { provider }: Subject): Promise<void> {
  const before = provider.clock.nowMs();
  await provider.clock.sleep(1_500);
  t.ok(provider.clock.nowMs() - before >= 1_500);
  const controller = new AbortController();
  const sleeping = provider.clock.sleep(3_600_000, controller.signal);
  controller.abort();
  await t.rejects(sleeping, CancelledError);
}

async function destroy(t: Test, { provider, machines }: Subject): Promise<void> {
  const names = machines.map(({ name }) => name);
  await provider.destroy(names);
  t.strictSame(await provider.machines(), []);
  t.strictSame(await provider.residue(), []);
  await provider.destroy(names);
}

function run(subject: Subject, argv: readonly string[], more: Partial<Command> = {}): Promise<CommandResult> {
  return subject.provider.shell(nameOf(subject)).run({ argv, ...SHORT, ...more });
}

function nameOf({ machines }: Subject): string {
  return machines[0]?.name ?? '';
}

async function stateOf(subject: Subject): Promise<string> {
  const machine = (await subject.provider.machines()).find(({ name }) => name === nameOf(subject));
  return machine?.state ?? 'absent';
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
