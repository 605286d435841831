/** The lab's own record of its version, written when the cluster has it. */
import type { Step } from '../../engine/saga.js';
import { brief, minutes } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { TYPICAL } from './typical.js';

export function recordVersion({ lab, input, ports }: Upgrade): Step {
  return {
    key: 'record',
    title: `The lab is of ${input.to} from now on`,
    kind: 'retriable',
    retry: brief(lab),
    timeoutMs: minutes(lab, 1),
    typicalMs: TYPICAL.record,
    run: async () => {
      ports.recordVersion(input.to);
    },
  };
}
