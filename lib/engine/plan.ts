/**
 * A saga without its functions: the outline that is recorded, digested and compared, so that a resume can tell
 * whether it still has the plan that the journal began with.
 */
import { canonicalJson, sha256Hex } from '../base/digest.js';
import { UNDO_RETRY, type RetryPolicy, type Saga, type StepKind } from './saga.js';

export interface StepOutline {
  readonly key: string;
  readonly title: string;
  readonly kind: StepKind;
  readonly retry: RetryPolicy;
  readonly hasCompensation: boolean;
}

export interface StageOutline {
  readonly key: string;
  readonly title: string;
  readonly concurrency: number;
  readonly steps: readonly StepOutline[];
}

export interface PlanOutline {
  readonly undoRetry: RetryPolicy;
  readonly stages: readonly StageOutline[];
}

export function outlineOf(saga: Saga): PlanOutline {
  return {
    undoRetry: saga.undoRetry ?? UNDO_RETRY,
    stages: saga.stages.map(({ key, title, concurrency, steps }) => ({
      key,
      title,
      concurrency,
      steps: steps.map((step) => ({
        key: step.key,
        title: step.title,
        kind: step.kind,
        retry: step.retry,
        hasCompensation: step.compensate !== undefined,
      })),
    })),
  };
}

/**
 * SHA-256 in hex over what makes it the same plan: stages and steps in order with keys, titles, kinds,
 * concurrency and whether there is a compensation. Retry policies are left out: patience may change between
 * versions of homelab without making it another plan.
 */
export function digestOf(outline: PlanOutline): string {
  return sha256Hex(canonicalJson(outline.stages.map((stage) => identityOf(stage))));
}

function identityOf({ key, title, concurrency, steps }: StageOutline): unknown {
  return { key, title, concurrency, steps: steps.map((step) => stepIdentity(step)) };
}

function stepIdentity({ key, title, kind, hasCompensation }: StepOutline): unknown {
  return { key, title, kind, hasCompensation };
}

/** Where two plans part, in the words of a message; null when they are the same plan. */
export function firstDifference(recorded: PlanOutline, current: PlanOutline): string | null {
  if (digestOf(recorded) === digestOf(current)) return null;
  const before = flatten(recorded);
  const after = flatten(current);
  for (let i = 0; i < Math.max(before.length, after.length); i += 1) {
    const [was, is] = [before[i], after[i]];
    if (was === undefined) return `step ${is?.key ?? ''} is new`;
    if (is === undefined) return `step ${was.key} is gone`;
    if (was.key !== is.key) return `step ${was.key} was recorded where the plan now has ${is.key}`;
    if (was.text !== is.text) return `step ${was.key} was recorded as ${was.text} and is now ${is.text}`;
  }
  return 'a stage without steps came or went';
}

/** Each step with everything that belongs to its identity, its stage's part included. */
function flatten(outline: PlanOutline): { key: string; text: string }[] {
  return outline.stages.flatMap((stage) =>
    stage.steps.map((step) => ({
      key: step.key,
      text: canonicalJson({
        step: stepIdentity(step),
        stage: { key: stage.key, title: stage.title, concurrency: stage.concurrency },
      }),
    })),
  );
}
