/** Simulated labs in memory for tests: a resolved lab, its provider, and saga runs over memory journals. */
import { fromBase64Bytes, toBase64Bytes } from '../../lib/base/base64.js';
import { must } from '../../lib/base/errors.js';
import { resolve } from '../../lib/config/resolve.js';
import type { Overrides } from '../../lib/config/flags.js';
import type { EngineEvent } from '../../lib/engine/events.js';
import { MemoryJournal, type Journal } from '../../lib/engine/journal.js';
import type { RunMode, SagaRecord } from '../../lib/engine/records.js';
import type { SagaResult } from '../../lib/engine/result.js';
import { runSaga } from '../../lib/engine/runner.js';
import type { Saga } from '../../lib/engine/saga.js';
import type { LabSpec } from '../../lib/model/lab.js';
import { openSimProvider } from '../../lib/provider/registry.js';
import type { SimProvider } from '../../lib/provider/sim/sim-provider.js';
import type { WorldLog } from '../../lib/provider/sim/world-log.js';

export { memoryLog } from '../../lib/provider/registry.js';
import { bootstrapSaga } from '../../lib/sagas/bootstrap.js';
import type { SagaPorts } from '../../lib/sagas/ports.js';
import type { TraceEvent } from '../../lib/sim/world.js';

export function labOf(overrides: Overrides = {}): LabSpec {
  const { spec, problems } = resolve({
    text: null,
    file: null,
    overrides: { topology: 'k8s-ha', ...overrides },
  });
  return must(spec, problems.map((problem) => problem.message).join('; '));
}

export interface SimOptions {
  readonly seed?: number;
  readonly log?: WorldLog;
  readonly onTrace?: (event: TraceEvent) => void;
  readonly refork?: string;
}

export function openSim(lab: LabSpec, options: SimOptions = {}): SimProvider {
  return openSimProvider({ lab, ...options });
}

/** A lab's folder in memory; bytes are kept as Base64, and the recorded version as `version`. */
export function memoryPorts(files = new Map<string, string>()): SagaPorts {
  return {
    folder: {
      write: (name, content) =>
        void files.set(name, typeof content === 'string' ? content : toBase64Bytes(content)),
      remove: (name) => void files.delete(name),
      read: (name) => files.get(name) ?? null,
      readBytes: (name) => {
        const content = files.get(name);
        return content === undefined ? null : fromBase64Bytes(content);
      },
      list: (folder) => {
        const names = [...files.keys()].filter((name) => name.startsWith(`${folder}/`));
        return names.map((name) => name.slice(folder.length + 1)).sort();
      },
    },
    bundle: null,
    recordVersion: (version) => void files.set('version', version),
  };
}

export interface RunSimOptions {
  readonly provider: SimProvider;
  readonly journal?: Journal<SagaRecord>;
  readonly mode?: RunMode;
  readonly until?: string;
  readonly signal?: AbortSignal;
  readonly observer?: (event: EngineEvent) => void;
}

export function runOnSim(saga: Saga, options: RunSimOptions): Promise<SagaResult> {
  const { provider, journal = new MemoryJournal<SagaRecord>(), mode = 'run', until } = options;
  return runSaga({
    ...{ saga, journal, provider, mode, seed: provider.seed },
    signal: options.signal ?? new AbortController().signal,
    observer: options.observer ?? ((): void => undefined),
    ...(until === undefined ? {} : { until }),
  });
}

/** Brings a fresh simulated lab up. */
export async function bootstrapOnSim(lab: LabSpec, options: Partial<RunSimOptions> & SimOptions = {}) {
  const provider = options.provider ?? openSim(lab, options);
  const saga = bootstrapSaga(lab, { existing: [], initialized: false }, memoryPorts());
  return { provider, result: await runOnSim(saga, { ...options, provider }) };
}
