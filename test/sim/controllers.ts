// The controller manager and the scheduler: nodes that vanish, workloads, certificates and tokens, and who leads.
import t from 'tap';
import { cutMachine, startMachine } from '../../lib/sim/power.js';
import type { KubeObject } from '../../lib/sim/objects.js';
import { listAt, mapAt, numberAt, textAt } from '../../lib/sim/tree.js';
import { Cluster, readyOf } from '../helpers/cluster.js';

const TAINT = 'node.kubernetes.io/unreachable';

function deployment(name: string, replicas: number): KubeObject {
  const labels = { app: name };
  const containers = [{ name: 'web', image: 'docker.io/library/nginx:1.27' }];
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' } },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}

function nodesOf(pods: readonly KubeObject[]): (string | null)[] {
  return pods.map((pod) => textAt(pod, 'spec', 'nodeName')).sort();
}

for (const [version, graceSeconds] of [
  ['v1.31.4', 40],
  ['v1.32.0', 50],
] as const) {
  t.test(
    `a dead node: Unknown after ${graceSeconds} s in ${version}, its pods leave after five minutes more`,
    async (t) => {
      const lab = Cluster.up({ seed: 11, version, workers: 2 });
      t.equal(lab.send('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('web', 4)), 'ok');
      lab.pass(60_000);
      const pods = (): readonly KubeObject[] => lab.list('/api/v1/namespaces/default/pods');
      t.strictSame(
        nodesOf(pods()),
        ['worker-1', 'worker-1', 'worker-2', 'worker-2'],
        'spread, and not on the tainted node',
      );
      t.ok(
        pods().every(
          (pod) => readyOf(pod) === 'True' && /^10\.244\./.test(textAt(pod, 'status', 'podIP') ?? ''),
        ),
      );

      const cutMs = lab.world.nowMs;
      cutMachine(lab.machine('worker-2'));
      lab.pass((graceSeconds - 11) * 1_000);
      t.equal(lab.ready()['worker-2'], 'True', 'a dead node looks well until the grace period is over');
      lab.pass(11_500 + 6_000);
      t.equal(lab.ready()['worker-2'], 'Unknown');
      t.ok(lab.taints('worker-2').includes(`${TAINT}:NoSchedule`));
      lab.pass(8_000);
      t.strictSame(lab.taints('worker-2'), [`${TAINT}:NoExecute`, `${TAINT}:NoSchedule`]);
      const event = lab.trace.find((one) => one.atMs > cutMs && one.what === 'node Unknown');
      const afterMs = (event?.atMs ?? 0) - cutMs;
      t.ok(
        afterMs >= (graceSeconds - 10) * 1_000 && afterMs <= (graceSeconds + 6) * 1_000,
        `Unknown after ${afterMs} ms`,
      );

      lab.pass(cutMs + 290_000 - lab.world.nowMs);
      t.equal(pods().length, 4, 'pods wait for their node for five minutes');
      lab.pass(80_000);
      t.equal(
        pods().filter((pod) => pod.metadata.deletionTimestamp !== undefined).length,
        2,
        'two are Terminating',
      );
      const alive = pods().filter((pod) => pod.metadata.deletionTimestamp === undefined);
      t.strictSame(nodesOf(alive), ['worker-1', 'worker-1', 'worker-1', 'worker-1']);

      lab.run(startMachine(lab.machine('worker-2')));
      lab.pass(90_000);
      t.equal(lab.ready()['worker-2'], 'True');
      t.strictSame(lab.taints('worker-2'), []);
      t.equal(pods().length, 4, 'what was Terminating is gone once its kubelet is back');
    },
  );
}

t.test('one controller manager leads; without one a dead node goes unnoticed', async (t) => {
  const lab = Cluster.up({ seed: 12, controlPlanes: 3, workers: 1 });
  const led = (): string[] =>
    lab.trace
      .filter((e) => e.service === 'kube-controller-manager' && e.what === 'leader')
      .map((e) => e.machine ?? '');
  const [first = ''] = led();
  t.equal(led().length, 1);
  const from = first === 'cp-1' ? 'cp-2' : 'cp-1';
  cutMachine(lab.machine(first));
  lab.pass(12_000);
  t.equal(led().length, 1, 'the others wait for the Lease to run out');
  lab.pass(18_000);
  t.equal(led().length, 2);
  lab.pass(40_000);
  t.equal(lab.ready(from)[first], 'Unknown');
});

t.test('a node that is deleted takes its pods along, mirror pods too', async (t) => {
  const lab = Cluster.up({ seed: 13, workers: 2 });
  cutMachine(lab.machine('worker-2'));
  t.equal(lab.send('DELETE', '/api/v1/nodes/worker-2'), 'ok');
  lab.pass(30_000);
  const there = (): number =>
    lab.list('/api/v1/pods').filter((pod) => textAt(pod, 'spec', 'nodeName') === 'worker-2').length;
  t.ok(there() > 0, 'not at once');
  lab.pass(60_000);
  t.equal(there(), 0);
});

t.test('deployments scale, replace their pods and go with all they own', async (t) => {
  const lab = Cluster.up({ seed: 14, workers: 2 });
  const path = '/apis/apps/v1/namespaces/default/deployments';
  lab.send('POST', path, deployment('web', 2));
  lab.pass(60_000);
  const pods = (): readonly KubeObject[] => lab.list('/api/v1/namespaces/default/pods');
  t.equal(pods().length, 2);
  t.equal(numberAt(lab.list(path)[0], 'status', 'readyReplicas'), 2);
  const names = pods().map((pod) => pod.metadata.name);
  lab.send('PATCH', `${path}/web`, { spec: { replicas: 3 } });
  lab.pass(60_000);
  t.equal(pods().length, 3);
  lab.send('DELETE', `/api/v1/namespaces/default/pods/${names[0] ?? ''}`);
  lab.pass(60_000);
  t.equal(pods().length, 3, 'a deleted pod is replaced');
  t.notOk(pods().some((pod) => pod.metadata.name === names[0]));
  const containers = [{ name: 'web', image: 'docker.io/library/nginx:1.28' }];
  lab.send('PATCH', `${path}/web`, { spec: { template: { spec: { containers } } } });
  lab.pass(120_000);
  t.ok(pods().every((pod) => textAt(pod, 'spec', 'containers', 0, 'image')?.endsWith('1.28')));
  lab.send('DELETE', `${path}/web`);
  lab.pass(60_000);
  t.equal(pods().length, 0);
  t.equal(lab.list('/apis/apps/v1/namespaces/default/replicasets').length, 0);
});

t.test('a job runs to its end; what cannot be placed says why', async (t) => {
  const lab = Cluster.up({ seed: 15, workers: 1 });
  const containers = [{ name: 'make', image: 'registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.6.3' }];
  const spec = { template: { spec: { restartPolicy: 'OnFailure', containers } } };
  const jobs = '/apis/batch/v1/namespaces/default/jobs';
  lab.send('POST', jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'make' }, spec });
  lab.pass(90_000);
  const conditions = listAt(lab.list(jobs)[0], 'status', 'conditions');
  t.equal(textAt(conditions, 0, 'type'), 'Complete');
  t.equal(textAt(lab.list('/api/v1/namespaces/default/pods')[0], 'status', 'phase'), 'Succeeded');

  lab.send('PATCH', '/api/v1/nodes/worker-1', { spec: { unschedulable: true } });
  lab.send('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('late', 1));
  lab.pass(20_000);
  const late = (): KubeObject | undefined =>
    lab.list('/api/v1/namespaces/default/pods').find((pod) => /^late/.test(pod.metadata.name));
  t.equal(textAt(late(), 'status', 'phase'), 'Pending');
  t.match(textAt(late(), 'status', 'conditions', 0, 'message'), /^0\/2 nodes are available: /);
  lab.send('PATCH', '/api/v1/nodes/worker-1', { spec: { unschedulable: null } });
  lab.pass(60_000);
  t.equal(readyOf(late() ?? { apiVersion: '', kind: '', metadata: { name: '' } }), 'True');
});

t.test('the uploaded certificates go after two hours, and tokens with their time', async (t) => {
  const lab = Cluster.up({ seed: 16 });
  const secrets = (): string[] =>
    lab.list('/api/v1/namespaces/kube-system/secrets').map((one) => one.metadata.name);
  t.ok(secrets().includes('kubeadm-certs'));
  const signed = (): string[] => {
    const info = lab
      .list('/api/v1/namespaces/kube-public/configmaps')
      .find((one) => one.metadata.name === 'cluster-info');
    return Object.keys(mapAt(info, 'data')).filter((key) => key.startsWith('jws-'));
  };
  t.strictSame(signed(), ['jws-kubeconfig-abcdef']);
  lab.pass(2 * 3_600_000);
  t.notOk(secrets().includes('kubeadm-certs'));
  lab.pass(23 * 3_600_000);
  t.strictSame(
    secrets().filter((name) => name.startsWith('bootstrap-token-')),
    [],
  );
  t.strictSame(signed(), []);
});
