/** Bootstraps with something happening to them, and everything that was said while they ran. */
import { fromBase64Bytes } from '../../lib/base/base64.js';
import { MemoryJournal } from '../../lib/engine/journal.js';
import type { SagaRecord } from '../../lib/engine/records.js';
import type { SagaResult } from '../../lib/engine/result.js';
import type { LabSpec } from '../../lib/model/lab.js';
import type { Residue } from '../../lib/provider/provider.js';
import type { FaultAction, Operation } from '../../lib/provider/sim/operations.js';
import type { SimProvider } from '../../lib/provider/sim/sim-provider.js';
import type { WorldLog } from '../../lib/provider/sim/world-log.js';
import { bootstrapSaga, type BootstrapInput } from '../../lib/sagas/bootstrap.js';
import { bootstrapResidue } from '../../lib/sagas/residue.js';
import { memoryLog, memoryPorts, openSim, runOnSim } from './sim-lab.js';

export interface Fault {
  readonly dueMs: number;
  readonly machine: string;
  readonly action: FaultAction;
}

export interface Ran {
  readonly provider: SimProvider;
  readonly result: SagaResult;
  readonly residue: readonly Residue[];
  /** The files of the lab's folder. */
  readonly files: Map<string, string>;
  readonly log: WorldLog;
  /** The journal, every engine event and the result, as they would be written. */
  readonly said: string;
}

export interface RunOptions {
  readonly faults?: readonly Fault[];
  readonly input?: BootstrapInput;
  readonly seed?: number;
  /** A world that is there already, with its log and the files of the lab's folder. */
  readonly world?: Pick<Ran, 'provider' | 'log' | 'files'>;
}

const NOTHING_THERE: BootstrapInput = { existing: [], initialized: false };

export async function runBootstrap(lab: LabSpec, options: RunOptions = {}): Promise<Ran> {
  const log = options.world?.log ?? memoryLog();
  const provider = options.world?.provider ?? openSim(lab, { log, seed: options.seed ?? 1 });
  for (const fault of options.faults ?? []) await provider.planFault(fault);
  const files = options.world?.files ?? new Map<string, string>();
  const journal = new MemoryJournal<SagaRecord>();
  const events: unknown[] = [];
  const input = options.input ?? NOTHING_THERE;
  const result = await runOnSim(bootstrapSaga(lab, input, memoryPorts(files)), {
    ...{ provider, journal },
    observer: (event) => events.push(event),
  });
  const residue = await bootstrapResidue(provider, lab, input.existing);
  const said = JSON.stringify([journal.read(), events, result]);
  return { provider, result, residue, files, log, said };
}

/** An operation on the world with the lab time of its beginning, and of its end if it came. */
export interface Done {
  readonly op: Operation;
  readonly atMs: number;
  readonly doneAtMs: number | null;
}

export function operationsOf(log: WorldLog): readonly Done[] {
  const records = log.read();
  const ends = new Map(
    records.flatMap((one) => ('doneAtMs' in one ? [[one.seq, one.doneAtMs] as const] : [])),
  );
  return records.flatMap((one) =>
    'op' in one ? [{ op: one.op, atMs: one.atMs, doneAtMs: ends.get(one.seq) ?? null }] : [],
  );
}

/** Those that run a program whose command line begins like this. */
export function commandsOf(
  log: WorldLog,
  ...begin: readonly string[]
): readonly (Done & { machine: string })[] {
  return operationsOf(log).flatMap((one) =>
    one.op.kind === 'run' && begin.every((word, i) => one.op.kind === 'run' && one.op.argv[i] === word)
      ? [{ ...one, machine: one.op.machine }]
      : [],
  );
}

/** Texts that were written to machines. */
export function writesOf(
  log: WorldLog,
): readonly { readonly machine: string; readonly path: string; readonly text: string }[] {
  const decoder = new TextDecoder();
  return operationsOf(log).flatMap(({ op }) =>
    op.kind === 'write'
      ? [{ machine: op.machine, path: op.path, text: decoder.decode(fromBase64Bytes(op.content)) }]
      : [],
  );
}

/** The greatest number of them that were under way at once. */
export function mostAtOnce(commands: readonly Done[]): number {
  const isUnderWay = (one: Done, atMs: number): boolean =>
    one.atMs <= atMs && (one.doneAtMs === null || one.doneAtMs > atMs);
  return Math.max(0, ...commands.map(({ atMs }) => commands.filter((one) => isUnderWay(one, atMs)).length));
}
