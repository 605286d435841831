/** A program of this computer that must succeed, or an error that carries what it said. */
import { CancelledError, UserError } from '../../base/errors.js';
import type { HostProgram, HostProgramEnd, RunHostProgram } from './host-program.js';

/** Its standard output. Rejects with `CancelledError` when its signal aborted. */
export async function mustRun(run: RunHostProgram, program: HostProgram): Promise<string> {
  const end = await run(program);
  if (end.kind === 'exited' && end.code === 0) return new TextDecoder().decode(end.stdout);
  throw programFailed(program, end);
}

export function programFailed({ argv }: HostProgram, end: HostProgramEnd): Error {
  if (end.kind === 'cancelled') return new CancelledError();
  if (end.kind === 'missing') {
    return new UserError({
      code: 'program-missing',
      message: `${argv[0] ?? ''} does not run: ${end.why}`,
      remedy: 'Install it; `homelab doctor --provider libvirt` says how.',
    });
  }
  const said = new TextDecoder().decode(end.stderr).trim();
  const how = end.kind === 'exited' ? `exit code ${end.code}` : 'it did not end in time';
  return new UserError({
    code: 'program-failed',
    message: `${argv.join(' ')}: ${how}${said === '' ? '' : `\n${said}`}`,
    remedy: 'Look at what it said; `homelab doctor --provider libvirt` checks this computer.',
  });
}
