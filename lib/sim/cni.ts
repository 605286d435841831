/**
 * The node's side of the container network: whether the runtime finds a configuration in /etc/cni/net.d, and the
 * addresses it gives to pods. Packets between pods are not modelled.
 */
import type { Machine } from './machine.js';
import type { Signal } from './task.js';
import { listAt, textAt } from './tree.js';

export const CNI_FOLDER = '/etc/cni/net.d';

export class CniView {
  readonly #machine: Machine;
  #next = 2;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Fires when the folder's content changes, as the runtime's own watch does. */
  get changed(): Signal {
    return this.#machine.disk.watch(CNI_FOLDER);
  }

  /** The file that the runtime takes: the first by name. Null while the node has no pod network. */
  get configuration(): string | null {
    const name = this.#machine.disk.list(CNI_FOLDER).find((file) => /\.(conf|conflist|json)$/.test(file));
    return name === undefined ? null : this.#machine.disk.read(`${CNI_FOLDER}/${name}`);
  }

  get ready(): boolean {
    return this.configuration !== null;
  }

  /** The next free address for a pod, from the configuration's own range or else from the node's. */
  allocate(nodeRange: string | null): string | null {
    const range = this.#configuredRange() ?? nodeRange;
    if (range === null) return null;
    const [network = ''] = range.split('/');
    const bytes = network.split('.').map(Number);
    const offset = this.#next;
    this.#next = this.#next >= 254 ? 2 : this.#next + 1;
    return [...bytes.slice(0, 3), (bytes[3] ?? 0) + offset].join('.');
  }

  #configuredRange(): string | null {
    const text = this.configuration;
    if (text === null) return null;
    const conflist = this.#machine.world.documents.read(text);
    const plugin = listAt(conflist, 'plugins')[0] ?? conflist;
    return textAt(plugin, 'ipam', 'ranges', 0, 0, 'subnet') ?? textAt(plugin, 'ipam', 'subnet');
  }
}
