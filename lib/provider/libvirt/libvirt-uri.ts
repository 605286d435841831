/** Which libvirt is meant: the system's, for Vagrant and virsh alike, unless the environment names another. */
export function libvirtUri(env: Readonly<Record<string, string | undefined>>): string {
  const chosen = env['LIBVIRT_DEFAULT_URI'] ?? '';
  return chosen === '' ? 'qemu:///system' : chosen;
}
