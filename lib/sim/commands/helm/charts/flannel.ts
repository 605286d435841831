/**
 * The flannel chart. Values read: podCidr, flannel.args, flannel.backend. The init containers that copy the plugin are
 * left out: the simulated agent writes the node's CNI configuration itself.
 */
import type { KubeObject } from '../../../objects.js';
import { textAt, textsAt } from '../../../tree.js';
import {
  clusterRole,
  configMap,
  daemonSet,
  serviceAccount,
  TOLERATE_ALL,
  type Chart,
  type ChartRelease,
} from '../chart.js';

export const flannel: Chart = {
  name: 'flannel',
  repo: 'https://flannel-io.github.io/flannel/',
  versions: { 'v0.27.4': 'v0.27.4', 'v0.26.7': 'v0.26.7', 'v0.25.7': 'v0.25.7' },
  objects,
  before: () => [],
  after: () => [],
};

function objects(release: ChartRelease): KubeObject[] {
  const { values, appVersion } = release;
  const given = textsAt(values, 'flannel', 'args');
  const network = {
    Network: textAt(values, 'podCidr') ?? '10.244.0.0/16',
    Backend: { Type: textAt(values, 'flannel', 'backend') ?? 'vxlan' },
  };
  const nodes = { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['get', 'list', 'watch'] };
  const status = { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] };
  return [
    serviceAccount(release, 'flannel'),
    configMap(release, 'kube-flannel-cfg', { 'net-conf.json': `${JSON.stringify(network, null, 2)}\n` }),
    ...clusterRole(release, 'flannel', [nodes, status]),
    daemonSet(release, {
      name: 'kube-flannel-ds',
      labels: { app: 'flannel', tier: 'node' },
      image: `ghcr.io/flannel-io/flannel:${appVersion}`,
      args: given.length > 0 ? given : ['--ip-masq', '--kube-subnet-mgr'],
      spec: {
        hostNetwork: true,
        serviceAccountName: 'flannel',
        priorityClassName: 'system-node-critical',
        tolerations: TOLERATE_ALL,
      },
    }),
  ];
}
