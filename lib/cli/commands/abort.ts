/** `homelab abort`: undoes what a saga that was cut short has done so far. */
import type { Command } from 'commander';
import type { Perform } from '../app.js';
import { aboutLab, examples } from '../options.js';
import { continueSaga } from '../continue.js';

export function define(command: Command, perform: Perform): void {
  aboutLab(command).action(() => perform(command, (session) => continueSaga(session, 'abort')));
  examples(command, [['homelab abort', 'take an unfinished `homelab up` back']]);
}
