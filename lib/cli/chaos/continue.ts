/** Going on with, or back from, an experiment that was cut short. */
import { readScenario } from '../../chaos/read-scenario.js';
import type { ChaosInput } from '../../chaos/plan.js';
import { readJournal, type JournalEntry } from '../../engine/journal-file.js';
import { plannedOf } from '../../engine/records.js';
import type { Lab } from '../labs.js';
import type { Operating } from '../operation.js';
import { openCopy, worldOf } from '../providers.js';
import type { Session } from '../session.js';
import { goOn, type ChaosEnd, type Going } from './run.js';
import { ScenarioError } from './scenarios.js';

/** Its scenario is read again as it was then, whatever has become of the file. */
export async function continueChaos(
  session: Session,
  lab: Lab,
  operating: Operating,
  entry: JournalEntry,
  mode: 'resume' | 'abort',
): Promise<ChaosEnd> {
  const planned = plannedOf(readJournal(entry.path));
  // An experiment of an older homelab has no operation.
  const input: ChaosInput = { operation: null, ...(planned.input as Omit<ChaosInput, 'operation'>) };
  const { scenario, problems } = readScenario(input);
  if (scenario === null) throw new ScenarioError(input.file, problems);
  const earlier: Going['earlier'] =
    lab.record.spec.provider === 'sim'
      ? (see) => void openCopy(lab, worldOf(lab, 'resume'), { onSeen: see })
      : undefined;
  const going = { scenario, input, seed: input.seed, mode, entry };
  return goOn(session, lab, operating, {
    ...going,
    ...(earlier === undefined || mode === 'abort' ? {} : { earlier }),
  });
}
