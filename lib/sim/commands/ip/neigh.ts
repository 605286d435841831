/** `ip neigh show|flush|del`: the ARP cache of the lab card. */
import type { ArpEntry } from '../../network.js';
import { Failure } from '../failure.js';
import { keywords, type IpCall } from './cards.js';

/** For how long Linux calls an entry REACHABLE after its owner last answered. */
const REACHABLE_MS = 30_000;

export function neigh(ip: IpCall): number {
  const [command = 'show', ...rest] = ip.args;
  const { machine } = ip.call;
  const { values, words } = keywords(rest, ['dev', 'to', 'nud']);
  const device = values.get('dev') ?? null;
  const to = values.get('to') ?? words[0] ?? null;
  const entries = [...machine.arp]
    .filter(
      ([address]) => (device === null || device === machine.labNic.name) && (to === null || to === address),
    )
    .sort(([a], [b]) => (a < b ? -1 : 1));
  switch (command) {
    case 'show':
    case 'list':
    case 's':
    case 'sh':
    case 'ls':
      break;
    case 'flush':
      if (device === null && to === null && !words.includes('all')) {
        throw new Failure('Flush requires arguments.\n', 1);
      }
      for (const [address] of entries) machine.arp.delete(address);
      return 0;
    case 'del':
    case 'delete':
      if (entries.length === 0) throw new Failure('RTNETLINK answers: No such file or directory\n', 2);
      for (const [address] of entries) machine.arp.delete(address);
      return 0;
    default:
      throw new Failure(`Command "${command}" is unknown, try "ip neighbour help".\n`, 255);
  }
  const name = machine.labNic.name;
  const rows = entries.map(([address, entry]) => ({
    dst: address,
    dev: name,
    lladdr: entry.mac,
    state: [stateOf(entry, ip.call.world.nowMs)],
  }));
  if (ip.json) ip.call.print(`${JSON.stringify(rows)}\n`);
  else {
    for (const row of rows) {
      const dev = device === null ? ` dev ${row.dev}` : '';
      ip.call.print(`${row.dst}${dev} lladdr ${row.lladdr} ${row.state[0] ?? ''} \n`);
    }
  }
  return 0;
}

function stateOf(entry: ArpEntry, nowMs: number): string {
  if (nowMs - entry.confirmedMs < REACHABLE_MS) return 'REACHABLE';
  return entry.probeDueMs === null ? 'STALE' : nowMs < entry.probeDueMs ? 'DELAY' : 'PROBE';
}
