/** `systemctl show`: the properties of a unit that the simulator keeps. */
import { rfc3339 } from '../../base/calendar.js';
import type { Invocation } from '../process.js';
import type { UnitState } from '../units.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { dateParts } from './dates.js';
import type { Flags } from './flags.js';

/** A masked unit: a link to /dev/null in the real world, an empty file of this name here. */
export const MASKS = '/etc/systemd/system';

export function isMasked(call: Invocation, name: string): boolean {
  return call.machine.disk.read(`${MASKS}/${name}`) === '';
}

export function subState(state: UnitState): string {
  switch (state) {
    case 'active':
      return 'running';
    case 'activating':
      return 'auto-restart';
    case 'deactivating':
      return 'stop-sigterm';
    case 'failed':
      return 'failed';
    case 'inactive':
      return 'dead';
  }
}

export function show(call: Invocation, names: readonly string[], flags: Flags): number {
  const { units } = call.machine;
  for (const [index, name] of names.entries()) {
    const file = units.file(name);
    const state = file === null ? 'inactive' : units.state(name);
    const values: Readonly<Record<string, string>> = {
      Id: name,
      LoadState: file === null ? 'not-found' : isMasked(call, name) ? 'masked' : 'loaded',
      ActiveState: state,
      SubState: subState(state),
      UnitFileState: file === null ? '' : units.isEnabled(name) ? 'enabled' : 'disabled',
      MainPID: String(units.process(name)?.pid ?? 0),
      ExecMainStatus: String(units.lastExit(name) ?? 0),
      Result: state === 'failed' ? 'exit-code' : 'success',
      ActiveEnterTimestamp: state === 'active' ? moment(units.changedMs(name), flags) : '',
    };
    const wanted = flags.list('property').flatMap((list) => list.split(','));
    if (index > 0) call.print('\n');
    for (const [key, value] of Object.entries(values)) {
      if (wanted.length > 0 && !wanted.includes(key)) continue;
      call.print(flags.has('value') ? `${value}\n` : `${key}=${value}\n`);
    }
  }
  return 0;
}

/** As systemd prints a moment, or `@` and Unix seconds with `--timestamp=unix`; empty when there was none. */
function moment(labMs: number | null, flags: Flags): string {
  if (labMs === null) return '';
  if (flags.get('timestamp') === 'unix') return `@${Math.floor((EPOCH_UNIX_MS + labMs) / 1_000)}`;
  const { weekday } = dateParts(labMs);
  return `${weekday} ${rfc3339(EPOCH_UNIX_MS + labMs)
    .replace('T', ' ')
    .replace('Z', ' UTC')}`;
}
