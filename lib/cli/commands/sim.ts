/**
 * `homelab sim`: what a simulated lab's log makes possible: its events, the world as it was, and copies that go
 * another way. The lab itself is only read.
 */
import { InvalidArgumentError, type Command } from 'commander';
import { printMoment } from '../../base/duration.js';
import { UserError } from '../../base/errors.js';
import { runCli, type Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { durationOption } from '../duration-option.js';
import { removeFolder } from '../files.js';
import { checkNewName, copyAnew, copyAt, labTimeOf } from '../lab-copy.js';
import { mustFindLab, replayFolder, type Lab } from '../labs.js';
import { aboutLab, examples, speaking } from '../options.js';
import { worldOf } from '../providers.js';
import { checkMachine } from '../remote-program.js';
import type { Session } from '../session.js';
import { takeStill } from '../still.js';
import { traceOf, traceText } from '../trace.js';

/** What can be asked of, or done to, a world that is thrown away. Whole operations are for a fork. */
const REPLAYED = [
  'status',
  'etcd',
  'quorum',
  'lint',
  'saga',
  'kubeconfig',
  'exec',
  'kubectl',
  'machine',
  'wait',
  'ssh',
];

export function define(command: Command, perform: Perform): void {
  command.enablePositionalOptions();
  defineTrace(subcommand(command, 'trace', 'every event of the lab, from the beginning'), perform);
  defineReplay(subcommand(command, 'replay', 'run a command on the lab as it was'), perform);
  defineFork(subcommand(command, 'fork', 'copy the lab as it was, to go another way'), perform);
  defineStill(subcommand(command, 'still', 'keep the world as it is now, for quick looks'), perform);
  defineSeed(subcommand(command, 'seed', 'the same lab and planned faults with another seed'), perform);
  examples(command, [['homelab sim replay --until 12m30s -- status', 'how it was then']]);
}

function subcommand(command: Command, name: string, summary: string): Command {
  return command.command(name).summary(summary).description(summary);
}

function defineTrace(trace: Command, perform: Perform): void {
  aboutLab(trace)
    .option('--machine <name>', 'only events of this machine')
    .option('--service <name>', 'only events of this service, such as etcd or kube-vip')
    .option('--from <time>', 'from this lab time on', durationOption)
    .option('--until <time>', 'up to this lab time', durationOption)
    .action(() => perform(trace, simTrace));
  examples(trace, [
    ['homelab sim trace --service kube-vip', 'who held the floating address, and when'],
    ['homelab sim trace --machine stage-cp-1 --from 4m --until 4m30s', 'half a minute of one machine'],
  ]);
}

async function simTrace(session: Session): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const { options } = session;
  const records = worldOf(lab, 'sim trace');
  const machine = textOption(options['machine']);
  const document = traceOf(lab, records, {
    machine: machine === null ? null : checkMachine(lab, machine),
    service: textOption(options['service']),
    fromMs: timeOption(options['from']) ?? 0,
    untilMs: timeOption(options['until']) ?? Infinity,
  });
  session.result(document, traceText(document.events));
  return 0;
}

function defineReplay(replay: Command, perform: Perform): void {
  replay
    .argument('[command...]', 'what to run, after --; status when left out')
    .passThroughOptions()
    .option('-f, --config <file>', 'configuration beside which the lab is')
    .option('--lab <name>', 'the lab, when there are several')
    .option('--until <time>', 'the lab time to look at (default: now)', durationOption)
    .action((words: readonly string[]) => perform(replay, (session) => simReplay(session, words)));
  examples(replay, [
    ['homelab sim replay --until 4m10s -- status', 'machines, etcd and the API then'],
    ['homelab sim replay --until 4m10s -- kubectl get pods -A', 'taken from a copy that is thrown away'],
  ]);
}

/** The command runs in a state folder of its own that holds nothing but the copy. */
async function simReplay(session: Session, words: readonly string[]): Promise<number> {
  const args = words.length === 0 ? ['status'] : words;
  if (!REPLAYED.includes(args[0] ?? '')) throw notReplayed(args[0] ?? '');
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const atMs = momentOption(session, 'until', lab, 'sim replay');
  const folder = replayFolder(lab, session.io.pid);
  try {
    copyAt(lab, atMs, folder, lab.name, 'sim replay');
    return await runCli({ ...session.io, args, cwd: folder, node: null });
  } finally {
    removeFolder(folder);
  }
}

function defineStill(still: Command, perform: Perform): void {
  aboutLab(still).action(() => perform(still, takeStill));
  examples(still, [['homelab sim still', 'homelab does so itself after a look that had to play the log']]);
}

function defineFork(fork: Command, perform: Perform): void {
  copying(fork)
    .option('--at <time>', 'the lab time to copy (default: now)', durationOption)
    .action(() => perform(fork, simFork));
  examples(fork, [
    ['homelab sim fork --at 12m30s --lab b', 'lab b is as this one was'],
    ['homelab resume --lab b', 'goes on with what was under way then'],
  ]);
}

async function simFork(session: Session): Promise<number> {
  const { base, lab, name } = copied(session);
  const atMs = momentOption(session, 'at', lab, 'sim fork');
  checkNewName(base, name);
  copyAt(lab, atMs, base, name, 'sim fork');
  const document = { lab: name, of: lab.name, atMs, seed: lab.record.seed };
  session.result(document, `lab ${name} is lab ${lab.name} as it was at ${printMoment(atMs)}\n`);
  session.note(`Look at it with: homelab status --lab ${name}`);
  return 0;
}

function defineSeed(seed: Command, perform: Perform): void {
  copying(seed)
    .argument('<number>', 'another seed', wholeNumber)
    .action((number: number) => perform(seed, (session) => simSeed(session, number)));
  examples(seed, [
    ['homelab sim seed 7 --lab b', 'lab b, from the beginning'],
    ['homelab up --lab b', 'the same story with another seed'],
  ]);
}

async function simSeed(session: Session, seed: number): Promise<number> {
  const { base, lab, name } = copied(session);
  checkNewName(base, name);
  copyAnew(lab, seed, base, name, 'sim seed');
  const document = { lab: name, of: lab.name, atMs: 0, seed };
  session.result(document, `lab ${name} is lab ${lab.name} before anything was done, with seed ${seed}\n`);
  session.note(`Run it with: homelab up --lab ${name}`);
  return 0;
}

/** For commands that copy a lab: here `--lab` names the new one. */
function copying(command: Command): Command {
  return speaking(command)
    .option('-f, --config <file>', 'configuration beside which the lab is')
    .option('--of <name>', 'the lab to copy, when there are several')
    .requiredOption('--lab <name>', 'name of the copy');
}

function copied(session: Session): { readonly base: string; readonly lab: Lab; readonly name: string } {
  const base = baseFolder(session);
  const lab = mustFindLab(base, textOption(session.options['of']) ?? undefined);
  return { base, lab, name: session.options.lab ?? '' };
}

function momentOption(session: Session, name: string, lab: Lab, command: string): number {
  return timeOption(session.options[name]) ?? labTimeOf(lab, command);
}

function textOption(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function timeOption(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function wholeNumber(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number is expected.');
}

function notReplayed(name: string): UserError {
  return new UserError({
    code: 'not-replayed',
    message: `${name} does not run on a copy that is thrown away`,
    remedy: `Run one of ${REPLAYED.join(', ')}; for whole operations make a copy with: homelab sim fork`,
  });
}
