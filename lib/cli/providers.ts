/** Opens a lab's machines: to operate on them, or only to look. */
import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { FileJournal } from '../engine/journal-file.js';
import type { Provider } from '../provider/provider.js';
import { openProvider as open } from '../provider/registry.js';
import { SimProvider } from '../provider/sim/sim-provider.js';
import { checkWorldRecord, type WorldLog, type WorldRecord } from '../provider/sim/world-log.js';
import { fileExists } from './files.js';
import type { Lab } from './labs.js';

/** `look` plays a copy of a simulated world that is thrown away: nothing that is done to it is kept. */
export type Access = 'operate' | 'look';

export function openProvider(lab: Lab, access: Access): Provider {
  const { spec, seed } = lab.record;
  const path = join(lab.folder, 'world.jsonl');
  return open({ lab: spec, seed, log: access === 'look' ? throwAway(path) : durable(path) });
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
