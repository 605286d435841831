/** `homelab kubectl`: kubectl on a control plane that answers, with the administrator's credentials. */
import type { Command } from 'commander';
import { UserError } from '../../base/errors.js';
import { ADMIN_CONF } from '../../generate/paths.js';
import { controlPlanes } from '../../model/lab.js';
import type { Provider } from '../../provider/provider.js';
import type { Perform } from '../app.js';
import type { Lab } from '../labs.js';
import { examples } from '../options.js';
import { runRemotely } from '../remote-program.js';
import type { Session } from '../session.js';

/** Longer than any wait of kubectl's own that a person gives it at a prompt. */
const TIMEOUT_MS = 3_600_000;

export function define(command: Command, perform: Perform): void {
  command
    .argument('[args...]', 'what kubectl is given; options of homelab come before')
    .allowUnknownOption()
    .passThroughOptions()
    .option('-f, --config <file>', 'configuration beside which the lab is')
    .option('--lab <name>', 'the lab, when there are several')
    .action((args: readonly string[]) => perform(command, (session) => kubectl(session, args)));
  examples(command, [
    ['homelab kubectl get nodes -o wide', 'the exit code is kubectl’s'],
    ['homelab kubectl apply -f - < app.yaml', 'standard input is passed on for -f -'],
  ]);
}

async function kubectl(session: Session, args: readonly string[]): Promise<number> {
  const readsStdin = args.some((word, index) => word === '-f-' || (word === '-' && args[index - 1] === '-f'));
  return runRemotely(session, async (lab) => ({
    machine: (provider) => answering(provider, lab),
    argv: ['kubectl', '--kubeconfig', ADMIN_CONF, ...args],
    stdin: readsStdin ? await session.io.readStdin() : new Uint8Array(),
    timeoutMs: TIMEOUT_MS,
  }));
}

/** A control plane whose API server answers, else one that runs: kubectl then says itself what is wrong. */
async function answering(provider: Provider, lab: Lab): Promise<string> {
  const { machines, api } = await provider.observe();
  const running = controlPlanes(lab.record.spec)
    .map(({ name }) => name)
    .filter((name) => machines.find((machine) => machine.name === name)?.state === 'running');
  const chosen = running.find((name) => api.nodes[name] === true) ?? running[0];
  if (chosen !== undefined) return chosen;
  throw new UserError({
    code: 'no-control-plane',
    message: `no control plane of lab ${lab.name} is running`,
    remedy: 'Start the lab with `homelab up`, or a machine with `homelab machine start NAME`.',
  });
}
