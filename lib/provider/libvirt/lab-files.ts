/**
 * What the libvirt provider keeps in a lab's folder. All of it goes with the folder; nothing of a lab is kept
 * elsewhere but its domains, volumes and networks in libvirt and its node image among Vagrant's boxes.
 */
import { join } from 'node:path';

export interface LabFiles {
  /** The lab's folder, where Vagrant runs; an absolute path without symbolic links. */
  readonly folder: string;
  readonly vagrantfile: string;
  /** What Vagrant keeps of its machines: ids and private keys. */
  readonly vagrant: string;
  /** OpenSSH client configuration of every machine that was reached: `ssh -F ssh_config stage-cp-1` works. */
  readonly sshConfig: string;
  /** Host keys, pinned at first contact under the machines' names. */
  readonly knownHosts: string;
  /** When the lab was made, and which machines were begun: `LabState`. */
  readonly state: string;
  /** Folder of what vagrant and packer printed. */
  readonly logs: string;
  /** Scratch folder of an image build. */
  readonly image: string;
}

export function labFiles(folder: string): LabFiles {
  const file = (name: string): string => join(folder, name);
  return {
    folder,
    vagrantfile: file('Vagrantfile'),
    vagrant: file('.vagrant'),
    sshConfig: file('ssh_config'),
    knownHosts: file('known_hosts'),
    state: file('libvirt.json'),
    logs: file('logs'),
    image: file('image'),
  };
}
