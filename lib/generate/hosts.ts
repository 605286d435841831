/**
 * /etc/hosts of every machine, whole: writing it replaces the loopback line that Vagrant adds for the
 * machine's own name, so that a node's name is its address on the lab network. Leaves out the workstation's
 * own hosts file.
 */
import type { LabSpec } from '../model/lab.js';
import { isAddress } from './addresses.js';

export function hostsFile(lab: LabSpec): string {
  const names = endpointNames(lab);
  return [
    `# Made by homelab for the lab ${lab.name}. Changes are lost when homelab writes it again.`,
    '127.0.0.1 localhost',
    '::1 localhost ip6-localhost ip6-loopback',
    ...lab.machines.map((machine) => `${machine.address} ${machine.name}`),
    ...(names.length === 0 ? [] : [`${lab.endpoint.address} ${names.join(' ')}`]),
    '',
  ].join('\n');
}

/** The names under which clients reach the API; empty when the endpoint is a bare address. */
export function endpointNames(lab: LabSpec): readonly string[] {
  const names = [lab.endpoint.host, lab.apiName].filter(
    (name): name is string => name !== null && !isAddress(name),
  );
  return [...new Set(names)];
}
