/** `homelab machine`: power of one or more machines, by hand. */
import type { Command } from 'commander';
import { printDuration } from '../../base/duration.js';
import { CancelledError, UserError } from '../../base/errors.js';
import { quorumText } from '../../model/quorum.js';
import {
  UnsupportedError,
  type Observation,
  type PowerAction,
  type Provider,
} from '../../provider/provider.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { durationOption } from '../duration-option.js';
import { lockLab, mustFindLab } from '../labs.js';
import { aboutLab, examples } from '../options.js';
import { openProvider } from '../providers.js';
import { checkMachine } from '../remote-program.js';
import type { Session } from '../session.js';
import { forecastOf } from './quorum.js';

const EXIT_INTERRUPTED = 130;

type Action = PowerAction | 'pause' | 'resume' | 'disk';

const ACTIONS: readonly (readonly [Action, string])[] = [
  ['halt', 'shut machines down cleanly'],
  ['start', 'switch machines on, and wait until they answer'],
  ['reboot', 'shut machines down and start them again'],
  ['cut', 'pull the plug'],
  ['pause', 'suspend machines: they keep their memory and answer nothing'],
  ['resume', 'let suspended machines go on'],
];

export function define(command: Command, perform: Perform): void {
  for (const [action, summary] of ACTIONS) {
    const own = aboutLab(command.command(action).summary(summary).description(summary));
    own
      .argument('<machine...>', 'names, such as stage-cp-1')
      .option('-y, --yes', 'do not ask although etcd would lose its quorum')
      .action((machines: readonly string[]) => perform(own, (session) => act(session, action, machines)));
    examples(own, [[`homelab machine ${action} stage-cp-2`, summary]]);
  }
  const disk = aboutLab(command.command('disk').summary('make disks slow, or quick again (simulator only)'));
  disk
    .description('Makes every flush of the disks take longer from now on. etcd on them feels it; 0s ends it.')
    .argument('<machine...>', 'names, such as stage-cp-1')
    .requiredOption('--latency <time>', 'how much longer a flush takes, such as 800ms or 0s', durationOption)
    .action((machines: readonly string[]) => perform(disk, (session) => act(session, 'disk', machines)));
  examples(disk, [
    ['homelab machine disk --latency 3s stage-cp-1', 'a disk on which kube-vip loses its Lease'],
  ]);
  examples(command, [['homelab machine cut stage-cp-1', 'a power failure of one control plane']]);
}

async function act(session: Session, action: Action, names: readonly string[]): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  for (const name of names) checkMachine(lab, name);
  const lock = lockLab(session.io, lab);
  try {
    const provider = await openProvider(session.io, lab, 'operate');
    try {
      if (TAKES_DOWN.includes(action)) await confirmLoss(session, action, names, await provider.observe());
      const startedMs = provider.clock.nowMs();
      for (const name of names) await actOn(session, provider, action, name);
      const machines = (await provider.machines()).filter(({ name }) => names.includes(name));
      const nowMs = provider.clock.nowMs();
      const lines = machines.map(({ name, state }) => `${name} is ${state}\n`).join('');
      session.result(
        { lab: lab.name, action, machines, nowMs, durationMs: nowMs - startedMs },
        `${lines}took ${printDuration(nowMs - startedMs)}, lab time ${printDuration(nowMs)}\n`,
      );
      return 0;
    } finally {
      await provider.close();
    }
  } catch (error) {
    if (error instanceof CancelledError) return EXIT_INTERRUPTED;
    throw error;
  } finally {
    lock.release();
  }
}

const TAKES_DOWN: readonly Action[] = ['halt', 'reboot', 'cut', 'pause'];

/** Losing the quorum is what many come here for; losing it by a slip is not. */
async function confirmLoss(
  session: Session,
  action: Action,
  names: readonly string[],
  seen: Observation,
): Promise<void> {
  const forecast = forecastOf(seen, names);
  if (forecast === null || !forecast.hadQuorum || forecast.keepsQuorum || session.options.yes === true)
    return;
  const sum = quorumText(forecast, names);
  const answer = await session.io.ask(`${sum}: nothing can be written then. Go on? [y/N] `);
  if (answer !== null && /^y(es)?$/i.test(answer.trim())) return;
  throw new UserError({
    code: 'quorum-at-risk',
    message: `${sum}; nothing was done`,
    remedy: `To do it all the same: homelab machine ${action} -y ${names.join(' ')}`,
  });
}

async function actOn(session: Session, provider: Provider, action: Action, name: string): Promise<void> {
  const { signal } = session.io;
  if (action === 'disk') {
    if (provider.disk === undefined) throw new UnsupportedError(provider.name, 'disk');
    const latencyMs = session.options['latency'] as number;
    return provider.disk(name, { latencyMs });
  }
  if (action !== 'pause' && action !== 'resume') return provider.power(name, action, { signal });
  if (provider.pause === undefined || provider.resume === undefined) {
    throw new UnsupportedError(provider.name, 'pause');
  }
  return action === 'pause' ? provider.pause(name) : provider.resume(name);
}
