/** Everything that stands in the way, all at once, before anything is touched. */
import { StepError, type Step } from '../../engine/saga.js';
import { gatherFacts } from '../facts/gather.js';
import { brief, minutes } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { upgradeFindings } from './findings.js';
import { TYPICAL } from './typical.js';

export function preflight({ lab, input }: Upgrade): Step {
  return {
    key: 'preflight',
    title: `Is the cluster ready for ${input.to}?`,
    kind: 'compensable',
    retry: brief(lab),
    timeoutMs: minutes(lab, 10),
    typicalMs: TYPICAL.preflight,
    run: async (context) => {
      const findings = upgradeFindings(await gatherFacts(context, lab), lab, input);
      for (const finding of findings) {
        if (finding.severity !== 'error') context.log(finding.message);
      }
      const errors = findings.filter(({ severity }) => severity === 'error');
      if (errors.length === 0) return;
      throw new StepError({
        code: 'upgrade-preflight',
        message: errors.map(({ message }) => message).join('\n'),
        remedy: errors.map(({ remedy }) => remedy).join('\n'),
        retryable: false,
      });
    },
  };
}
