/** `homelab machine`: power of one or more machines, by hand. */
import type { Command } from 'commander';
import { printDuration } from '../../base/duration.js';
import { UnsupportedError, type PowerAction, type Provider } from '../../provider/provider.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { lockLab, mustFindLab } from '../labs.js';
import { aboutLab, examples } from '../options.js';
import { openProvider } from '../providers.js';
import { checkMachine } from '../remote-program.js';
import type { Session } from '../session.js';

type Action = PowerAction | 'pause' | 'resume';

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
      .action((machines: readonly string[]) => perform(own, (session) => act(session, action, machines)));
    examples(own, [[`homelab machine ${action} stage-cp-2`, summary]]);
  }
  examples(command, [['homelab machine cut stage-cp-1', 'a power failure of one control plane']]);
}

async function act(session: Session, action: Action, names: readonly string[]): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  for (const name of names) checkMachine(lab, name);
  const lock = lockLab(session.io, lab);
  try {
    const provider = openProvider(lab, 'operate');
    try {
      const startedMs = provider.clock.nowMs();
      for (const name of names) await actOn(provider, action, name, session.io.signal);
      const machines = (await provider.machines()).filter(({ name }) => names.includes(name));
      const nowMs = provider.clock.nowMs();
      const took = printDuration(nowMs - startedMs);
      const lines = machines.map(({ name, state }) => `${name} is ${state}\n`).join('');
      session.result(
        { lab: lab.name, action, machines, nowMs, durationMs: nowMs - startedMs },
        `${lines}lab time ${took}\n`,
      );
      return 0;
    } finally {
      await provider.close();
    }
  } finally {
    lock.release();
  }
}

async function actOn(provider: Provider, action: Action, name: string, signal: AbortSignal): Promise<void> {
  if (action !== 'pause' && action !== 'resume') return provider.power(name, action, { signal });
  if (provider.pause === undefined || provider.resume === undefined) {
    throw new UnsupportedError(provider.name, 'pause');
  }
  return action === 'pause' ? provider.pause(name) : provider.resume(name);
}
