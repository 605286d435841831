/**
 * A machine's way to servers outside of the lab, through its NAT card. They answer, unless the machine cannot find
 * their address (no name server in /etc/resolv.conf) or is told another one in /etc/hosts, where nobody serves.
 */
import type { Machine } from './machine.js';
import type { Sim } from './task.js';

export type InternetProblem =
  | { readonly kind: 'unresolved' }
  | { readonly kind: 'refused' | 'no-route' | 'timeout'; readonly address: string };

const HTTPS = 443;

/** Null when `host` can be reached. `timeoutMs` is how long the program waits for a connection. */
export function* reachInternet(
  machine: Machine,
  host: string,
  timeoutMs: number,
): Sim<InternetProblem | null> {
  const address = machine.lookup(host);
  if (address === null) {
    const servers = /^nameserver\s+\S+/m.test(machine.disk.read('/etc/resolv.conf') ?? '');
    return servers ? null : { kind: 'unresolved' };
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
