/** `homelab version`, with its options. */
import type { Command } from 'commander';
import type { Perform } from '../app.js';
import { examples, speaking } from '../options.js';
import { version } from '../version.js';

export function define(command: Command, perform: Perform): void {
  speaking(command).action(() => perform(command, async (session) => version(session)));
  examples(command, [['homelab version -o json', 'for a bug report or a script']]);
}
