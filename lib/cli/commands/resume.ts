/** `homelab resume`: goes on with the saga that was cut short. */
import type { Command } from 'commander';
import type { Perform } from '../app.js';
import { aboutLab, examples } from '../options.js';
import { continueSaga } from '../continue.js';

export function define(command: Command, perform: Perform): void {
  aboutLab(command).action(() => perform(command, (session) => continueSaga(session, 'resume')));
  examples(command, [['homelab resume', 'after Ctrl-C, a crash or a power failure of this computer']]);
}
