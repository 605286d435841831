/**
 * A floating address on real machines, watched from outside: what gratuitous ARP does, what its absence does, and what
 * the cut of the holder's power does. And a cable pulled and plugged again.
 */
import type { Test } from 'tap';
import type { Provider } from '../../../lib/provider/provider.js';
import type { TestLab } from './lab.js';
import { on } from './machine.js';
import { answersPing, waitUntil, watch, watchFor } from './watch.js';

/** Pings of 3 s. A busy computer may lose some of them for reasons of its own. */
const [WATCHED_S, FEW, MANY] = [3, 5, 15];

class Floating {
  readonly #provider: Provider;
  readonly #device: string;
  readonly address: string;

  constructor(provider: Provider, { spec }: TestLab) {
    this.#provider = provider;
    this.#device = spec.network.interface;
    this.address = spec.network.hostAddress.replace(/\.1$/, '.60');
  }

  async take(machine: string): Promise<void> {
    await on(this.#provider, machine, 'ip', 'address', 'add', `${this.address}/24`, 'dev', this.#device);
  }

  async leave(machine: string): Promise<void> {
    await on(this.#provider, machine, 'ip', 'address', 'del', `${this.address}/24`, 'dev', this.#device);
  }

  async announce(machine: string): Promise<void> {
    await on(this.#provider, machine, 'arping', '-U', '-c', '2', '-I', this.#device, this.address);
  }
}

/** `holder` loses its power in the course of it, and gets it back. */
export async function floatingAddress(
  t: Test,
  lab: TestLab,
  provider: Provider,
  [holder, other]: readonly [string, string],
): Promise<void> {
  const floating = new Floating(provider, lab);
  const { address } = floating;
  await floating.take(holder);
  await floating.announce(holder);
  t.ok(answersPing(address), 'the address answers');

  const moving = watch(address);
  await floating.leave(holder);
  await floating.take(other);
  await floating.announce(other);
  const moved = await moving.stop();
  const announced = await watchFor(address, WATCHED_S);
  t.comment(
    `move: ${moved.lost} of ${moved.sent} pings lost on the way, ${announced.lost} after the announcement`,
  );
  t.ok(announced.lost <= FEW, 'announced by ARP, it answers from its new place');

  await floating.leave(other);
  await floating.take(holder);
  const silent = await watchFor(address, WATCHED_S);
  t.comment(`move without an announcement: ${silent.lost} of ${silent.sent} pings lost after it`);
  t.ok(silent.lost >= MANY, 'without ARP, nobody knows where it is');
  await floating.announce(holder);
  const healed = await watchFor(address, WATCHED_S);
  t.ok(healed.lost <= FEW, `until it is announced: ${healed.lost} of ${healed.sent} lost`);

  const cut = watch(address);
  await provider.power(holder, 'cut');
  await floating.take(other);
  await floating.announce(other);
  const gone = await cut.stop();
  const taken = await watchFor(address, WATCHED_S);
  t.comment(`power cut of the holder: ${gone.lost} of ${gone.sent} pings lost until another had it`);
  t.ok(gone.lost > 0, 'a power cut is seen');
  t.ok(taken.lost <= FEW, 'and the address answers from another machine');
  await floating.leave(other);
  await provider.power(holder, 'start');
}

export async function pulledCable(t: Test, lab: TestLab, provider: Provider, name: string): Promise<void> {
  const { spec } = lab;
  const address = spec.machines.find((machine) => machine.name === name)?.address ?? '';
  t.ok(answersPing(address), 'it answers before');
  await provider.link?.(name, 'down');
  const pulled = await watchFor(address, WATCHED_S);
  t.equal(pulled.lost, pulled.sent, 'nothing comes through');
  const shown = await on(provider, name, 'ip', '-4', '-o', 'address', 'show', 'dev', spec.network.interface);
  t.match(shown, ` ${address}/`, 'the static address stays, as on every server');
  await provider.link?.(name, 'up');
  const backMs = await waitUntil(() => answersPing(address), 30, 100);
  t.ok(backMs !== null, 'plugged again, it answers');
  t.comment(`cable: answers ${((backMs ?? NaN) / 1_000).toFixed(1)} s after it was plugged again`);
}
