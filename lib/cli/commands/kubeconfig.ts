/** `homelab kubeconfig`: the file that `up` left, on standard output. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../../base/errors.js';
import { KUBECONFIG } from '../../sagas/bootstrap/kubeconfig.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { labFolder, mustFindLab } from '../labs.js';
import { examples } from '../options.js';
import type { Session } from '../session.js';

export function define(command: Command, perform: Perform): void {
  command
    .option('-f, --config <file>', 'configuration beside which the lab is')
    .option('--lab <name>', 'the lab, when there are several')
    .option('--path', 'print where the file is instead of what is in it')
    .action(() => perform(command, kubeconfig));
  examples(command, [
    ['homelab kubeconfig > ~/.kube/stage', 'keep it (it holds a private key)'],
    ['export KUBECONFIG=$(homelab kubeconfig --path)', 'use it where it is (real labs)'],
  ]);
}

async function kubeconfig(session: Session): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const text = labFolder(lab).read(KUBECONFIG);
  if (text === null) {
    throw new UserError({
      code: 'no-kubeconfig',
      message: `lab ${lab.name} has no kubeconfig yet`,
      remedy: 'Bring the lab up first: homelab up',
    });
  }
  session.io.stdout.write(session.options['path'] === true ? `${join(lab.folder, KUBECONFIG)}\n` : text);
  if (lab.record.spec.provider === 'sim') {
    session.note('This lab is simulated: nothing listens at that address. Use: homelab kubectl');
  }
  return 0;
}
