/** Everything that a restore needs, all at once, before anything is touched. */
import { StepError, type Step } from '../../engine/saga.js';
import { controlPlanes } from '../../model/lab.js';
import { freeBytes } from '../facts/machine.js';
import type { Restore } from '../restore.js';
import { brief, minutes } from '../timing.js';
import { noCopy, recordOf } from './data.js';
import { noProgram, restoringProgram } from './program.js';

/** The copy, the data that is made from it, and two preallocated logs of 64 MB. */
const LOGS_BYTES = 128_000_000;

export function restorePreflight(restore: Restore): Step {
  const { lab } = restore;
  return {
    key: 'preflight',
    title: 'The copy is whole, and every control plane can take it',
    kind: 'compensable',
    retry: brief(lab),
    timeoutMs: minutes(lab, 5),
    run: async (context) => {
      const record = recordOf(restore);
      if (record === null) throw noCopy(restore);
      const states = await context.provider.machines();
      const problems: string[] = [];
      for (const { name } of controlPlanes(lab)) {
        const state = states.find((one) => one.name === name)?.state ?? 'absent';
        if (state !== 'running') {
          problems.push(
            `${name} is ${state}: every control plane gets the copy, or it would bring the old data back`,
          );
          continue;
        }
        if ((await restoringProgram(context, lab, name)) === null) problems.push(noProgram(name).message);
        const free = await freeBytes(context, lab, name);
        const needed = 2 * record.bytes + LOGS_BYTES;
        if (free !== null && free < needed)
          problems.push(`${name} has ${free} bytes of disk left, and the restore takes ${needed}`);
      }
      if (problems.length === 0) return;
      throw new StepError({
        code: 'restore-preflight',
        message: problems.join('\n'),
        remedy: 'Mend what is named and try again; nothing was changed.',
        retryable: false,
      });
    },
  };
}
