/**
 * The rules that every plan keeps. Plans are made by programs, not by people, so a broken rule is a bug in the
 * saga and all of them are named at once.
 */
import { BugError } from '../base/errors.js';
import type { RetryPolicy, Saga, Stage, Step } from './saga.js';

/**
 * Keys are written in journals and typed on the command line. They begin with a letter, for objects put keys that
 * look like numbers before all others, and a state's steps are kept in the plan's order.
 */
const KEY = /^[a-z][a-z0-9._/:-]*$/;
const RANK = { compensable: 0, pivot: 1, retriable: 2 } as const;

/** Throws a `BugError` that lists every broken rule. */
export function validateSaga(saga: Saga): void {
  const broken = problemsOf(saga);
  if (broken.length > 0) throw new BugError(`the plan of saga ${saga.name} is wrong: ${broken.join('; ')}`);
}

/**
 * A plan goes compensable → pivot → retriable, stage by stage. The pivot is alone in its stage, or a sibling
 * could fail after it. Retriable steps need a pivot before them unless the whole plan is retriable, which is a
 * saga that only goes forward. What a later step may never undo must not carry a compensation.
 */
export function problemsOf(saga: Saga): readonly string[] {
  const steps = saga.stages.flatMap((stage) => stage.steps);
  return [
    ...duplicates('stage', saga.stages),
    ...duplicates('step', steps),
    ...saga.stages.flatMap((stage) => problemsOfStage(stage)),
    ...steps.flatMap((step) => problemsOfStep(step)),
    ...problemsOfOrder(steps),
    ...(saga.undoRetry === undefined ? [] : problemsOfRetry('undoRetry', saga.undoRetry)),
  ];
}

function duplicates(what: string, items: readonly { readonly key: string }[]): readonly string[] {
  const keys = items.map((item) => item.key);
  const twice = new Set(keys.filter((key, i) => keys.indexOf(key) !== i));
  return [...twice].map((key) => `${what} key ${key} is there more than once`);
}

function problemsOfStage(stage: Stage): readonly string[] {
  const problems: string[] = [];
  if (!KEY.test(stage.key)) problems.push(`stage key "${stage.key}" does not match ${KEY.source}`);
  if (!isCount(stage.concurrency)) problems.push(`stage ${stage.key}: concurrency must be 1 or more`);
  if (stage.steps.length > 1 && stage.steps.some((step) => step.kind === 'pivot')) {
    problems.push(`stage ${stage.key}: a pivot must be alone in its stage`);
  }
  return problems;
}

function problemsOfStep(step: Step): readonly string[] {
  const problems = problemsOfRetry(`step ${step.key}`, step.retry).slice();
  if (!KEY.test(step.key)) problems.push(`step key "${step.key}" does not match ${KEY.source}`);
  if (!isCount(step.timeoutMs)) problems.push(`step ${step.key}: timeoutMs must be 1 or more`);
  if (step.compensate !== undefined && step.kind !== 'compensable') {
    problems.push(`step ${step.key}: a ${step.kind} step is never compensated`);
  }
  const takesDown = step.takesDown !== undefined && step.takesDown.length > 0;
  if (takesDown && step.kind === 'compensable' && step.compensate === undefined) {
    problems.push(`step ${step.key}: takes machines down and has no compensation`);
  }
  return problems;
}

function problemsOfRetry(where: string, retry: RetryPolicy): readonly string[] {
  const problems: string[] = [];
  if (!isCount(retry.attempts)) problems.push(`${where}: attempts must be 1 or more`);
  if (!(Number.isSafeInteger(retry.backoffMs) && retry.backoffMs >= 0)) {
    problems.push(`${where}: backoffMs must be 0 or more`);
  }
  if (!(Number.isFinite(retry.factor) && retry.factor >= 1))
    problems.push(`${where}: factor must be 1 or more`);
  if (!(Number.isSafeInteger(retry.maxBackoffMs) && retry.maxBackoffMs >= retry.backoffMs)) {
    problems.push(`${where}: maxBackoffMs must not be below backoffMs`);
  }
  return problems;
}

function problemsOfOrder(steps: readonly Step[]): readonly string[] {
  const problems: string[] = [];
  const pivots = steps.filter((step) => step.kind === 'pivot');
  if (pivots.length > 1) problems.push(`more than one pivot: ${pivots.map((step) => step.key).join(', ')}`);
  steps.forEach((step, i) => {
    const before = steps[i - 1];
    if (before === undefined) return;
    if (RANK[step.kind] < RANK[before.kind]) {
      problems.push(`${step.kind} step ${step.key} comes after ${before.kind} step ${before.key}`);
    } else if (step.kind === 'retriable' && before.kind === 'compensable') {
      problems.push(`retriable step ${step.key} has no pivot before it`);
    }
  });
  return problems;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
