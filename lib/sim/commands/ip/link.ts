/** `ip link show` and `ip link set DEV up|down`; taking the card down is the same as pulling its cable. */
import { Failure } from '../failure.js';
import { keywords, labCard, selectCards, type Card, type IpCall } from './cards.js';

export function link(ip: IpCall): number {
  const [command = 'show', ...rest] = ip.args;
  if (command === 'set') return set(ip, rest);
  if (!['show', 'list', 's', 'sh', 'ls'].includes(command)) {
    throw new Failure(`Command "${command}" is unknown, try "ip link help".\n`, 255);
  }
  const { values, words } = keywords(rest, ['dev', 'type']);
  const name = values.get('dev') ?? words.find((word) => word !== 'up') ?? null;
  const found = selectCards(ip.call, name).filter((card) => !words.includes('up') || card.state !== 'DOWN');
  if (ip.json) ip.call.print(`${JSON.stringify(found.map(asJson))}\n`);
  else for (const card of found) ip.call.print(text(ip, card));
  return 0;
}

function set(ip: IpCall, args: readonly string[]): number {
  const { values, words } = keywords(args, ['dev']);
  const [first, second] = words;
  const device = values.get('dev') ?? first;
  const state = values.has('dev') ? first : second;
  if (device === undefined) throw new Failure('Not enough information: "dev" argument is required.\n', 255);
  if (state !== 'up' && state !== 'down') {
    throw new Failure(`Error: either "dev" is duplicate, or "${state ?? ''}" is a garbage.\n`, 255);
  }
  labCard(ip.call, device);
  ip.call.world.network.setLink(ip.call.machine, state === 'up');
  return 0;
}

function text(ip: IpCall, card: Card): string {
  if (ip.brief) {
    return `${card.name.padEnd(16)} ${card.state.padEnd(14)} ${card.mac} <${card.flags.join(',')}> \n`;
  }
  const head =
    `${card.index}: ${card.name}: <${card.flags.join(',')}> mtu ${card.mtu} qdisc ${card.qdisc} ` +
    `state ${card.state} mode DEFAULT group default qlen 1000`;
  const tail = `    link/${card.linkType} ${card.mac} brd ${card.broadcast}`;
  return ip.oneLine ? `${head}\\${tail}\n` : `${head}\n${tail}\n`;
}

function asJson(card: Card): unknown {
  return {
    ifindex: card.index,
    ifname: card.name,
    flags: card.flags,
    mtu: card.mtu,
    qdisc: card.qdisc,
    operstate: card.state,
    linkmode: 'DEFAULT',
    group: 'default',
    txqlen: 1_000,
    link_type: card.linkType,
    address: card.mac,
    broadcast: card.broadcast,
  };
}
