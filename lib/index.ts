/**
 * homelab as a library: configuration → lab → plan, generated files and sagas, and the engine that runs them. Nothing
 * here reads the command line or prints. Only the journals on disk need Node; the rest runs in a browser too.
 */
export { CancelledError, UserError, type Problem } from './base/errors.js';
export type { Clock } from './base/clock.js';

export {
  furtherLabs,
  planLabs,
  type HostPlan,
  type LabPlan,
  type PlanDocument,
  type Planned,
  type PlanRequest,
} from './config/plan.js';
export { resolve, type Resolved, type ResolveInput } from './config/resolve.js';
export type * from './model/lab.js';

export { WHATS, outputPath, type GeneratedFile, type What } from './generate/file.js';
export { render } from './generate/render.js';

export type * from './provider/provider.js';
export { FileError, HOST, UnreachableError, UnsupportedError } from './provider/provider.js';

export { memoryLog, openProvider, type OpenProviderOptions } from './provider/registry.js';

export type { EngineEvent, Observer } from './engine/events.js';
export { MemoryJournal, type Journal, type RecordedError } from './engine/journal.js';
export {
  createJournal,
  findOpenJournal,
  listJournals,
  openJournal,
  readJournal,
  type FileJournal,
  type JournalEntry,
} from './engine/journal-file.js';
export { mermaid } from './engine/mermaid.js';
export type { RunMode, SagaRecord } from './engine/records.js';
export { resultOf, type SagaResult, type StepResult } from './engine/result.js';
export { runSaga, type RunOptions } from './engine/runner.js';
export {
  StepError,
  UNDO_RETRY,
  type Guard,
  type ProbeAnswer,
  type RetryPolicy,
  type Saga,
  type SagaOutcome,
  type Stage,
  type Step,
  type StepContext,
  type StepKind,
  type StepOutcome,
} from './engine/saga.js';

export { BOOTSTRAP, bootstrapSaga, type BootstrapInput } from './sagas/bootstrap.js';
export { DESTROY, destroySaga, DOWN, downSaga } from './sagas/lifecycle.js';
export type { LabFolder, SagaPorts } from './sagas/ports.js';

export { LaneFold, type Interval, type Lane } from './report/lanes.js';
export { lowestMarginOf, outagesOf, vipMovesOf, vipSharedOf } from './report/outages.js';
export type { Margin, Outage, VipMove } from './report/outages.js';
export { runReport, type RunFacts, type RunReport } from './report/run-report.js';
export type { LaneGroup, Sight } from './report/sights.js';
