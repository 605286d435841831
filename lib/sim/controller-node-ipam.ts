/** Node ranges: each new node gets the next free piece of the cluster's pod range, in order of registration. */
import { onChange } from './control-plane-program.js';
import type { ControllerContext } from './controller-context.js';
import type { KubeObject } from './objects.js';
import type { Sim } from './task.js';
import { textAt } from './tree.js';

const SETTLE_MS = 100;
/** The ttl controller's, of a cluster of fewer than a hundred nodes; written along here. */
const TTL = { 'node.alpha.kubernetes.io/ttl': '0' };

export function* nodeIpam(context: ControllerContext): Sim<never> {
  const { flags } = context.leader;
  const nodes = context.informer('/api/v1/nodes');
  const cidr = flags.get('cluster-cidr');
  const wanted = flags.get('allocate-node-cidrs') === 'true' && cidr !== undefined;
  const mask = Number(flags.get('node-cidr-mask-size') ?? flags.get('node-cidr-mask-size-ipv4') ?? '24');
  const waiting = nodes.view((node) => (textAt(node, 'spec', 'podCIDR') === null ? node : null));
  return yield* onChange([nodes], SETTLE_MS, function* reconcile() {
    if (!wanted || waiting.values.size === 0) return true;
    const taken = new Set([...nodes.items.values()].map((node) => textAt(node, 'spec', 'podCIDR')));
    for (const node of inOrder([...waiting.values.values()])) {
      const range = nextRange(cidr, mask, taken);
      if (range === null) continue;
      const spec = { podCIDR: range, podCIDRs: [range] };
      const patch = { metadata: { annotations: TTL }, spec };
      if (!(yield* context.patch(`/api/v1/nodes/${node.metadata.name}`, patch))) return false;
      taken.add(range);
      nodes.learn({ ...node, spec: { ...(node['spec'] as object), ...spec } });
    }
    return true;
  });
}

function inOrder(nodes: readonly KubeObject[]): KubeObject[] {
  const key = (node: KubeObject): string => `${node.metadata.creationTimestamp ?? ''} ${node.metadata.name}`;
  return [...nodes].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function nextRange(cidr: string, mask: number, taken: ReadonlySet<string | null>): string | null {
  const [network = '', length = '0'] = cidr.split('/');
  const base = network.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - mask);
  for (let index = 0; index < 2 ** (mask - Number(length)); index += 1) {
    const start = base + index * size;
    const bytes = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256);
    const range = `${bytes.join('.')}/${mask}`;
    if (!taken.has(range)) return range;
  }
  return null;
}
