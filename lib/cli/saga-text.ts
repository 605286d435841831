/** How a saga ended, in words, with what to type next. */
import { printDuration } from '../base/duration.js';
import type { StepResult } from '../engine/result.js';
import { hinted } from './hints.js';
import type { SagaDocument } from './operation.js';
import type { Session } from './session.js';

export function sagaText(session: Session, document: SagaDocument): string {
  const { outColors: color } = session;
  const { saga, lab, outcome, error, residue } = document;
  const lines: string[] = [];
  switch (outcome) {
    case 'completed':
      lines.push(`${color.green('completed')}: ${saga} of lab ${lab}`);
      break;
    case 'partial':
      lines.push(`stopped as asked: ${saga} of lab ${lab}. Go on with: homelab up`);
      break;
    case 'compensated':
      lines.push(`${color.yellow('compensated')}: ${saga} of lab ${lab} was undone`);
      break;
    case 'stuck':
      lines.push(`${color.red('stuck')}: ${saga} of lab ${lab} needs a person; see the steps below`);
      break;
    case 'interrupted':
      lines.push(
        `interrupted: ${saga} of lab ${lab}. Go on with \`homelab resume\`, or back with \`homelab abort\`.`,
      );
      break;
    case 'refused':
      lines.push(`refused: ${saga} of lab ${lab}; nothing was changed`);
  }
  if (error !== null) lines.push(`because: ${error.message}`, error.remedy);
  if (outcome === 'stuck')
    lines.push(...stuckSteps(document.steps), 'Then: homelab resume, or homelab destroy');
  if (outcome === 'compensated' || outcome === 'stuck') {
    lines.push(`left behind: ${residue.length === 0 ? 'nothing' : ''}`.trimEnd());
    lines.push(...residue.map(({ machine, kind, what }) => `  ${machine}: ${kind} ${what}`));
  }
  lines.push(times(document));
  if (document.report !== null) lines.push(`report: ${document.report}`);
  return hinted(session, `${lines.join('\n')}\n`);
}

function stuckSteps(steps: readonly StepResult[]): readonly string[] {
  return steps
    .filter((step) => step.outcome === 'failed' || step.outcome === 'undo-failed')
    .map((step) => `  ${step.outcome === 'failed' ? 'failed' : 'could not be undone'}: ${step.title}`);
}

function times({ durationMs, wallMs, seed }: SagaDocument): string {
  if (seed === null) return `took ${printDuration(wallMs)}`;
  return `took ${printDuration(durationMs)} of lab time, ${printDuration(wallMs)} of wall time, seed ${seed}`;
}
