/** `tc qdisc add|replace|change|del|show dev CARD root netem delay … loss …`: see shaping.ts for what it does. */
import { ALL_LOST, type Shaping } from '../shaping.js';
import type { Invocation } from '../process.js';
import { Failure, notModelled, shortProgram } from './failure.js';

const HANDLE = '8001:';

export const tc = shortProgram((call) => {
  const [object, verb, ...rest] = call.args;
  if (object === undefined || !'qdisc'.startsWith(object)) throw notModelled('tc', String(object));
  if (verb === undefined || ['show', 'list', 'ls'].includes(verb)) return show(call, rest);
  const dev = rest.indexOf('dev');
  const card = dev < 0 ? null : (rest[dev + 1] ?? null);
  if (card === null || !rest.includes('root'))
    throw notModelled('tc', 'a qdisc that is not at the root of a card');
  const { machine } = call;
  if (card !== machine.labNic.name) {
    if (card === 'eth0' || card === 'lo') throw notModelled('tc', `${card}, only ${machine.labNic.name}`);
    throw new Failure(`Cannot find device "${card}"\n`);
  }
  apply(call, verb, rest.slice(Math.max(dev + 2, rest.indexOf('root') + 1)));
  machine.reachChanged.fire();
  machine.world.network.changed.fire();
  return 0;
});

function apply({ machine }: Invocation, verb: string, words: readonly string[]): void {
  switch (verb) {
    case 'add':
      if (machine.shaping !== null) throw new Failure('Error: Exclusivity flag on, cannot modify.\n', 2);
      machine.shaping = shapingOf(words);
      return;
    case 'change':
      if (machine.shaping === null)
        throw new Failure('Error: Qdisc not found. To create specify NLM_F_CREATE flag.\n', 2);
      machine.shaping = shapingOf(words);
      return;
    case 'replace':
      machine.shaping = shapingOf(words);
      return;
    case 'del':
    case 'delete':
      if (machine.shaping === null) throw new Failure('Error: Cannot delete qdisc with handle of zero.\n', 2);
      machine.shaping = null;
      return;
    default:
      throw new Failure(`Command "${verb}" is unknown, try "tc qdisc help".\n`);
  }
}

function shapingOf(words: readonly string[]): Shaping {
  const [kind, ...options] = words;
  if (kind !== 'netem') throw notModelled('tc', `the qdisc ${kind ?? ''}`);
  let shaping: Shaping = { delayMs: 0, jitterMs: 0, loss: 0 };
  for (let word = options.shift(); word !== undefined; word = options.shift()) {
    if (word === 'delay' || word === 'latency') {
      const delayMs = milliseconds(options.shift() ?? '');
      const jitterMs = /^\d/.test(options[0] ?? '') ? milliseconds(options.shift() ?? '') : 0;
      shaping = { ...shaping, delayMs, jitterMs };
    } else if (word === 'loss') {
      if (options[0] === 'random') options.shift();
      shaping = { ...shaping, loss: hundredths(options.shift() ?? '') };
    } else if (
      ['limit', 'duplicate', 'corrupt', 'reorder', 'rate', 'gap', 'slot', 'distribution'].includes(word)
    ) {
      throw notModelled('tc', `netem ${word}`);
    } else {
      throw new Failure(`What is "${word}"?\n${USAGE}`);
    }
  }
  return shaping;
}

const USAGE = 'Usage: ... netem [ limit PACKETS ]\n                 [ delay TIME [ JITTER [CORRELATION]]]\n';

function milliseconds(text: string): number {
  const [, amount, unit = 'us'] = /^([\d.]+)(s|ms|us)?$/.exec(text) ?? [];
  if (amount === undefined) throw new Failure(`Illegal "latency"\n${USAGE}`);
  const factor = { s: 1_000, ms: 1, us: 0.001 }[unit] ?? 1;
  return Math.round(Number(amount) * factor);
}

function hundredths(text: string): number {
  const [, amount] = /^([\d.]+)%?$/.exec(text) ?? [];
  const value = Math.round(Number(amount ?? NaN) * 100);
  if (!(value >= 0 && value <= ALL_LOST)) throw new Failure(`Illegal "loss percent"\n${USAGE}`);
  return value;
}

function show(call: Invocation, words: readonly string[]): number {
  const { machine } = call;
  const dev = words.indexOf('dev');
  const only = dev < 0 ? null : (words[dev + 1] ?? null);
  const cards = ['lo', 'eth0', machine.labNic.name];
  if (only !== null && !cards.includes(only)) throw new Failure(`Cannot find device "${only}"\n`);
  for (const card of cards) {
    if (only !== null && card !== only) continue;
    const name = only === null ? ` dev ${card}` : '';
    if (card === machine.labNic.name && machine.shaping !== null) {
      call.print(`qdisc netem ${HANDLE}${name} root refcnt 2 limit 1000${shown(machine.shaping)}\n`);
    } else if (card === 'lo') call.print(`qdisc noqueue 0:${name} root refcnt 2 \n`);
    else
      call.print(
        `qdisc pfifo_fast 0:${name} root refcnt 2 bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1\n`,
      );
  }
  return 0;
}

function shown({ delayMs, jitterMs, loss }: Shaping): string {
  const time = (ms: number): string => (ms >= 1_000 ? `${ms / 1_000}s` : `${ms}ms`);
  const jitter = jitterMs === 0 ? '' : `  ${time(jitterMs)}`;
  const delay = delayMs === 0 ? '' : ` delay ${time(delayMs)}${jitter}`;
  return `${delay}${loss === 0 ? '' : ` loss ${loss / 100}%`}`;
}
