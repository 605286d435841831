/**
 * A machine keeps its static address while its cable is out. networkd would take it away, which no server does; so a
 * machine is told when it is made. Told only as its cable is pulled it would be too late: networkd takes the new
 * setting over some time after `networkctl reload` has returned.
 */
import { carrierDropIn } from '../../generate/network.js';
import { carrierDropInPath } from '../../generate/paths.js';
import type { LabSpec } from '../../model/lab.js';

/**
 * All in one program, because each of its own takes a second on a busy machine under software emulation. Where Vagrant
 * wrote no file for networkd another program has the network, and keeps addresses by itself. `install` makes the
 * folder, and the file is to outlive a power cut.
 */
const KEEP = `
test -e "\${1%.d/*}" || exit 0
printf %s "$2" | install -D -m 0644 /dev/stdin "$1" && sync -- "$1" && networkctl reload`;

/** argv of the program that tells a machine; it may run again. */
export function keepAddress(lab: LabSpec): readonly string[] {
  return ['sh', '-c', KEEP, 'homelab', carrierDropInPath(lab.network.interface), carrierDropIn(lab)];
}
