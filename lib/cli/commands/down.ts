/** `homelab down`: every machine halted cleanly, every disk kept. */
import type { Command } from 'commander';
import { downSaga } from '../../sagas/lifecycle.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { mustFindLab } from '../labs.js';
import { alreadyOpen, exitCodeOf, hasStoppedAsAsked, operate, runOperation } from '../operation.js';
import { aboutLab, examples } from '../options.js';
import { sagaText } from '../saga-text.js';
import type { Session } from '../session.js';

export function define(command: Command, perform: Perform): void {
  aboutLab(command).action(() => perform(command, down));
  examples(command, [['homelab down', 'halt the lab; `homelab up` starts it again']]);
}

async function down(session: Session): Promise<number> {
  const base = baseFolder(session);
  const lab = mustFindLab(base, session.options.lab);
  return operate(session, base, lab, async (operating) => {
    const { open } = operating;
    // After `up --until` the next `up` begins anew, with the machines that are there: all of it is probed then.
    if (open !== null && !hasStoppedAsAsked(open)) throw alreadyOpen(lab, open);
    const request = { saga: downSaga(lab.record.spec), journal: null, mode: 'run' } as const;
    const document = await runOperation(session, lab, operating, request);
    session.result(document, sagaText(session, document));
    return exitCodeOf(document.outcome, 'run');
  });
}
