/** Going on with, or back from, the saga of a lab that is open. */
import { UserError } from '../base/errors.js';
import { CHAOS } from '../chaos/saga.js';
import { resolve } from '../config/resolve.js';
import { readJournal } from '../engine/journal-file.js';
import { plannedOf, type SagaRecord } from '../engine/records.js';
import { resultOf } from '../engine/result.js';
import type { Saga } from '../engine/saga.js';
import { BOOTSTRAP } from '../sagas/bootstrap.js';
import { DESTROY, DOWN } from '../sagas/lifecycle.js';
import { recordedSaga } from '../sagas/registry.js';
import { UPGRADE, type UpgradeInput } from '../sagas/upgrade.js';
import { bootstrapText } from './commands/up.js';
import { baseFolder } from './base-folder.js';
import { continueChaos } from './chaos/continue.js';
import { chaosText } from './chaos/documents.js';
import { verifiedLabBundle } from './bundle/open.js';
import { readConfiguration } from './configuration.js';
import { atVersion, mustFindLab, specDigest, type Lab } from './labs.js';
import { exitCodeOf, operate, runOperation, type Operating, type SagaDocument } from './operation.js';
import { sagaText } from './saga-text.js';
import type { Session } from './session.js';
import { upgradeText } from './upgrade-text.js';

export async function continueSaga(session: Session, mode: 'resume' | 'abort'): Promise<number> {
  const base = baseFolder(session);
  const lab = mustFindLab(base, session.options.lab);
  return operate(session, base, lab, async (operating) => {
    const { open, ports } = operating;
    if (open === null) throw nothingOpen(lab, mode);
    if (open.saga === CHAOS) {
      const { document, code } = await continueChaos(session, lab, operating, open, mode);
      session.result(document, chaosText(document));
      return code;
    }
    const records = readJournal(open.path);
    const { input } = plannedOf(records);
    // Going back needs only what was recorded; going on needs the configuration to be what it was.
    if (mode === 'resume') {
      checkConfiguration(session, lab, open.saga);
      if (open.saga !== DOWN && open.saga !== DESTROY)
        await verifiedLabBundle(session, base, lab.record.spec, versionsOf(open.saga, input));
    }
    const saga = recordedSaga(open.saga, lab.record.spec, input, ports);
    const until = mode === 'resume' ? untilOf(records) : null;
    const document = await runOperation(session, lab, operating, {
      ...{ saga, journal: open, mode },
      ...(until === null ? {} : { until }),
    });
    session.result(document, await textOf(session, lab, operating, saga, document));
    return exitCodeOf(document.outcome, mode);
  });
}

/** What is wanted of a bundle beside the lab's own version. */
function versionsOf(saga: string, input: unknown): readonly string[] {
  return saga === UPGRADE ? [(input as UpgradeInput).to] : [];
}

/** The stage at which the run that was cut short was to stop; one that came there is done with stopping. */
function untilOf(records: readonly SagaRecord[]): string | null {
  if (resultOf(records).outcome === 'partial') return null;
  return records.findLast((record) => record.type === 'run.started')?.until ?? null;
}

async function textOf(
  session: Session,
  lab: Lab,
  { provider }: Operating,
  saga: Saga,
  document: SagaDocument,
): Promise<string> {
  switch (saga.name) {
    case BOOTSTRAP:
      return bootstrapText(session, lab, document);
    case UPGRADE:
      return upgradeText(session, lab, provider, document, saga.input as UpgradeInput);
    default:
      return sagaText(session, document);
  }
}

/**
 * The file may have been edited since; flags are remembered with the lab. The version that it names is the one that
 * an upgrade leaves or the one that it goes to, and neither is read by it.
 */
function checkConfiguration(session: Session, lab: Lab, saga: string): void {
  if (lab.record.config === null) return;
  const { input } = readConfiguration(session, lab.record.flags);
  if (input.text === null) return;
  const { spec } = resolve(input);
  const wanted = lab.record.spec;
  const version = saga === UPGRADE ? wanted.kubernetes.version : spec?.kubernetes.version;
  if (spec !== null && version !== undefined && specDigest(atVersion(spec, version)) === specDigest(wanted))
    return;
  throw new UserError({
    code: 'plan-changed',
    message: `the configuration of lab ${lab.name} is not the one its saga began with`,
    remedy: 'Put it back as it was and type `homelab resume`, or go back with `homelab abort`.',
  });
}

function nothingOpen(lab: Lab, mode: string): UserError {
  return new UserError({
    code: `nothing-to-${mode}`,
    message: `lab ${lab.name} has no unfinished saga`,
    remedy: 'See what was done with: homelab saga list',
  });
}
