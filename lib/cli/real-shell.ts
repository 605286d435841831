/**
 * A real shell on a real machine: OpenSSH's own client with this terminal, and with the lab's configuration,
 * which knows the machine's address and its pinned host key.
 */
import { constants } from 'node:os';
import { execa } from 'execa';
import { UserError } from '../base/errors.js';
import { HOST } from '../provider/provider.js';
import { labFiles } from '../provider/libvirt/lab-files.js';
import { SshConnections } from '../provider/libvirt/ssh-connections.js';
import type { Lab } from './labs.js';
import type { Session } from './session.js';

/** Its exit code, which is that of the shell; 255 when the connection went. */
export async function openRealShell({ io }: Session, lab: Lab, machine: string): Promise<number> {
  if (machine === HOST) {
    throw new UserError({
      code: 'not-on-the-host',
      message: `${HOST} is this workstation, and you are on it`,
      remedy: `Name a machine of the lab: ${lab.record.spec.machines.map(({ name }) => name).join(', ')}.`,
    });
  }
  const files = labFiles(lab.folder);
  await meet(new SshConnections({ files, timeScale: lab.record.spec.timeScale }), machine);
  const end = await execa('ssh', ['-F', files.sshConfig, machine], {
    ...{ cwd: io.cwd, env: { ...io.env }, extendEnv: false, stdio: 'inherit', reject: false },
    cancelSignal: io.signal,
  });
  if (end.code === 'ENOENT') {
    throw new UserError({
      code: 'program-missing',
      message: 'there is no program ssh on this computer',
      remedy: 'Install OpenSSH: sudo apt-get install openssh-client',
    });
  }
  return end.exitCode ?? 128 + (end.signal === undefined ? 0 : constants.signals[end.signal]);
}

/**
 * ssh asks nobody whether to trust a host key that is not pinned yet, and its words for a machine that is
 * off are few.
 */
async function meet(connections: SshConnections, machine: string): Promise<void> {
  try {
    await connections.meet(machine);
  } finally {
    connections.close();
  }
}
