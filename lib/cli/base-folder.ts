/** Where the labs of a command are; apart from lib/cli/configuration.ts, so that looking at a lab loads no schema. */
import { dirname, resolve } from 'node:path';
import type { Session } from './session.js';

/** The folder that holds `.homelab`, for commands about labs that exist. */
export function baseFolder(session: Session): string {
  const { cwd } = session.io;
  const named = session.options.config;
  return named === undefined ? cwd : dirname(resolve(cwd, named));
}
