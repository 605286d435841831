/** `ip route show`: the kernel's own routes. Frames find their way on the one segment by themselves, so added
 *  routes would change nothing and are refused. */
import { Failure, notModelled } from '../failure.js';
import { cards, keywords, networkOf, type IpCall } from './cards.js';

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
    case 'replace':
    case 'change':
    case 'del':
    case 'delete':
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
  return found;
}

function text(one: Route): string {
  const via = one.gateway === undefined ? '' : ` via ${one.gateway}`;
  const kernel = one.protocol === undefined ? '' : ` proto ${one.protocol} scope ${one.scope ?? ''}`;
  const source = one.prefsrc === undefined ? '' : ` src ${one.prefsrc}`;
  return `${one.dst}${via} dev ${one.dev}${kernel}${source} \n`;
}
