/** `homelab ssh`: a prompt on a simulated machine, a real shell on a real one. */
import type { Command } from 'commander';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { mustFindLab } from '../labs.js';
import { examples } from '../options.js';
import { HeldLab } from '../prompt/held-lab.js';
import { Prompt } from '../prompt/prompt.js';
import { openRealShell } from '../real-shell.js';
import { asOwnFailure, checkMachine } from '../remote-program.js';
import type { Session } from '../session.js';

export function define(command: Command, perform: Perform): void {
  command
    .argument('<machine>', 'a machine of the lab, or host for this workstation')
    .option('-f, --config <file>', 'configuration beside which the lab is')
    .option('--lab <name>', 'the lab, when there are several')
    .action((machine: string) => perform(command, (session) => asOwnFailure(() => ssh(session, machine))));
  examples(command, [
    ['homelab ssh stage-cp-1', 'look around; help says what is there'],
    ['homelab ssh stage-cp-1 < commands.txt', 'one program a line, without a prompt'],
  ]);
}

async function ssh(session: Session, machine: string): Promise<number> {
  const base = baseFolder(session);
  const lab = mustFindLab(base, session.options.lab);
  checkMachine(lab, machine);
  if (lab.record.spec.provider === 'libvirt') return openRealShell(session, lab, machine);
  return new Prompt(session, new HeldLab(session.io, base, lab), machine).run();
}
