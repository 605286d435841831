// A whole cluster with a bridge network, and what a test asks of its API.
import { ApiClient, itemsOf } from '../../lib/sim/api-client.js';
import type { KubeObject } from '../../lib/sim/objects.js';
import { listAt, textAt } from '../../lib/sim/tree.js';
import { KubeadmLab, type LabOptions } from './kubeadm-lab.js';

export class Cluster extends KubeadmLab {
  /** Everything joined and the network's configuration in place; nodes are Ready soon after. */
  static up(options: LabOptions): Cluster {
    const cluster = new Cluster(options);
    cluster.initFirst();
    cluster.pass(30_000);
    for (const machine of cluster.world.machines.values()) {
      if (machine.name === 'cp-1') continue;
      if (machine.options.role === 'control-plane')
        cluster.placeKubeVip(machine.name, '/etc/kubernetes/admin.conf');
      const result = cluster.join(machine.name);
      if (result.code !== 0) throw new Error(`${machine.name} did not join: ${result.stderr}`);
      cluster.pass(10_000);
    }
    cluster.placeNetwork();
    cluster.pass(60_000);
    return cluster;
  }

  placeNetwork(): void {
    const conflist = JSON.stringify({ cniVersion: '1.0.0', name: 'homelab', plugins: [{ type: 'bridge' }] });
    for (const name of this.world.machines.keys())
      this.write(name, '/etc/cni/net.d/10-bridge.conflist', conflist);
  }

  client(name = 'cp-1'): ApiClient {
    const client = ApiClient.fromFile(this.machine(name), '/etc/kubernetes/admin.conf');
    if (client === null) throw new Error(`${name} has no admin.conf`);
    return client;
  }

  list(path: string, from?: string): readonly KubeObject[] {
    return itemsOf(this.run(this.client(from).request('GET', path, undefined, 10_000)));
  }

  send(method: string, path: string, body?: unknown): string {
    const outcome = this.run(this.client().request(method, path, body, 10_000));
    return outcome.kind === 'error' ? outcome.status.reason : outcome.kind;
  }

  /** Node name → status of its Ready condition. */
  ready(from?: string): Record<string, string | null> {
    return Object.fromEntries(
      this.list('/api/v1/nodes', from).map((node) => [node.metadata.name, readyOf(node)]),
    );
  }

  taints(name: string): string[] {
    const node = this.list('/api/v1/nodes').find((one) => one.metadata.name === name);
    return listAt(node, 'spec', 'taints')
      .map((one) => `${textAt(one, 'key')}:${textAt(one, 'effect')}`)
      .sort();
  }

  pod(namespace: string, name: string): KubeObject | undefined {
    return this.list(`/api/v1/namespaces/${namespace}/pods`).find((one) => one.metadata.name === name);
  }

  /** Runs `ms` of lab time and counts the events. */
  count(ms: number): number {
    const untilMs = this.world.nowMs + ms;
    let events = 0;
    while ((this.world.scheduler.nextAtMs() ?? Infinity) <= untilMs) {
      this.world.scheduler.runNext();
      events += 1;
    }
    this.world.scheduler.runUntil(untilMs);
    return events;
  }
}

export function readyOf(object: KubeObject): string | null {
  return textAt(
    listAt(object, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Ready'),
    'status',
  );
}
