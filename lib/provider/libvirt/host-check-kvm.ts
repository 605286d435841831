/** What machines are run with, and what that means for the lab's time-outs. */
import type { LabSpec } from '../../model/lab.js';
import { amiss, fine, type HostFinding } from './host-finding.js';
import type { KvmAnswer } from './kvm.js';

export function checkKvm(kvm: KvmAnswer | null, lab: LabSpec): HostFinding {
  const expected = 'a guest that runs';
  const slowly = slowness(lab);
  if (kvm === null) {
    const message = `machines run in software emulation, as this lab was told to${slowly.message}`;
    return slowly.remedy === null ? fine('kvm', message) : amiss('kvm', 'warning', message, slowly.remedy);
  }
  const found = kvm.state;
  if (found === 'works') return fine('kvm', 'KVM runs guests', { expected, found });
  const { message, remedy } = KVM_TEXTS[found];
  const why = kvm.why === '' ? '' : `: ${kvm.why.split('\n').at(-1) ?? ''}`;
  if (lab.driver === 'kvm') {
    const other = 'or let homelab choose with vos.driver: auto';
    return amiss('kvm', 'error', `${message}${why}`, `${remedy}, ${other}.`, { expected, found });
  }
  return amiss(
    'kvm',
    'warning',
    `${message}${why}; machines run in software emulation${slowly.message}`,
    slowly.remedy === null ? `${remedy}.` : `${remedy}. Without it: ${slowly.remedy}`,
    { expected, found },
  );
}

/** Software emulation takes 10 to 30 times as much of the processor. */
function slowness({ timeScale }: LabSpec): { readonly message: string; readonly remedy: string | null } {
  if (timeScale >= 5) return { message: `, which vos.time_scale: ${timeScale} allows for`, remedy: null };
  const message = ', 10 to 30 times slower, and the time-outs are those of a fast computer';
  return { message, remedy: 'write vos.time_scale: 10 (--time-scale 10).' };
}

const KVM_TEXTS = {
  'foreign-host': {
    message: 'machines are x86-64 and this computer is not',
    remedy: 'Use an x86-64 computer',
  },
  absent: {
    message: 'there is no /dev/kvm',
    remedy: "Turn virtualization on in the firmware, or nested virtualization in this machine's own host",
  },
  'not-yours': {
    message: '/dev/kvm is not yours to use',
    remedy: 'Join its group: sudo usermod -aG kvm $USER, and log in again',
  },
  'no-qemu': {
    message: 'qemu-system-x86_64 is not on PATH, so that KVM could not be tried',
    remedy: 'Install it; on Debian and Ubuntu: apt install qemu-system-x86',
  },
  hangs: {
    message: '/dev/kvm opens, but a guest hangs in it',
    remedy: "Mend nested virtualization in this machine's own host",
  },
  fails: {
    message: 'KVM does not run a guest',
    remedy: 'Find out why with: qemu-system-x86_64 -accel kvm -cpu host -display none',
  },
} as const;
