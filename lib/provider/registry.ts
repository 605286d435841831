/** Opens the provider of a lab: the one file that knows them all. */
import { UserError } from '../base/errors.js';
import type { LabSpec } from '../model/lab.js';
import type { TraceEvent } from '../sim/world.js';
import type { Provider } from './provider.js';
import { simHeader, simImage } from './sim/sim-lab.js';
import { SimProvider } from './sim/sim-provider.js';
import type { WorldLog, WorldRecord } from './sim/world-log.js';

export interface OpenProviderOptions {
  readonly lab: LabSpec;
  /** Fixes everything random in a simulated lab; 1 when left out. A log that has begun keeps its own. */
  readonly seed?: number;
  /** Where a simulated world is kept; in memory when left out. */
  readonly log?: WorldLog;
  /** Told of everything that happens in a simulated world. */
  readonly onTrace?: (event: TraceEvent) => void;
  /** Opens a simulated world as it was at this lab time; default the greatest time in its log. */
  readonly untilMs?: number;
}

/** Throws a `UserError` for a provider that this version does not have. */
export function openProvider(options: OpenProviderOptions): Provider {
  if (options.lab.provider === 'sim') return openSimProvider(options);
  throw new UserError({
    code: 'provider-not-supported',
    message: 'this version of homelab has no libvirt provider yet',
    remedy: 'Use the simulator: --provider sim.',
  });
}

export function openSimProvider(options: OpenProviderOptions): SimProvider {
  const { lab, seed = 1, log = memoryLog(), onTrace, untilMs } = options;
  return new SimProvider({
    ...{ log, header: simHeader(lab, seed), image: simImage(lab) },
    ...(onTrace === undefined ? {} : { onTrace }),
    ...(untilMs === undefined ? {} : { untilMs }),
  });
}

export function memoryLog(before: readonly WorldRecord[] = []): WorldLog {
  const records = [...before];
  return { read: () => [...records], append: (more) => void records.push(...more) };
}
