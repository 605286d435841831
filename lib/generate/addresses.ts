/** Arithmetic on IPv4 ranges in the form that files want. Leaves out checking: the configuration has done it. */
import ipaddr from 'ipaddr.js';
import { assert } from '../base/errors.js';

/** `255.255.255.0` for 24. */
export function netmask(prefixLength: number): string {
  return ipaddr.IPv4.subnetMaskFromPrefixLength(prefixLength).toString();
}

export function isAddress(host: string): boolean {
  return ipaddr.isValid(host);
}

/** The `index`-th range of length `prefixLength` inside `cidr`, counted from 0. */
export function subnetAt(cidr: string, prefixLength: number, index: number): string {
  const [base, outer] = ipaddr.IPv4.parseCIDR(cidr);
  assert(
    outer <= prefixLength && index >= 0 && index < 2 ** (prefixLength - outer),
    `${cidr} has no /${prefixLength} number ${index}`,
  );
  const network = ipaddr.IPv4.networkAddressFromCIDR(`${base.toString()}/${outer}`);
  const start =
    network.octets.reduce((sum, octet) => sum * 256 + octet, 0) + index * 2 ** (32 - prefixLength);
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256);
  return `${octets.join('.')}/${prefixLength}`;
}
