/**
 * What the lab network's interface of a machine carries beyond the address that Vagrant gives it: the VIP on
 * the load balancer, and pod routes with the bridge CNI. The drop-in for systemd-networkd keeps it over
 * reboots; the commands put the same into the running kernel. Leaves out the VIP of kube-vip, which comes and
 * goes by its lease.
 */
import type { LabSpec, MachineSpec } from '../model/lab.js';
import { podRoutes } from './bridge.js';

/** Otherwise networkd takes the address away while the cable is out, which no server with a static address does. */
const KEEP_WITHOUT_CARRIER = 'IgnoreCarrierLoss=yes';

/**
 * The drop-in that every machine has from its creation on, so that a cable may be pulled before anything else was
 * done to it. Beside the one below, which comes and goes with the cluster.
 */
export function carrierDropIn(lab: LabSpec): string {
  return `# Made by homelab for the lab ${lab.name}.\n[Network]\n${KEEP_WITHOUT_CARRIER}\n`;
}

export function networkdDropIn(lab: LabSpec, machine: MachineSpec): string {
  const addresses = extraAddresses(lab, machine);
  return [
    `# Made by homelab for the lab ${lab.name}. Changes are lost when homelab writes it again.`,
    '[Network]',
    KEEP_WITHOUT_CARRIER,
    ...addresses.map((address) => `Address=${address}`),
    ...podRoutes(lab, machine).flatMap((route) => [
      '',
      '[Route]',
      `Destination=${route.destination}`,
      `Gateway=${route.gateway}`,
    ]),
    '',
  ].join('\n');
}

/** argv of the commands that make the drop-in's content true at once; each may be run again. */
export function networkCommands(lab: LabSpec, machine: MachineSpec): readonly (readonly string[])[] {
  const device = ['dev', lab.network.interface];
  return [
    ...extraAddresses(lab, machine).map((address) => ['ip', 'address', 'replace', address, ...device]),
    ...podRoutes(lab, machine).map((route) => [
      ...['ip', 'route', 'replace', route.destination, 'via', route.gateway],
      ...device,
    ]),
  ];
}

/** With HAProxy the load balancer carries the VIP as a second address on the lab's interface. */
function extraAddresses(lab: LabSpec, machine: MachineSpec): readonly string[] {
  if (machine.role !== 'load-balancer' || lab.vip === null) return [];
  return [`${lab.vip.address}/32`];
}
