/**
 * What real machines need of this computer: what is missing, libvirt started where nothing runs it, and the box. All of
 * it before the first test, so that a test file can be about one thing.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../helpers/package-root.js';
import { prepareBox } from './box.js';
import { mustRun, ran } from './programs.js';

/** Programs, with the package that brings each of them on Debian. */
const PROGRAMS: readonly (readonly [program: string, debianPackage: string])[] = [
  ['vagrant', 'vagrant-libvirt'],
  ['virsh', 'libvirt-clients'],
  ['libvirtd', 'libvirt-daemon-system'],
  ['virtlogd', 'libvirt-daemon-system'],
  ['dnsmasq', 'dnsmasq-base'],
  ['iptables', 'iptables'],
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['qemu-img', 'qemu-utils'],
  ['debootstrap', 'debootstrap'],
  ['mkfs.ext4', 'e2fsprogs'],
  ['unshare', 'util-linux'],
  ['ssh', 'openssh-client'],
  ['ip', 'iproute2'],
  ['ping', 'iputils-ping'],
  ['arping', 'iputils-arping'],
  ['curl', 'curl'],
  ['packer', 'packer'],
];

/** Why real machines cannot run here, in sentences; empty when they can. */
export function whyNot(): readonly string[] {
  if (process.platform !== 'linux') return [`this is ${process.platform}, not Linux`];
  if (process.getuid?.() !== 0) return ['only root may start libvirt and mount images'];
  const missing = PROGRAMS.filter(([program]) => !isOnPath(program));
  const packages = [...new Set(missing.map(([, debianPackage]) => debianPackage))];
  const why = missing.map(([program]) => `${program} is not installed`);
  if (packages.length > 0) why.push(`on Debian: apt-get install ${packages.join(' ')}`);
  for (const device of ['/dev/net/tun', '/dev/loop-control']) {
    if (!existsSync(device)) why.push(`${device} is not there`);
  }
  if (why.length === 0 && !ran('vagrant', ['plugin', 'list']).stdout.includes('vagrant-libvirt')) {
    why.push('Vagrant has no vagrant-libvirt plugin');
  }
  return why;
}

export interface TestHost {
  /** What the test files find in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends what was started. */
  stop(): void;
}

export function prepareHost(): TestHost {
  const script = join(packageRoot(), 'test/libvirt/host/libvirt.sh');
  const scratch = mkdtempSync(join(tmpdir(), 'homelab-libvirt-'));
  const folder = join(scratch, 'libvirt');
  const stop = (): void => {
    mustRun(script, ['stop', folder]);
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    mustRun(script, ['start', folder]);
    const { name, emulator } = prepareBox();
    return { env: { HOMELAB_TEST_BOX: name, HOMELAB_TEST_EMULATOR: emulator }, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

function isOnPath(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(':');
  // Debian keeps some of them where only root's PATH leads.
  return [...folders, '/usr/sbin', '/sbin'].some((folder) => existsSync(join(folder, program)));
}
