/** The network cards of a machine as iproute2 shows them, and the words after an ip object. */
import { Failure } from '../failure.js';
import type { Invocation } from '../../process.js';

export interface IpCall {
  readonly call: Invocation;
  /** The words after the object: command and its arguments. */
  readonly args: readonly string[];
  readonly four: boolean;
  readonly oneLine: boolean;
  readonly brief: boolean;
  readonly json: boolean;
}

export interface Card {
  readonly index: number;
  readonly name: string;
  readonly flags: readonly string[];
  readonly state: 'UP' | 'DOWN' | 'UNKNOWN';
  readonly mtu: number;
  readonly qdisc: string;
  readonly linkType: 'loopback' | 'ether';
  readonly mac: string;
  readonly broadcast: string;
  readonly addresses: readonly CardAddress[];
}

export interface CardAddress {
  readonly local: string;
  readonly prefixLength: number;
  /** Null for a /32 and for the loopback. */
  readonly broadcast: string | null;
  readonly scope: 'global' | 'host';
}

export function cards(call: Invocation): Card[] {
  const { labNic, options } = call.machine;
  const lastPart = options.address.slice(options.address.lastIndexOf('.') + 1);
  const loopback: Card = {
    ...{ index: 1, name: 'lo', flags: ['LOOPBACK', 'UP', 'LOWER_UP'], state: 'UNKNOWN', mtu: 65_536 },
    ...{ qdisc: 'noqueue', linkType: 'loopback', mac: '00:00:00:00:00:00', broadcast: '00:00:00:00:00:00' },
    addresses: [{ local: '127.0.0.1', prefixLength: 8, broadcast: null, scope: 'host' }],
  };
  // The management network of vagrant-libvirt; the last part of its lease is made up.
  const nat = card(2, 'eth0', labNic.mac.replace(/^52:54:00/, '52:54:01'), true, [
    [`192.168.121.${lastPart}`, 24],
  ]);
  return [loopback, nat, card(3, labNic.name, labNic.mac, labNic.linked, [...labNic.addresses])];
}

function card(
  index: number,
  name: string,
  mac: string,
  linked: boolean,
  addresses: readonly (readonly [string, number])[],
): Card {
  return {
    index,
    name,
    flags: linked
      ? ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP']
      : ['NO-CARRIER', 'BROADCAST', 'MULTICAST', 'UP'],
    state: linked ? 'UP' : 'DOWN',
    mtu: 1_500,
    qdisc: 'fq_codel',
    linkType: 'ether',
    mac,
    broadcast: 'ff:ff:ff:ff:ff:ff',
    addresses: addresses.map(([local, prefixLength]) => ({
      local,
      prefixLength,
      broadcast: prefixLength < 31 ? broadcastOf(local, prefixLength) : null,
      scope: 'global',
    })),
  };
}

/** The cards that `dev NAME` (or the bare name) selects. */
export function selectCards(call: Invocation, name: string | null): Card[] {
  const all = cards(call);
  if (name === null) return all;
  const found = all.filter((one) => one.name === name);
  if (found.length === 0) throw new Failure(`Device "${name}" does not exist.\n`, 1);
  return found;
}

/** Changes go to the lab card only; anything else on a simulated machine is fixed. */
export function labCard(call: Invocation, name: string): void {
  if (name === call.machine.labNic.name) return;
  if (!cards(call).some((one) => one.name === name)) throw new Failure(`Cannot find device "${name}"\n`, 1);
  throw new Failure(`ip: the simulator does not model changes of ${name}\n`, 2);
}

/** `KEY value` pairs and other words of the arguments: `dev eth1` → {dev: 'eth1'}. */
export function keywords(
  args: readonly string[],
  keys: readonly string[],
): { readonly values: ReadonlyMap<string, string>; readonly words: readonly string[] } {
  const values = new Map<string, string>();
  const words: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? '';
    if (!keys.includes(word)) {
      words.push(word);
      continue;
    }
    const value = args[(index += 1)];
    if (value === undefined) throw new Failure('Command line is not complete. Try option "help"\n', 255);
    values.set(word, value);
  }
  return { values, words };
}

/** An IPv4 address as a number, for masks; null when it is none. */
export function toNumber(address: string): number | null {
  const parts = address.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return null;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The network address of `address` with that prefix length. */
export function networkOf(address: string, prefixLength: number): string {
  const size = 2 ** (32 - prefixLength);
  return toAddress(Math.floor((toNumber(address) ?? 0) / size) * size);
}

function broadcastOf(address: string, prefixLength: number): string {
  const size = 2 ** (32 - prefixLength);
  return toAddress(Math.floor((toNumber(address) ?? 0) / size) * size + size - 1);
}
