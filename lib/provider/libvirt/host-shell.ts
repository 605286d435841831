/**
 * The workstation as a machine of the lab: what must be seen from outside runs here. Only a few programs that
 * look are let through, and no file is touched: nobody gave homelab this computer to work on.
 */
import { UserError } from '../../base/errors.js';
import { HOST, type CommandResult, type Shell } from '../provider.js';
import type { RunHostProgram } from './host-program.js';

const ALLOWED = ['ping', 'arping', 'curl', 'ip'];
const NOT_FOUND = 127;

export function hostShell(run: RunHostProgram): Shell {
  return {
    machine: HOST,
    run: async ({ argv, stdin, timeoutMs, signal }): Promise<CommandResult> => {
      const [name = ''] = argv;
      if (!ALLOWED.includes(name))
        throw refused(`${HOST} is this workstation, and homelab does not run ${name} on it`);
      const end = await run({
        ...{ argv, timeoutMs, env: { LC_ALL: 'C' } },
        ...(stdin === undefined ? {} : { stdin }),
        ...(signal === undefined ? {} : { signal }),
      });
      if (end.kind !== 'missing') return end;
      const stderr = new TextEncoder().encode(`homelab: ${name}: not found\n`);
      return { kind: 'exited', code: NOT_FOUND, signal: null, stdout: new Uint8Array(), stderr };
    },
    readFile: (path) =>
      Promise.reject(refused(`${HOST} is this workstation, and homelab does not read ${path} on it`)),
    writeFile: (path) => Promise.reject(unwritable(path)),
    sendFile: (path) => Promise.reject(unwritable(path)),
  };
}

function unwritable(path: string): UserError {
  return refused(`${HOST} is this workstation, and homelab does not write ${path} on it`);
}

function refused(message: string): UserError {
  return new UserError({
    code: 'not-on-the-host',
    message,
    remedy: `Type it yourself, or name a machine of the lab. On ${HOST} homelab runs only: ${ALLOWED.join(', ')}.`,
  });
}
