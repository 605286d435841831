/** What firewalls and shaped cards do to traffic between two machines that hear each other. */
import type { Prng } from '../base/prng.js';
import type { Packet, Verdict } from './firewall.js';
import type { Machine } from './machine.js';
import { ALL_LOST, lateness } from './shaping.js';

export interface Way {
  readonly from: Machine;
  readonly to: Machine;
  /** Of the server. */
  readonly address: string;
  /** Null for an echo request. */
  readonly port: number | null;
}

/** Any port that a client may have; rules about it are not modelled. */
const CLIENT_PORT = 40_000;

/** Request and answer, through the four chains they meet. What a machine sends to itself is let through. */
export function passage({ from, to, address, port }: Way): Verdict {
  if (from === to || (from.firewall.isOpen && to.firewall.isOpen)) return 'ACCEPT';
  const [client = ''] = from.labNic.addresses.keys();
  const protocol = port === null ? 'icmp' : 'tcp';
  const clientPort = port === null ? null : CLIENT_PORT;
  const request = {
    source: client,
    destination: address,
    protocol,
    sourcePort: clientPort,
    destinationPort: port,
  };
  const answer = {
    source: address,
    destination: client,
    protocol,
    sourcePort: port,
    destinationPort: clientPort,
  };
  const seen = (machine: Machine, packet: Omit<Packet, 'card'>): Packet => ({
    ...packet,
    card: machine.labNic.name,
  });
  const verdicts = [
    from.firewall.verdict('OUTPUT', seen(from, request as Omit<Packet, 'card'>)),
    to.firewall.verdict('INPUT', seen(to, request as Omit<Packet, 'card'>)),
    to.firewall.verdict('OUTPUT', seen(to, answer as Omit<Packet, 'card'>)),
    from.firewall.verdict('INPUT', seen(from, answer as Omit<Packet, 'card'>)),
  ];
  // A rejected answer never reaches the client: for it that is silence.
  const [sent, received] = verdicts;
  if (sent !== 'ACCEPT') return sent ?? 'DROP';
  if (received !== 'ACCEPT') return received ?? 'DROP';
  return verdicts.every((verdict) => verdict === 'ACCEPT') ? 'ACCEPT' : 'DROP';
}

/** Does anything that leaves the machine get lost? */
export function isMute(machine: Machine): boolean {
  return machine.shaping !== null && machine.shaping.loss >= ALL_LOST;
}

/** By how much a message and its answer are late. */
export function roundTripMs(from: Machine, to: Machine, prng: Prng): number {
  if (from === to || (from.shaping === null && to.shaping === null)) return 0;
  return lateness(from.shaping, prng) + lateness(to.shaping, prng);
}
