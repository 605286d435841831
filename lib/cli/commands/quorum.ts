/** `homelab quorum --what-if "halt cp-2"`: what a machine that goes down would cost etcd. Only looks. */
import type { Command } from 'commander';
import { UserError } from '../../base/errors.js';
import { forecastQuorum, quorumText, type QuorumForecast } from '../../model/quorum.js';
import type { Observation } from '../../provider/provider.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { mustFindLab, type Lab } from '../labs.js';
import { aboutLab, examples } from '../options.js';
import type { Session } from '../session.js';
import { looking } from '../still.js';

/** What takes a voter away; the others bring one back, and are no question. */
const ACTIONS = ['halt', 'cut', 'reboot', 'pause', 'destroy'];

export function define(command: Command, perform: Perform): void {
  aboutLab(command)
    .requiredOption('--what-if <action>', 'such as "halt stage-cp-2", or "cut cp-1 cp-2"')
    .action(() => perform(command, looking(quorum)));
  examples(command, [
    ['homelab quorum --what-if "halt cp-2"', 'may this control plane go down now?'],
    ['homelab quorum --what-if "cut cp-1 cp-2"', 'what would be left without two of them'],
  ]);
}

async function quorum(session: Session): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const { action, machines } = parseAction(lab, String(session.options['whatIf']));
  const { openProvider } = await import('../providers.js'); // A still answers without it.
  const provider = await openProvider(session.io, lab, 'look');
  try {
    const seen = await provider.observe();
    const forecast = forecastOf(seen, machines);
    if (forecast === null) throw noEtcd(lab);
    const document = { lab: lab.name, action, machines, ...forecast };
    session.result(document, `${answer(forecast, machines)}\n`);
    return 0;
  } finally {
    await provider.close();
  }
}

/** Null for a lab without an etcd that somebody sees. */
export function forecastOf({ etcd }: Observation, machines: readonly string[]): QuorumForecast | null {
  if (etcd.members === null) return null;
  const voters = etcd.members.filter(({ learner }) => !learner);
  return forecastQuorum(
    voters.map(({ name, healthy }) => ({ name, up: healthy })),
    machines,
  );
}

function answer(forecast: QuorumForecast, machines: readonly string[]): string {
  const sum = quorumText(forecast, machines);
  if (!forecast.hadQuorum) return `no: ${sum}; quorum is lost already`;
  if (!forecast.keepsQuorum) return `no: ${sum}; nothing could be written any more`;
  return `yes: ${sum}; ${forecast.toleranceAfter} more may fail then`;
}

/** `halt cp-2`: the verb of `homelab machine`, and machines by their names or by what follows the lab's name. */
function parseAction(
  lab: Lab,
  text: string,
): { readonly action: string; readonly machines: readonly string[] } {
  const [action = '', ...words] = text.trim().split(/\s+/);
  const names = lab.record.spec.machines.map(({ name }) => name);
  const machines = words.map((word) => names.find((name) => name === word || name.endsWith(`-${word}`)));
  if (ACTIONS.includes(action) && machines.length > 0 && machines.every((name) => name !== undefined)) {
    return { action, machines };
  }
  throw new UserError({
    code: 'bad-what-if',
    message: `"${text}" is no action on machines of lab ${lab.name}`,
    remedy: `Such as "halt ${names[0] ?? ''}"; actions: ${ACTIONS.join(', ')}; machines: ${names.join(', ')}.`,
  });
}

function noEtcd(lab: Lab): UserError {
  return new UserError({
    code: 'etcd-silent',
    message: `no member of etcd in lab ${lab.name} is to be seen`,
    remedy: 'Look at the lab with: homelab status',
  });
}
