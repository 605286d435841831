/** A plan as a Mermaid flow chart, for `homelab saga graph`. Shows the plan, not how far a run came. */
import type { Saga, Step } from './saga.js';

/** Text that Mermaid draws: one box per stage, in it its steps; a pivot is a hexagon, compensations are named. */
export function mermaid(saga: Saga): string {
  const lines = ['flowchart TD'];
  const shown = saga.stages.filter((stage) => stage.steps.length > 0);
  let steps = 0;
  shown.forEach((stage, i) => {
    const atOnce =
      stage.steps.length > 1 ? ` (${Math.min(stage.concurrency, stage.steps.length)} at once)` : '';
    lines.push(`  subgraph stage${i + 1}["${escape(stage.title + atOnce)}"]`);
    for (const step of stage.steps) {
      steps += 1;
      lines.push(`    step${steps}${shape(step)}`);
    }
    lines.push('  end');
  });
  for (let i = 1; i < shown.length; i += 1) lines.push(`  stage${i} --> stage${i + 1}`);
  return `${lines.join('\n')}\n`;
}

function shape(step: Step): string {
  const undo = step.kind !== 'compensable' ? '' : step.compensate === undefined ? '' : '<br/>can be undone';
  const label = `"${escape(step.title)}<br/>${escape(step.key)}${undo}"`;
  if (step.kind === 'pivot') return `{{${label}}}`;
  return step.kind === 'retriable' ? `([${label}])` : `[${label}]`;
}

/** Mermaid takes entity codes inside quotes; a bare quote or angle bracket would end or format the label. */
function escape(text: string): string {
  return text
    .replaceAll('#', '#35;')
    .replaceAll('"', '#quot;')
    .replaceAll('<', '#lt;')
    .replaceAll('>', '#gt;');
}
