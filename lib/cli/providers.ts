/** Opens a lab's machines: to operate on them, or only to look. */
import { UserError } from '../base/errors.js';
import { FileJournal } from '../engine/journal-file.js';
import type { Provider } from '../provider/provider.js';
import { openProvider as open, openSimProvider, type OpenProviderOptions } from '../provider/registry.js';
import { SimProvider } from '../provider/sim/sim-provider.js';
import { checkWorldRecord, type WorldLog, type WorldRecord } from '../provider/sim/world-log.js';
import { fileExists, readText } from './files.js';
import type { Io } from './io.js';
import { baseOf, checkSimulated, worldPath, type Lab } from './labs.js';

/** `look` plays a copy of a simulated world that is thrown away, and writes nothing of real machines. */
export type Access = 'operate' | 'look';

export async function openProvider(
  io: Pick<Io, 'env' | 'played'>,
  lab: Lab,
  access: Access,
  past: Pick<OpenProviderOptions, 'onSeen'> = {},
): Promise<Provider> {
  const { spec, seed } = lab.record;
  const look = access === 'look';
  if (spec.provider === 'libvirt') {
    const { labBundle } = await import('./bundle/open.js');
    const bundle = () => labBundle(baseOf(lab), spec);
    return open({ lab: spec, host: { folder: lab.folder, env: io.env, look, bundle } });
  }
  const path = worldPath(lab);
  // This process began with the world played: see lib/cli/still.ts.
  if (look && io.played?.log === readText(path)) return io.played.provider;
  return open({ lab: spec, seed, log: look ? throwAway(path) : durable(path), ...past });
}

/** A copy that is thrown away: its events as they are played, when to stop, and another future. */
export type View = Pick<OpenProviderOptions, 'onTrace' | 'untilMs' | 'refork' | 'onSeen'>;

/** The log of a simulated lab as it is now. Throws a `UserError` for a lab of real machines. */
export function worldOf(lab: Lab, command: string): readonly WorldRecord[] {
  checkSimulated(lab, command);
  return throwAway(worldPath(lab)).read();
}

/** Plays a log on a world that is thrown away. */
export function openCopy({ record }: Lab, records: readonly WorldRecord[], view: View): SimProvider {
  const log = { read: () => records, append: () => undefined };
  return openSimProvider({ lab: record.spec, seed: record.seed, log, ...view });
}

/** The simulated provider of a lab; only it can plan faults ahead. */
export function asSim(provider: Provider): SimProvider {
  if (provider instanceof SimProvider) return provider;
  throw new UserError({
    code: 'simulator-only',
    message: 'faults can be planned ahead in the simulator only',
    remedy: 'Leave --fault out, or use a simulated lab (--provider sim).',
  });
}

function durable(path: string): WorldLog {
  return fileExists(path) ? FileJournal.open(path, checkWorldRecord) : FileJournal.create<WorldRecord>(path);
}

function throwAway(path: string): WorldLog {
  const records = fileExists(path) ? FileJournal.read(path, checkWorldRecord) : [];
  return { read: () => records, append: () => undefined };
}
