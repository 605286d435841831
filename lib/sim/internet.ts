/**
 * A machine's way to servers outside of the lab, through its NAT card. They answer, unless the machine cannot find
 * their address (no name server in /etc/resolv.conf) or is told another one in /etc/hosts, where nobody serves.
 */
import type { Machine } from './machine.js';
import { sleep, type Sim } from './task.js';
import { sha256Hex } from '../base/digest.js';

export type InternetProblem =
  | { readonly kind: 'unresolved' }
  | { readonly kind: 'refused' | 'no-route' | 'timeout'; readonly address: string };

const HTTPS = 443;
const NAT_CARD = 'eth0';
/** Any address of the NAT network: rules about one's own are not modelled there. */
const NAT_ADDRESS = '192.168.121.2';

/** Null when `host` can be reached. `timeoutMs` is how long the program waits for a connection. */
export function* reachInternet(
  machine: Machine,
  host: string,
  timeoutMs: number,
): Sim<InternetProblem | null> {
  const address = machine.lookup(host);
  if (address === null) {
    const servers = /^nameserver\s+\S+/m.test(machine.disk.read('/etc/resolv.conf') ?? '');
    if (!servers) return { kind: 'unresolved' };
    return yield* throughFirewall(machine, host, timeoutMs);
  }
  const ask = { method: 'GET', path: '/' };
  const outcome = yield* machine.world.network.exchange(machine, address, HTTPS, ask, timeoutMs);
  switch (outcome.kind) {
    case 'refused':
    case 'no-route':
      return { kind: outcome.kind, address };
    default:
      // Whatever serves there is not the server that was meant: it is given up like one that says nothing.
      return { kind: 'timeout', address };
  }
}

/** The address that a name of the internet has here: one of the range for documentation. Null for no such name. */
export function internetAddress(machine: Machine, host: string): string | null {
  const servers = /^nameserver\s+\S+/m.test(machine.disk.read('/etc/resolv.conf') ?? '');
  if (!servers || !host.includes('.')) return null;
  return `203.0.113.${(Number.parseInt(sha256Hex(host).slice(0, 4), 16) % 254) + 1}`;
}

function* throughFirewall(machine: Machine, host: string, timeoutMs: number): Sim<InternetProblem | null> {
  if (machine.firewall.isOpen) return null;
  const address = internetAddress(machine, host) ?? host;
  const [own, there] = [NAT_ADDRESS, address];
  const common = { card: NAT_CARD, protocol: 'tcp' } as const;
  const request = { ...common, source: own, destination: there, sourcePort: null, destinationPort: HTTPS };
  const answer = { ...common, source: there, destination: own, sourcePort: HTTPS, destinationPort: null };
  const sent = machine.firewall.verdict('OUTPUT', request);
  if (sent === 'REJECT') return { kind: 'refused', address };
  if (sent === 'ACCEPT' && machine.firewall.verdict('INPUT', answer) === 'ACCEPT') return null;
  yield* sleep(timeoutMs);
  return { kind: 'timeout', address };
}
