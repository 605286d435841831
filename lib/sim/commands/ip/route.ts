/**
 * `ip route show|add|replace|del`: the kernel's own routes, and those added through the lab card. Frames find their
 * way on the one segment by themselves, so an added route is kept and shown and changes nothing.
 */
import { Failure, notModelled } from '../failure.js';
import { cards, keywords, labCard, networkOf, toNumber, type IpCall } from './cards.js';

interface Route {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev: string;
  readonly protocol?: string;
  readonly scope?: string;
  readonly prefsrc?: string;
}

export function route(ip: IpCall): number {
  const [command = 'show', ...rest] = ip.args;
  switch (command) {
    case 'show':
    case 'list':
    case 's':
    case 'sh':
    case 'ls':
      break;
    case 'add':
    case 'a':
    case 'replace':
    case 'change':
      return add(ip, rest, command);
    case 'del':
    case 'delete':
      return remove(ip, rest);
    case 'get':
    case 'flush':
      throw notModelled('ip', `route ${command}`, 2);
    default:
      throw new Failure(`Command "${command}" is unknown, try "ip route help".\n`, 255);
  }
  const { values, words } = keywords(rest, ['dev', 'proto', 'scope']);
  const wanted = values.get('dev') ?? null;
  const found = routes(ip).filter(
    (one) => (wanted === null || one.dev === wanted) && (words[0] === undefined || one.dst === words[0]),
  );
  if (ip.json) ip.call.print(`${JSON.stringify(found.map((one) => ({ ...one, flags: [] })))}\n`);
  else for (const one of found) ip.call.print(text(one));
  return 0;
}

/** `CIDR via GATEWAY dev DEVICE`. */
function add(ip: IpCall, args: readonly string[], command: string): number {
  const { values, words } = keywords(args, ['via', 'dev', 'proto', 'scope', 'metric', 'src']);
  const { machine } = ip.call;
  const destination = words[0] ?? '';
  const gateway = values.get('via') ?? '';
  if (toNumber(destination.split('/')[0] ?? '') === null) {
    throw new Failure(`Error: any valid prefix is expected rather than "${destination}".\n`, 1);
  }
  if (toNumber(gateway) === null) throw notModelled('ip', 'a route without a gateway', 2);
  const device = values.get('dev');
  if (device !== undefined) labCard(ip.call, device);
  const near = [...machine.labNic.addresses].some(
    ([local, prefixLength]) => networkOf(local, prefixLength) === networkOf(gateway, prefixLength),
  );
  if (!near) throw new Failure('Error: Nexthop has invalid gateway.\n', 2);
  if (command.startsWith('a') && machine.routes.has(destination)) {
    throw new Failure('RTNETLINK answers: File exists\n', 2);
  }
  machine.routes.set(destination, gateway);
  return 0;
}

function remove(ip: IpCall, args: readonly string[]): number {
  const { words } = keywords(args, ['via', 'dev', 'proto', 'scope', 'metric', 'src']);
  if (ip.call.machine.routes.delete(words[0] ?? '')) return 0;
  throw new Failure('RTNETLINK answers: No such process\n', 2);
}

function routes(ip: IpCall): Route[] {
  const found: Route[] = [];
  for (const card of cards(ip.call)) {
    if (card.linkType === 'loopback') continue;
    if (card.name === 'eth0') found.unshift({ dst: 'default', gateway: '192.168.121.1', dev: 'eth0' });
    for (const one of card.addresses) {
      if (one.prefixLength === 32) continue;
      const dst = `${networkOf(one.local, one.prefixLength)}/${one.prefixLength}`;
      found.push({ dst, dev: card.name, protocol: 'kernel', scope: 'link', prefsrc: one.local });
    }
  }
  for (const [dst, gateway] of ip.call.machine.routes) {
    found.push({ dst, gateway, dev: ip.call.machine.labNic.name });
  }
  return found;
}

function text(one: Route): string {
  const via = one.gateway === undefined ? '' : ` via ${one.gateway}`;
  const kernel = one.protocol === undefined ? '' : ` proto ${one.protocol} scope ${one.scope ?? ''}`;
  const source = one.prefsrc === undefined ? '' : ` src ${one.prefsrc}`;
  return `${one.dst}${via} dev ${one.dev}${kernel}${source} \n`;
}
