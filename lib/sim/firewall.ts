/**
 * The kernel's packet filter of one machine, as far as people use it to cut a machine off: the chains INPUT and
 * OUTPUT with addresses, a protocol, ports and cards. It forgets everything with the power. Connection states, other
 * tables and chains of one's own are not modelled; ARP is not filtered, as on a real machine.
 */
export type Chain = 'INPUT' | 'OUTPUT';
export type Verdict = 'ACCEPT' | 'DROP' | 'REJECT';

/** Null matches everything. */
export interface Rule {
  /** `192.168.62.12/32`. */
  readonly source: string | null;
  readonly destination: string | null;
  readonly card: string | null;
  readonly protocol: 'tcp' | 'udp' | 'icmp' | null;
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  readonly verdict: Verdict;
}

export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly card: string;
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
}

export class Firewall {
  readonly chains: Readonly<Record<Chain, Rule[]>> = { INPUT: [], OUTPUT: [] };
  readonly policies: Record<Chain, 'ACCEPT' | 'DROP'> = { INPUT: 'ACCEPT', OUTPUT: 'ACCEPT' };

  /** Lets everything through; most machines do all of the time. */
  get isOpen(): boolean {
    const { INPUT, OUTPUT } = this.chains;
    if (INPUT.length > 0 || OUTPUT.length > 0) return false;
    return this.policies.INPUT === 'ACCEPT' && this.policies.OUTPUT === 'ACCEPT';
  }

  clear(): void {
    for (const chain of ['INPUT', 'OUTPUT'] as const) {
      this.chains[chain].length = 0;
      this.policies[chain] = 'ACCEPT';
    }
  }

  /** The first rule that matches decides, and the policy when none does. */
  verdict(chain: Chain, packet: Packet): Verdict {
    return this.chains[chain].find((rule) => matches(rule, packet))?.verdict ?? this.policies[chain];
  }
}

function matches(rule: Rule, packet: Packet): boolean {
  return (
    (rule.source === null || contains(rule.source, packet.source)) &&
    (rule.destination === null || contains(rule.destination, packet.destination)) &&
    (rule.card === null || rule.card === packet.card) &&
    (rule.protocol === null || rule.protocol === packet.protocol) &&
    (rule.sourcePort === null || rule.sourcePort === packet.sourcePort) &&
    (rule.destinationPort === null || rule.destinationPort === packet.destinationPort)
  );
}

function contains(range: string, address: string): boolean {
  const [network = '', length = '32'] = range.split('/');
  const shift = 32 - Number(length);
  return Math.floor(number(network) / 2 ** shift) === Math.floor(number(address) / 2 ** shift);
}

function number(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The rule as `iptables -S` prints it, without its chain. */
export function printRule(chain: Chain, rule: Rule): string {
  const ports = [
    ...(rule.sourcePort === null ? [] : [`--sport ${rule.sourcePort}`]),
    ...(rule.destinationPort === null ? [] : [`--dport ${rule.destinationPort}`]),
  ];
  return [
    ...(rule.source === null ? [] : [`-s ${rule.source}`]),
    ...(rule.destination === null ? [] : [`-d ${rule.destination}`]),
    ...(rule.card === null ? [] : [`${chain === 'INPUT' ? '-i' : '-o'} ${rule.card}`]),
    ...(rule.protocol === null ? [] : [`-p ${rule.protocol}`]),
    ...(ports.length === 0 ? [] : [`-m ${rule.protocol ?? 'tcp'} ${ports.join(' ')}`]),
    `-j ${rule.verdict}${rule.verdict === 'REJECT' ? ' --reject-with icmp-port-unreachable' : ''}`,
  ].join(' ');
}
