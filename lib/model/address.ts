/**
 * IPv4 addresses and CIDR ranges as whole numbers. IPv6 and dual stack are not supported by homelab.
 */
import { assert } from '../base/errors.js';

/** A range of IPv4 addresses: the first address as a number, and the length of the prefix, 0 to 32. */
export interface Cidr {
  readonly base: number;
  readonly prefix: number;
}

const OCTET = '(0|[1-9]\\d{0,2})';
const ADDRESS = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
const RANGE = /^([^/]+)\/(0|[1-9]\d?)$/;

/** The address as a number below 2^32; null when the text is not four decimal numbers from 0 to 255. */
export function parseAddress(text: string): number | null {
  const match = ADDRESS.exec(text);
  if (match === null) return null;
  let address = 0;
  for (const octet of match.slice(1)) {
    if (Number(octet) > 255) return null;
    address = address * 256 + Number(octet);
  }
  return address;
}

export function printAddress(address: number): string {
  assert(Number.isInteger(address) && address >= 0 && address < 2 ** 32, `${address} is not an IPv4 address`);
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** Reads `10.62.0.0/20`. Host bits are kept out: `10.62.0.7/20` reads as `10.62.0.0/20`; ask `hasHostBits`. */
export function parseCidr(text: string): Cidr | null {
  const match = RANGE.exec(text);
  const address = parseAddress(match?.[1] ?? '');
  const prefix = Number(match?.[2]);
  if (address === null || !(prefix <= 32)) return null;
  const size = 2 ** (32 - prefix);
  return { base: Math.floor(address / size) * size, prefix };
}

/** True when the text is a range whose address is not the first of that range. */
export function hasHostBits(text: string): boolean {
  const cidr = parseCidr(text);
  return cidr !== null && printCidr(cidr) !== text;
}

export function printCidr(cidr: Cidr): string {
  return `${printAddress(cidr.base)}/${cidr.prefix}`;
}

/** How many addresses the range has, the network and broadcast addresses included. */
export function cidrSize(cidr: Cidr): number {
  return 2 ** (32 - cidr.prefix);
}

/** The last address of the range, which is its broadcast address. */
export function broadcastAddress(cidr: Cidr): number {
  return cidr.base + cidrSize(cidr) - 1;
}

export function containsAddress(cidr: Cidr, address: number): boolean {
  return address >= cidr.base && address <= broadcastAddress(cidr);
}

/** True when `address` can be given to a machine: inside, and neither the network nor the broadcast address. */
export function isHostAddress(cidr: Cidr, address: number): boolean {
  return address > cidr.base && address < broadcastAddress(cidr);
}

export function rangesOverlap(a: Cidr, b: Cidr): boolean {
  return a.base <= broadcastAddress(b) && b.base <= broadcastAddress(a);
}

/** The address `offset` above the first of the range; null when it cannot be given to a machine. */
export function nthHost(cidr: Cidr, offset: number): number | null {
  const address = cidr.base + offset;
  return isHostAddress(cidr, address) ? address : null;
}

/** How many ranges of `prefix` fit into the range: 256 for a /16 and 24; 0 when it is smaller than one. */
export function countSubranges(cidr: Cidr, prefix: number): number {
  return prefix < cidr.prefix ? 0 : 2 ** (prefix - cidr.prefix);
}

/** The first range of the size of `start`, from it upward, that overlaps none of `taken`; null when IPv4 ends. */
export function nextFreeRange(start: Cidr, taken: readonly Cidr[]): Cidr | null {
  let candidate = start;
  for (;;) {
    const hit = taken.find((range) => rangesOverlap(range, candidate));
    if (hit === undefined) return candidate;
    // Skips a larger range in one step, so that the search ends after at most one turn for each taken range.
    const size = cidrSize(candidate);
    const base = Math.ceil((broadcastAddress(hit) + 1) / size) * size;
    if (base + size > 2 ** 32) return null;
    candidate = { base, prefix: candidate.prefix };
  }
}
