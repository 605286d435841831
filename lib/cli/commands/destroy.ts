/** `homelab destroy`: the machines, their disks and all that is known of the lab. Works whatever state it is in. */
import type { Command } from 'commander';
import { UserError } from '../../base/errors.js';
import { destroySaga } from '../../sagas/lifecycle.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { removeFile } from '../files.js';
import { forgetLab, mustFindLab, worldPath, type Lab } from '../labs.js';
import { exitCodeOf, operate, runOperation } from '../operation.js';
import { aboutLab, examples } from '../options.js';
import { sagaText } from '../saga-text.js';
import type { Session } from '../session.js';

export function define(command: Command, perform: Perform): void {
  aboutLab(command)
    .option('-y, --yes', 'do not ask before real machines are destroyed')
    .action(() => perform(command, destroy));
  examples(command, [
    ['homelab destroy', 'remove the only lab here'],
    ['homelab destroy --lab stage -y', 'without being asked'],
  ]);
}

async function destroy(session: Session): Promise<number> {
  const base = baseFolder(session);
  const lab = mustFindLab(base, session.options.lab);
  await confirm(session, lab);
  const exitCode = await evenIfUnplayable(session, lab, () => destroyMachines(session, base, lab));
  if (exitCode === 0) forgetLab(base, lab);
  return exitCode;
}

function destroyMachines(session: Session, base: string, lab: Lab): Promise<number> {
  return operate(session, base, lab, async (operating) => {
    // An unfinished saga does not stand in the way: with its lab goes its journal.
    const request = { saga: destroySaga(lab.record.spec), journal: null, mode: 'run' } as const;
    const document = await runOperation(session, lab, operating, request);
    const residue = await operating.provider.residue();
    session.result({ ...document, residue }, `${sagaText(session, document)}${residueText(residue)}`);
    return residue.length > 0 ? 3 : exitCodeOf(document.outcome, 'run');
  });
}

/** A simulated lab whose log is damaged or of another simulator has no machines but in that log: it goes unread. */
async function evenIfUnplayable(session: Session, lab: Lab, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    const isSim = lab.record.spec.provider === 'sim';
    if (!isSim || !(error instanceof UserError) || !UNPLAYABLE.includes(error.code)) throw error;
    session.note(`${error.message}; the simulated machines are thrown away unread`);
    removeFile(worldPath(lab));
    return work();
  }
}

const UNPLAYABLE = ['world-version', 'world-diverged', 'journal-damaged'];

/** A simulated lab is made again in a second; nobody is asked about it. */
async function confirm(session: Session, lab: Lab): Promise<void> {
  if (lab.record.spec.provider === 'sim' || session.options.yes === true) return;
  const names = lab.record.spec.machines.map(({ name }) => name).join(', ');
  const answer = await session.io.ask(`Destroy ${names} with their disks? [y/N] `);
  if (answer !== null && /^y(es)?$/i.test(answer.trim())) return;
  throw new UserError({
    code: 'not-confirmed',
    message: `lab ${lab.name} is real, and nobody said yes`,
    remedy: 'Say it with: homelab destroy -y',
  });
}

function residueText(residue: readonly { machine: string; kind: string; what: string }[]): string {
  if (residue.length === 0) return 'left behind: nothing\n';
  return `left behind:\n${residue.map(({ machine, kind, what }) => `  ${machine}: ${kind} ${what}\n`).join('')}`;
}
