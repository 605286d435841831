/**
 * `systemctl` over the machine's service units: verbs, texts and exit codes of systemd 252. Jobs that do not
 * wait, drop-ins, targets and isolation are not modelled; `reboot` and `poweroff` are handed to the
 * hypervisor's side.
 */
import type { Invocation } from '../process.js';
import { haltMachine, startMachine } from '../power.js';
import { sleep, type Sim } from '../task.js';
import { UNIT_FOLDER, Units, WANTS_FOLDER, type UnitState } from '../units.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { rfc3339 } from '../../base/calendar.js';
import { dateParts, systemdAge } from './dates.js';
import { Failure, gnuFlags, notModelled, program } from './failure.js';
import { FlagProblem, type Flags } from './flags.js';
import { killUnits } from './kill.js';
import { journalText } from './journalctl.js';
import { baseName } from './paths.js';
import { isMasked, MASKS, show, subState } from './systemctl-show.js';

const FLAGS = [
  ...['now', 'quiet|q', 'property|p=', 'value', 'no-pager', 'full|l', 'lines|n=', 'no-block', 'force|f'],
  ...['system', 'plain', 'no-legend', 'all|a', 'type|t=', 'state=', 'output|o=', 'timestamp='],
  ...['signal|s=', 'kill-whom=', 'kill-who='],
];
/** How long the manager takes to look at a unit it has just started. */
const SETTLE_MS = 50;

export const systemctl = program('command', function* run(call) {
  const flags = readFlags(call);
  const [verb = 'list-units', ...names] = flags.operands;
  const units = names.map((name) => Units.nameOf(name));
  switch (verb) {
    case 'daemon-reload':
    case 'reset-failed':
      return 0;
    case 'start':
    case 'stop':
    case 'restart':
    case 'try-restart':
    case 'reload-or-restart':
    case 'reload':
      return yield* change(call, verb, units);
    case 'enable':
    case 'disable':
      return yield* enable(call, verb, units, flags);
    case 'mask':
    case 'unmask':
      return yield* mask(call, verb, units, flags);
    case 'is-active':
    case 'is-failed':
    case 'is-enabled':
      return ask(call, verb, units, flags);
    case 'kill':
      return killUnits(call, units, flags);
    case 'status':
      return status(call, units, flags);
    case 'show':
      return show(call, units, flags);
    case 'reboot':
    case 'poweroff':
    case 'halt':
      return shutDown(call, verb);
    case 'list-units':
    case 'list-unit-files':
    case 'cat':
    case 'edit':
    case 'list-timers':
      throw notModelled('systemctl', verb);
    default:
      throw new Failure(`Unknown command verb ${verb}.\n`);
  }
});

function readFlags(call: Invocation): Flags {
  try {
    return gnuFlags('systemctl', FLAGS, call.args);
  } catch (error) {
    // systemctl does not add coreutils' "Try --help" line.
    if (error instanceof Failure) throw new Failure(`${error.text.split('\n')[0] ?? ''}\n`);
    throw error instanceof FlagProblem ? new Failure(`systemctl: ${error.message}\n`) : error;
  }
}

function* change(call: Invocation, verb: string, names: readonly string[]): Sim<number> {
  const { units } = call.machine;
  if (names.length === 0) throw new Failure('Too few arguments.\n');
  let code = 0;
  for (const name of names) {
    if (units.file(name) === null) {
      const past = verb === 'stop' ? `Failed to stop ${name}: Unit ${name} not loaded.` : null;
      call.printError(`${past ?? `Failed to ${verb} ${name}: Unit ${name} not found.`}\n`);
      code = 5;
      continue;
    }
    if (verb !== 'stop' && isMasked(call, name)) {
      call.printError(`Failed to ${verb} ${name}: Unit ${name} is masked.\n`);
      code = 1;
      continue;
    }
    const stops = verb !== 'start' && !(verb === 'try-restart' && units.state(name) === 'inactive');
    if (verb === 'try-restart' && !stops) continue;
    if (stops) yield* units.stop(name);
    if (verb === 'stop') continue;
    if (!(yield* started(call, name))) code = 1;
  }
  return code;
}

/** Starts a unit and waits until systemd would call it started. */
function* started(call: Invocation, name: string): Sim<boolean> {
  const { units } = call.machine;
  units.start(name);
  yield* sleep(SETTLE_MS);
  const state = units.state(name);
  if (state === 'active' || state === 'activating' || state === 'inactive') return true;
  call.printError(
    `Job for ${name} failed because the control process exited with error code.\n` +
      `See "systemctl status ${name}" and "journalctl -xeu ${name}" for details.\n`,
  );
  return false;
}

function* enable(call: Invocation, verb: string, names: readonly string[], flags: Flags): Sim<number> {
  const { units } = call.machine;
  if (names.length === 0) throw new Failure('Too few arguments.\n');
  for (const name of names) {
    if (units.file(name) === null) {
      throw new Failure(`Failed to ${verb} unit: Unit file ${name} does not exist.\n`);
    }
    if (verb === 'enable' && isMasked(call, name)) {
      throw new Failure(`Failed to enable unit: Unit file ${MASKS}/${name} is masked.\n`);
    }
    const link = `${WANTS_FOLDER}/${name}`;
    if (verb === 'enable' && !units.isEnabled(name)) {
      units.enable(name);
      if (!flags.has('quiet')) call.printError(`Created symlink ${link} → ${UNIT_FOLDER}/${name}.\n`);
    } else if (verb === 'disable' && units.isEnabled(name)) {
      units.disable(name);
      if (!flags.has('quiet')) call.printError(`Removed "${link}".\n`);
    }
  }
  return flags.has('now') ? yield* change(call, verb === 'enable' ? 'start' : 'stop', names) : 0;
}

function* mask(call: Invocation, verb: string, names: readonly string[], flags: Flags): Sim<number> {
  const { disk } = call.machine;
  for (const name of names) {
    const path = `${MASKS}/${name}`;
    if (verb === 'mask' && !disk.exists(path)) {
      disk.makeDirectories(MASKS);
      disk.write(path, '');
      call.printError(`Created symlink ${path} → /dev/null.\n`);
    } else if (verb === 'unmask' && isMasked(call, name)) {
      disk.remove(path);
      call.printError(`Removed "${path}".\n`);
    }
  }
  return flags.has('now') && verb === 'mask' ? yield* change(call, 'stop', names) : 0;
}

function ask(call: Invocation, verb: string, names: readonly string[], flags: Flags): number {
  const { units } = call.machine;
  let good = false;
  let known = false;
  for (const name of names) {
    const exists = units.file(name) !== null;
    known ||= exists;
    if (verb === 'is-enabled') {
      if (!exists) {
        call.printError(`Failed to get unit file state for ${name}: No such file or directory\n`);
        continue;
      }
      const text = isMasked(call, name) ? 'masked' : units.isEnabled(name) ? 'enabled' : 'disabled';
      good ||= text === 'enabled';
      if (!flags.has('quiet')) call.print(`${text}\n`);
      continue;
    }
    const state = exists ? units.state(name) : 'inactive';
    good ||= state === (verb === 'is-active' ? 'active' : 'failed');
    if (!flags.has('quiet')) call.print(`${state}\n`);
  }
  if (good) return 0;
  if (verb === 'is-active') return known ? 3 : 4;
  return 1;
}

function status(call: Invocation, names: readonly string[], flags: Flags): number {
  if (names.length === 0) throw notModelled('systemctl', 'status without a unit');
  let code = 0;
  for (const [index, name] of names.entries()) {
    if (index > 0) call.print('\n');
    code = Math.max(code, statusOf(call, name, flags));
  }
  return code;
}

const DOTS: Readonly<Record<UnitState, string>> = {
  active: '●',
  activating: '●',
  deactivating: '●',
  failed: '×',
  inactive: '○',
};

function statusOf(call: Invocation, name: string, flags: Flags): number {
  const { machine } = call;
  const { units } = machine;
  const file = units.file(name);
  if (file === null) {
    call.printError(`Unit ${name} could not be found.\n`);
    return 4;
  }
  const state = units.state(name);
  const enabled = units.isEnabled(name) ? 'enabled' : 'disabled';
  const process = units.process(name);
  const sub = subState(state);
  const shown = state === 'failed' ? `failed (Result: exit-code)` : `${state} (${sub})`;
  call.print(`${DOTS[state]} ${name}\n`);
  call.print(`     Loaded: loaded (${UNIT_FOLDER}/${name}; ${enabled}; preset: enabled)\n`);
  call.print(`     Active: ${shown}${sinceText(call, name)}\n`);
  if (process !== null) call.print(`   Main PID: ${process.pid} (${baseName(process.name)})\n`);
  const last = units.lastExit(name);
  if (process === null && last !== null) {
    const result = last === 0 ? 'SUCCESS' : 'FAILURE';
    call.print(`   Main PID: (code=exited, status=${last}/${result})\n`);
  }
  const count = Number(flags.get('lines') ?? '10');
  const lines = machine.journal.filter((line) => Units.nameOf(line.unit) === name).slice(-count);
  if (lines.length > 0 && count > 0)
    call.print(`\n${lines.map((line) => journalText(machine, line)).join('')}`);
  return state === 'active' || state === 'activating' ? 0 : 3;
}

/** Since when: the last line that the journal has of the unit is the nearest thing that is kept. */
function sinceText(call: Invocation, name: string): string {
  const { machine } = call;
  const since = machine.units.changedMs(name);
  if (since === null) return '';
  const { weekday } = dateParts(since);
  const text = rfc3339(EPOCH_UNIX_MS + since)
    .replace('T', ' ')
    .replace('Z', ' UTC');
  return ` since ${weekday} ${text}; ${systemdAge(machine.wallMs - since)} ago`;
}

/** Returns at once, as the real one does; the shutdown ends the session that asked for it. */
function shutDown(call: Invocation, verb: string): number {
  const { world, machine } = call;
  world.scheduler.spawn(world.group, `${machine.name}: ${verb}`, cycle(call, verb === 'reboot'));
  return 0;
}

function* cycle(call: Invocation, again: boolean): Sim<void> {
  yield* haltMachine(call.machine);
  if (again) yield* startMachine(call.machine);
}
