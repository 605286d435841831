/**
 * The seed that lets Packer into a cloud image: a user with the build's key. Images without cloud-init never read it.
 */
import { toYaml } from './yaml.js';

export interface SeedFile {
  readonly name: 'user-data' | 'meta-data';
  readonly content: string;
}

/** `publicKey` is one line of an authorized_keys file. */
export function cloudInitSeed(user: string, publicKey: string): readonly SeedFile[] {
  const userData = toYaml({
    users: [
      {
        name: user,
        shell: '/bin/bash',
        lock_passwd: true,
        sudo: 'ALL=(ALL) NOPASSWD: ALL',
        ssh_authorized_keys: [publicKey],
      },
    ],
    ssh_pwauth: false,
    // Otherwise every sudo asks name servers for the machine's own name.
    manage_etc_hosts: true,
  });
  return [
    { name: 'user-data', content: `#cloud-config\n${userData}` },
    { name: 'meta-data', content: toYaml({ 'instance-id': 'homelab-build', 'local-hostname': 'homelab' }) },
  ];
}
