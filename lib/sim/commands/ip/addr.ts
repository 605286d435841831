/** `ip addr show|add|replace|del|flush`. */
import { Failure } from '../failure.js';
import {
  keywords,
  labCard,
  selectCards,
  toNumber,
  type Card,
  type CardAddress,
  type IpCall,
} from './cards.js';

export function addr(ip: IpCall): number {
  const [command = 'show', ...rest] = ip.args;
  switch (command) {
    case 'show':
    case 'list':
    case 's':
    case 'sh':
    case 'ls':
      return show(ip, rest);
    case 'add':
    case 'a':
    case 'replace':
    case 'change':
      return add(ip, rest, command);
    case 'del':
    case 'delete':
    case 'd':
      return remove(ip, rest);
    case 'flush':
      return flush(ip, rest);
    default:
      throw new Failure(`Command "${command}" is unknown, try "ip address help".\n`, 255);
  }
}

function show(ip: IpCall, args: readonly string[]): number {
  const { values, words } = keywords(args, ['dev', 'to', 'scope', 'label']);
  const name = values.get('dev') ?? words.find((word) => word !== 'up' && word !== 'permanent') ?? null;
  const to = values.get('to') ?? null;
  const found = selectCards(ip.call, name)
    .filter((card) => !words.includes('up') || card.state !== 'DOWN')
    .map((card) => ({
      ...card,
      addresses: card.addresses.filter((address) => to === null || matches(address, to)),
    }))
    .filter((card) => to === null || card.addresses.length > 0);
  if (ip.json) ip.call.print(`${JSON.stringify(found.map(asJson))}\n`);
  else for (const card of found) ip.call.print(text(ip, card));
  return 0;
}

function matches(address: CardAddress, to: string): boolean {
  const [local, prefixLength] = to.split('/');
  return address.local === local && (prefixLength === undefined || Number(prefixLength) <= 32);
}

function text(ip: IpCall, card: Card): string {
  if (ip.brief) {
    const addresses = card.addresses.map((one) => `${one.local}/${one.prefixLength} `).join('');
    if (ip.four && addresses === '') return '';
    return `${card.name.padEnd(16)} ${card.state.padEnd(14)} ${addresses}\n`;
  }
  const lifetime = 'valid_lft forever preferred_lft forever';
  if (ip.oneLine) {
    return card.addresses
      .map((one) => `${card.index}: ${card.name}    ${inet(card, one)}\\       ${lifetime}\n`)
      .join('');
  }
  // With -4, iproute2 leaves cards without an IPv4 address out and does not print the link-layer line.
  if (ip.four && card.addresses.length === 0) return '';
  const lines = [
    `${card.index}: ${card.name}: <${card.flags.join(',')}> mtu ${card.mtu} qdisc ${card.qdisc} ` +
      `state ${card.state} group default qlen 1000`,
  ];
  if (!ip.four) lines.push(`    link/${card.linkType} ${card.mac} brd ${card.broadcast}`);
  for (const one of card.addresses) lines.push(`    ${inet(card, one)}`, `       ${lifetime}`);
  return `${lines.join('\n')}\n`;
}

function inet(card: Card, address: CardAddress): string {
  const broadcast = address.broadcast === null ? '' : ` brd ${address.broadcast}`;
  return `inet ${address.local}/${address.prefixLength}${broadcast} scope ${address.scope} ${card.name}`;
}

function asJson(card: Card): unknown {
  return {
    ifindex: card.index,
    ifname: card.name,
    flags: card.flags,
    mtu: card.mtu,
    qdisc: card.qdisc,
    operstate: card.state,
    group: 'default',
    txqlen: 1_000,
    link_type: card.linkType,
    address: card.mac,
    broadcast: card.broadcast,
    addr_info: card.addresses.map((one) => ({
      family: 'inet',
      local: one.local,
      prefixlen: one.prefixLength,
      ...(one.broadcast === null ? {} : { broadcast: one.broadcast }),
      scope: one.scope,
      label: card.name,
      valid_life_time: 4_294_967_295,
      preferred_life_time: 4_294_967_295,
    })),
  };
}

function add(ip: IpCall, args: readonly string[], command: string): number {
  const { address, prefixLength, device } = target(args, ['brd', 'broadcast', 'scope', 'label']);
  labCard(ip.call, device);
  const { machine, world } = ip.call;
  if (machine.labNic.addresses.get(address) === prefixLength) {
    if (command === 'replace' || command === 'change') return 0;
    throw new Failure('Error: ipv4: Address already assigned.\n', 2);
  }
  world.network.addAddress(machine, address, prefixLength);
  return 0;
}

function remove(ip: IpCall, args: readonly string[]): number {
  const { address, prefixLength, device, written } = target(args, ['brd', 'broadcast', 'scope', 'label']);
  labCard(ip.call, device);
  const { machine, world } = ip.call;
  const present = machine.labNic.addresses.get(address);
  if (present === undefined || (written && present !== prefixLength)) {
    throw new Failure('Error: ipv4: Address not found.\n', 2);
  }
  world.network.removeAddress(machine, address);
  return 0;
}

function flush(ip: IpCall, args: readonly string[]): number {
  const { values, words } = keywords(args, ['dev', 'to', 'scope', 'label']);
  const device = values.get('dev') ?? words[0];
  if (device === undefined) throw new Failure('Flush requires arguments.\n', 1);
  labCard(ip.call, device);
  const { machine, world } = ip.call;
  const to = values.get('to')?.split('/')[0];
  for (const address of [...machine.labNic.addresses.keys()]) {
    if (to === undefined || to === address) world.network.removeAddress(machine, address);
  }
  return 0;
}

function target(
  args: readonly string[],
  keys: readonly string[],
): { address: string; prefixLength: number; device: string; written: boolean } {
  const { values, words } = keywords(args, ['dev', ...keys]);
  const [first, extra] = words;
  if (extra !== undefined) {
    throw new Failure(`Error: either "local" is duplicate, or "${extra}" is a garbage.\n`, 255);
  }
  const [address = '', prefix] = (first ?? '').split('/');
  const prefixLength = prefix === undefined ? 32 : Number(prefix);
  if (first !== undefined && (toNumber(address) === null || !(prefixLength <= 32))) {
    throw new Failure(`Error: any valid prefix is expected rather than "${first}".\n`, 1);
  }
  const device = values.get('dev');
  if (device === undefined) throw new Failure('Not enough information: "dev" argument is required.\n', 255);
  if (first === undefined) throw new Failure('Error: local address is required.\n', 255);
  return { address, prefixLength, device, written: prefix !== undefined };
}
