/** Opens the provider of a lab: the one file that knows them all. */
import { must } from '../base/errors.js';
import type { OpenBundle } from '../model/bundle.js';
import type { LabSpec } from '../model/lab.js';
import type { TraceEvent } from '../sim/world.js';
import type { Observation, Provider } from './provider.js';
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
  /** Where a lab of real machines keeps its files, and the environment of its programs; only those labs need it. */
  readonly host?: HostOptions;
  /** Opens a simulated world as it was at this lab time; default the greatest time in its log. */
  readonly untilMs?: number;
  /** Begins every random stream of a simulated world anew under this name, once its log is played. */
  readonly refork?: string;
  /** Told of everything that an onlooker of a simulated world would have seen while its log is played. */
  readonly onSeen?: (seen: Observation) => void;
}

export interface HostOptions {
  /** Absolute path of the lab's folder; made when it is not there. */
  readonly folder: string;
  /** Environment of vagrant, virsh, packer and ssh; their PATH and HOME among it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Opens the lab's bundle, for its node image; only labs with a bundle need it. */
  readonly bundle?: () => OpenBundle | null;
  /** Only looks: writes nothing into the folder. */
  readonly look?: boolean;
}

export async function openProvider(options: OpenProviderOptions): Promise<Provider> {
  const { lab, host } = options;
  if (lab.provider === 'sim') return openSimProvider(options);
  // Half of all modules are for real machines: who looks at a simulated lab does not wait for them.
  const { LibvirtProvider } = await import('./libvirt/libvirt-provider.js');
  return new LibvirtProvider({ lab, ...must(host, 'a lab of real machines was opened without its host') });
}

export function openSimProvider(options: OpenProviderOptions): SimProvider {
  const { lab, seed = 1, log = memoryLog(), onTrace, untilMs, refork, onSeen } = options;
  return new SimProvider({
    ...{ log, header: simHeader(lab, seed), image: simImage(lab) },
    ...(onTrace === undefined ? {} : { onTrace }),
    ...(untilMs === undefined ? {} : { untilMs }),
    ...(refork === undefined ? {} : { refork }),
    ...(onSeen === undefined ? {} : { onSeen }),
  });
}

export function memoryLog(before: readonly WorldRecord[] = []): WorldLog {
  const records = [...before];
  return { read: () => [...records], append: (more) => void records.push(...more) };
}
