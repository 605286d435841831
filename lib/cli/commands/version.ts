/** `homelab version`. Starts fast: nothing of the configuration, the engine or the simulator is loaded for it. */
import type { Command } from 'commander';
import type { Perform } from '../app.js';
import { examples, speaking } from '../options.js';
import { packageVersion } from '../package.js';
import type { Session } from '../session.js';

/** The JSON document of `homelab version -o json`: versions without a leading v. */
export interface VersionDocument {
  readonly homelab: string;
  readonly node: string;
}

export function define(command: Command, perform: Perform): void {
  speaking(command).action(() => perform(command, async (session) => version(session)));
  examples(command, [['homelab version -o json', 'for a bug report or a script']]);
}

export function version(session: Session): number {
  const document: VersionDocument = { homelab: packageVersion(), node: session.io.nodeVersion };
  session.result(document, `homelab ${document.homelab}\nNode ${document.node}\n`);
  return 0;
}
