/** The pods of one DaemonSet by node, kept up to date one changed pod at a time. */
import type { Follower } from './informer-view.js';
import type { KubeObject } from './objects.js';
import { isPodReady } from './taints.js';
import { mapAt, textAt } from './tree.js';

export class DaemonPods implements Follower {
  /** By the node that each is on or meant for. */
  readonly byNode = new Map<string, KubeObject>();
  /** Keys of those that are ready. */
  readonly ready = new Set<string>();
  /** Those made from another template, by key. */
  readonly outdated = new Map<string, KubeObject>();
  readonly #owner: string;
  readonly #template: string;
  readonly #nodes = new Map<string, string>();

  constructor(owner: string, template: string) {
    this.#owner = owner;
    this.#template = template;
  }

  set(key: string, pod: KubeObject): void {
    const node = nodeOf(pod);
    const owned = (pod.metadata.ownerReferences ?? []).some(({ uid }) => uid === this.#owner);
    if (!owned || this.#nodes.get(key) !== node) this.delete(key);
    if (!owned) return;
    this.#nodes.set(key, node);
    this.byNode.set(node, pod);
    if (isPodReady(pod)) this.ready.add(key);
    else this.ready.delete(key);
    if (pod.metadata.labels?.['controller-revision-hash'] !== this.#template) this.outdated.set(key, pod);
  }

  delete(key: string): void {
    const node = this.#nodes.get(key);
    if (node === undefined) return;
    this.#nodes.delete(key);
    this.byNode.delete(node);
    this.ready.delete(key);
    this.outdated.delete(key);
  }

  clear(): void {
    this.#nodes.clear();
    this.byNode.clear();
    this.ready.clear();
    this.outdated.clear();
  }
}

function nodeOf(pod: KubeObject): string {
  const bound = textAt(pod, 'spec', 'nodeName');
  if (bound !== null) return bound;
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const affinity = mapAt(pod, 'spec', 'affinity', 'nodeAffinity', required);
  return textAt(affinity, 'nodeSelectorTerms', 0, 'matchFields', 0, 'values', 0) ?? '';
}
