/**
 * Arithmetic on IPv4 ranges in the form that files want. Leaves out checking: the configuration has done it.
 */
import { assert, must } from '../base/errors.js';
import { countSubranges, parseAddress, parseCidr, printAddress, printCidr } from '../model/address.js';

/** `255.255.255.0` for 24. */
export function netmask(prefixLength: number): string {
  return printAddress(2 ** 32 - 2 ** (32 - prefixLength));
}

export function isAddress(host: string): boolean {
  return parseAddress(host) !== null;
}

/** The `index`-th range of length `prefix` inside `cidr`, counted from 0. */
export function subnetAt(cidr: string, prefix: number, index: number): string {
  const range = must(parseCidr(cidr), `${cidr} is not a range`);
  assert(index >= 0 && index < countSubranges(range, prefix), `${cidr} has no /${prefix} number ${index}`);
  return printCidr({ base: range.base + index * 2 ** (32 - prefix), prefix });
}
