/** How an upgrade ended, in words: for `k8s upgrade`, and for a resume or an abort of one. */
import { join, relative } from 'node:path';
import type { Provider } from '../provider/provider.js';
import { gatherFacts } from '../sagas/facts/gather.js';
import type { UpgradeInput } from '../sagas/upgrade.js';
import { standing } from '../sagas/upgrade/standing.js';
import { asking } from './asking.js';
import type { Lab } from './labs.js';
import type { SagaDocument } from './operation.js';
import { sagaText } from './saga-text.js';
import type { Session } from './session.js';

export async function upgradeText(
  session: Session,
  lab: Lab,
  provider: Provider,
  document: SagaDocument,
  input: UpgradeInput,
): Promise<string> {
  const text = sagaText(session, document);
  const copy = relative(session.io.cwd, join(lab.folder, 'snapshots', `${input.snapshot}.db`));
  switch (document.outcome) {
    case 'completed':
      return `${text}\nKubernetes ${input.to} on every node; the copy of etcd from before is ${copy}\n`;
    case 'compensated':
      return `${text}\nThe cluster is of ${input.from} as before\n`;
    case 'stuck': {
      // With -o json nobody reads it, and asking takes lab time.
      if (session.json) return text;
      const { spec } = lab.record;
      const lines = standing(await gatherFacts(asking(session, provider), spec), spec, input);
      return `${text}${lines.join('\n')}\n  the copy of etcd from before is ${copy}\n`;
    }
    default:
      return text;
  }
}
