/**
 * `ip` of iproute2: addr, link, route, neigh. Every machine has lo, a NAT card eth0 that only packages and images
 * come through, and the card on the lab network. IPv6, policy routing and name spaces are not modelled.
 */
import type { Invocation } from '../../process.js';
import { Failure, shortProgram } from '../failure.js';
import { addr } from './addr.js';
import { link } from './link.js';
import { neigh } from './neigh.js';
import type { IpCall } from './cards.js';
import { route } from './route.js';

const OBJECTS: Readonly<Record<string, (ip: IpCall) => number>> = { addr, link, route, neigh };
/** What people write for them. */
const NAMES: Readonly<Record<string, string>> = {
  a: 'addr',
  addr: 'addr',
  address: 'addr',
  l: 'link',
  link: 'link',
  r: 'route',
  ro: 'route',
  route: 'route',
  n: 'neigh',
  neigh: 'neigh',
  neighbor: 'neigh',
  neighbour: 'neigh',
};

export const ip = shortProgram((call: Invocation) => {
  const args = [...call.args];
  const options = { four: false, oneLine: false, brief: false, json: false };
  while (args[0]?.startsWith('-') === true) {
    const option = (args.shift() ?? '').replace(/^-+/, '-');
    if (option === '-4') options.four = true;
    else if (option === '-o' || option === '-oneline') options.oneLine = true;
    else if (option === '-br' || option === '-brief') options.brief = true;
    else if (option === '-j' || option === '-json') options.json = true;
    else if (!/^-(d|details|s|stats|n|p|pretty|c(olor)?(=.*)?)$/.test(option)) {
      throw new Failure(`Option "${option}" is unknown, try "ip -help".\n`, 255);
    }
  }
  const name = args.shift();
  if (name === undefined) throw new Failure('Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n', 255);
  const object = OBJECTS[NAMES[name] ?? ''];
  if (object === undefined) throw new Failure(`Object "${name}" is unknown, try "ip help".\n`, 1);
  return object({ call, args, ...options });
});
