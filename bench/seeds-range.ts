/**
 * Bootstraps of k8s-ha with every seed from the first argument up to the second, in a process of its own. Prints one
 * line of JSON for each seed that was remarkable, a line for every hundred that are done, and ends.
 */
import { bootstrapOnSim } from '../test/helpers/sim-lab.js';
import { defaultLab } from './labs.js';

/** A bootstrap that did not complete, or one in which a step needed more than one attempt. */
export interface Remarkable {
  readonly seed: number;
  readonly outcome: string;
  readonly steps: readonly string[];
  readonly error: string | null;
}

export interface Done {
  readonly done: number;
}

const [from = 1, to = 1] = process.argv.slice(2).map(Number);
const lab = defaultLab();

function say(line: Remarkable | Done): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

let done = 0;
for (let seed = from; seed <= to; seed += 1) {
  const { result } = await bootstrapOnSim(lab, { seed });
  const steps = result.steps.filter(({ attempts }) => attempts !== 1).map(({ key }) => key);
  const error = result.error?.message ?? null;
  if (result.outcome !== 'completed' || steps.length > 0)
    say({ seed, outcome: result.outcome, steps, error });
  done += 1;
  if (done % 100 === 0 || seed === to) say({ done });
}
