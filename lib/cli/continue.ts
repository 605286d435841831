/** Going on with, or back from, the saga of a lab that is open. */
import { UserError } from '../base/errors.js';
import { resolve } from '../config/resolve.js';
import { readJournal } from '../engine/journal-file.js';
import { plannedOf } from '../engine/records.js';
import { BOOTSTRAP } from '../sagas/bootstrap.js';
import { recordedSaga } from '../sagas/registry.js';
import { bootstrapText } from './commands/up.js';
import { baseFolder } from './base-folder.js';
import { readConfiguration } from './configuration.js';
import { mustFindLab, specDigest, type Lab } from './labs.js';
import { exitCodeOf, operate, runOperation } from './operation.js';
import { sagaText } from './saga-text.js';
import type { Session } from './session.js';

export async function continueSaga(session: Session, mode: 'resume' | 'abort'): Promise<number> {
  const base = baseFolder(session);
  const lab = mustFindLab(base, session.options.lab);
  return operate(session, base, lab, async (operating) => {
    const { open, ports } = operating;
    if (open === null) throw nothingOpen(lab, mode);
    // Going back needs only what was recorded; going on needs the configuration to be what it was.
    if (mode === 'resume') checkConfiguration(session, lab);
    const saga = recordedSaga(open.saga, lab.record.spec, plannedOf(readJournal(open.path)).input, ports);
    const document = await runOperation(session, lab, operating, { saga, journal: open, mode });
    const text =
      saga.name === BOOTSTRAP ? bootstrapText(session, lab, document) : sagaText(session, document);
    session.result(document, text);
    return exitCodeOf(document.outcome, mode);
  });
}

/** The file may have been edited since; flags are remembered with the lab. */
function checkConfiguration(session: Session, lab: Lab): void {
  if (lab.record.config === null) return;
  const { input } = readConfiguration(session, lab.record.flags);
  if (input.text === null) return;
  const { spec } = resolve(input);
  if (spec !== null && specDigest(spec) === specDigest(lab.record.spec)) return;
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
