// What docs/simulator.md states of etcd, API servers and nodes and no other test shows.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import { propose } from '../../lib/sim/etcd-requests.js';
import { installProgram } from '../../lib/sim/image.js';
import { cutMachine } from '../../lib/sim/power.js';
import { textAt } from '../../lib/sim/tree.js';
import { admin, ready, request } from '../helpers/api-requests.js';
import { Cluster } from '../helpers/cluster.js';
import { ControlPlane } from '../helpers/control-plane.js';

const ALL = ['cp-1', 'cp-2', 'cp-3'];
const NODES = '/api/v1/nodes';
const ADMIN = '/etc/kubernetes/admin.conf';

/** What etcd says on its health port, without certificates. */
function health(lab: ControlPlane, path: string): unknown {
  const machine = lab.machine('cp-1');
  return lab.run(lab.world.network.exchange(machine, '127.0.0.1', 2381, { method: 'GET', path }, 20_000));
}

t.test('the health of a member without a leader', async (t) => {
  const lab = new ControlPlane(ALL);
  lab.formEtcd();
  for (const name of ['cp-2', 'cp-3']) cutMachine(lab.machine(name));
  lab.pass(10_000);
  t.match(health(lab, '/health'), { status: 503, body: '{"health":"false","reason":"RAFT NO LEADER"}' });
  t.match(health(lab, '/health?serializable=true'), { status: 200 });
  t.match(health(lab, '/livez'), { status: 200 });
  t.match(health(lab, '/readyz'), { status: 503, body: /\[-\]linearizable_read failed/ });
});

t.test('a write that timed out may have been applied all the same', async (t) => {
  const applied: boolean[] = [];
  for (let seed = 1; seed <= 12; seed += 1) {
    const lab = new ControlPlane(ALL, seed);
    lab.formEtcd();
    const { cluster, world } = lab;
    const leader = must(cluster.effectiveLeader(), 'a leader');
    const follower = must(
      [...cluster.nodes.values()].find((one) => one !== leader),
      'a follower',
    );
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'default' } };
    const put = (): void => void cluster.space.put('configmaps', 'default/x', object);
    const write = world.scheduler.spawn(world.group, 'write', propose(follower, put));
    lab.pass(1);
    cutMachine(leader.machine);
    lab.pass(10_000);
    if (write.result?.ok === false) applied.push(cluster.space.get('configmaps', 'default/x') !== null);
  }
  t.ok(applied.length > 0, 'some writes were not answered');
  t.notOk(
    applied.every((one) => one),
    'not all of those were applied',
  );
});

t.test('an etcd that was away for minutes is found again late', async (t) => {
  const lab = ready(ALL);
  const machine = lab.machine('cp-1');
  [...machine.processes.values()].find((one) => one.name === 'etcd')?.kill('SIGKILL');
  lab.pass(140_000);
  lab.startEtcd('cp-1', { initial: ALL, state: 'existing' });
  lab.pass(12_000);
  t.match(health(lab, '/health'), { status: 200 }, 'etcd is well');
  const early = request(lab, admin(lab), 'GET', NODES, undefined, 2_000);
  t.not(early.kind, 'ok', 'the back-off of the connection has grown');
  lab.pass(120_000);
  t.equal(request(lab, admin(lab), 'GET', NODES).kind, 'ok');
});

t.test('a stopping API server is not ready, and a starting one forbids its admins', async (t) => {
  const lab = Cluster.up({ seed: 2 });
  const { containers } = lab.machine('cp-1');
  const find = (): ReturnType<typeof containers.containers.findLast> =>
    containers.containers.findLast((one) => one.name === 'kube-apiserver');
  const direct = ['--server', 'https://192.168.62.11:6443', '--request-timeout=2s', 'get', 'nodes'];
  const get = (): string => {
    const said = lab.exec('cp-1', ['kubectl', '--kubeconfig', ADMIN, ...direct]).stderr.trimEnd();
    return said.split('\n').at(-1)?.split(': User')[0] ?? '';
  };
  t.equal(get(), '', 'the names of the types are in its cache from now on');
  const before = must(find(), 'an API server');
  before.process.kill('SIGTERM');
  lab.pass(200);
  const { network, host } = lab.world;
  const readyz = lab.run(
    network.exchange(host, '192.168.62.11', 6443, { method: 'GET', path: '/readyz' }, 5_000),
  );
  t.match(readyz, { status: 500, body: /\[-\]shutdown failed/ });
  while (before.process.running) lab.pass(100);
  const seen = new Set<string>();
  for (let step = 0; step < 100 && !seen.has(''); step += 1) {
    lab.pass(300);
    seen.add(get());
  }
  t.ok(seen.has('Error from server (Forbidden): nodes is forbidden'), [...seen].join('; '));
  t.ok(seen.has(''), 'and then it answers');
});

t.test(
  'after the loss of the quorum: the kubelet stops the API server, the next one ends by itself',
  async (t) => {
    const lab = Cluster.up({ seed: 3, controlPlanes: 3 });
    const cutMs = lab.world.nowMs;
    for (const name of ['cp-2', 'cp-3']) cutMachine(lab.machine(name));
    lab.pass(300_000);
    const events = lab.trace.filter((one) => one.atMs > cutMs && one.machine === 'cp-1');
    const afterS = (service: string, what: RegExp): number[] =>
      events
        .filter((one) => one.service === service && what.test(one.what))
        .map((one) => (one.atMs - cutMs) / 1_000);
    const [killed = 0] = afterS('kubelet', /kube-apiserver failed liveness probe/);
    t.ok(killed >= 70 && killed <= 100, `told to stop after ${killed} s`);
    const [open = 0] = afterS('kube-apiserver', /port open/);
    const [gaveUp = 0] = afterS('kube-apiserver', /gave up waiting for etcd/);
    t.ok(open >= killed && open <= killed + 60, `the next one listens after ${open} s`);
    t.ok(gaveUp - open >= 60 && gaveUp - open <= 62, `and ends ${gaveUp - open} s later`);
    const { containers } = lab.machine('cp-1').containers;
    const attempts = (name: string): number => containers.find((one) => one.name === name)?.attempt ?? -1;
    t.equal(attempts('etcd'), 0, 'etcd is left alone');
    for (const name of ['kube-controller-manager', 'kube-scheduler'])
      t.ok(attempts(name) >= 1, `${name} lost its Lease and was started again`);
  },
);

t.test('a StatefulSet waits for its node, and a node shows the version of its kubelet', async (t) => {
  const lab = Cluster.up({ seed: 4, workers: 2 });
  const containers = [{ name: 'db', image: 'docker.io/library/postgres:17' }];
  const labels = { app: 'db' };
  lab.send('POST', '/apis/apps/v1/namespaces/default/statefulsets', {
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'default' } },
    spec: {
      ...{ replicas: 1, serviceName: 'db', selector: { matchLabels: labels } },
      template: { metadata: { labels }, spec: { containers } },
    },
  });
  lab.pass(60_000);
  const pods = (): (string | null)[] =>
    lab.list('/api/v1/namespaces/default/pods').map((one) => textAt(one, 'spec', 'nodeName'));
  const [home] = pods();
  t.match(home, /^worker-/);
  cutMachine(lab.machine(home ?? ''));
  lab.pass(900_000);
  t.strictSame(pods(), [home], 'it does not move');
  const other = home === 'worker-1' ? 'worker-2' : 'worker-1';
  installProgram(lab.machine(other), 'kubelet', 'v1.31.9');
  lab.exec(other, ['systemctl', 'restart', 'kubelet']);
  lab.pass(60_000);
  const node = lab.list(NODES).find((one) => one.metadata.name === other);
  t.equal(textAt(node, 'status', 'nodeInfo', 'kubeletVersion'), 'v1.31.9');
});

t.test('kubectl drains what is left of a control plane but its static pods', async (t) => {
  const lab = Cluster.up({ seed: 5, controlPlanes: 3, workers: 1 });
  const kubectl = (...args: string[]): ReturnType<Cluster['exec']> =>
    lab.exec('cp-1', ['kubectl', '--kubeconfig', ADMIN, ...args], 4_000_000);
  const holders = (): string[] =>
    [...lab.world.machines.values()]
      .filter((one) => one.labNic.addresses.has('192.168.62.5'))
      .map((one) => one.name);
  const [holder = ''] = holders();
  t.equal(kubectl('drain', holder, '--ignore-daemonsets', '--delete-emptydir-data').code, 0);
  lab.pass(30_000);
  t.strictSame(holders(), [holder], 'the address stays where it is');
  const again = kubectl('drain', holder, '--ignore-daemonsets');
  t.match(again.stdout, new RegExp(`^node/${holder} already cordoned\n[^]*node/${holder} drained\n$`));
  const leases = kubectl('get', 'lease', '-n', 'kube-node-lease').stdout.split('\n');
  t.match(leases[0], /^NAME +HOLDER +AGE$/);
  const nobody = kubectl('--server', 'https://192.168.62.99:6443', 'get', 'nodes');
  t.equal(nobody.code, 1);
  t.match(
    nobody.stderr,
    /Unable to connect to the server: dial tcp 192\.168\.62\.99:6443: connect: no route to host\n$/,
  );
});

t.test('logs of containers come from the kubelet of their node', async (t) => {
  const lab = Cluster.up({ seed: 6, workers: 1 });
  const logs = (...args: string[]): ReturnType<Cluster['exec']> =>
    lab.exec('cp-1', ['kubectl', '--kubeconfig', ADMIN, '-n', 'kube-system', 'logs', ...args]);
  const whole = logs('kube-vip-cp-1');
  t.equal(whole.code, 0, whole.stderr);
  t.match(whole.stdout, /^time="[^"]+" level=info msg="Starting kube-vip/);
  t.equal(logs('kube-vip-cp-1', '--tail', '2').stdout.trimEnd().split('\n').length, 2);
  t.match(logs('kube-vip-cp-1', '-p'), {
    code: 1,
    stderr:
      'Error from server (BadRequest): previous terminated container "kube-vip" in pod "kube-vip-cp-1" not found\n',
  });
  const { network, host } = lab.world;
  const path = '/containerLogs/kube-system/kube-vip-cp-1/kube-vip';
  const stranger = lab.run(network.exchange(host, '192.168.62.11', 10_250, { method: 'GET', path }, 5_000));
  t.match(stranger, { status: 401 }, 'without a certificate it tells nothing');
  cutMachine(lab.machine('worker-1'));
  const proxy = lab
    .list('/api/v1/namespaces/kube-system/pods')
    .find((one) => textAt(one, 'spec', 'nodeName') === 'worker-1');
  const gone = logs(must(proxy, 'kube-proxy of worker-1').metadata.name);
  t.equal(gone.code, 1);
  t.match(
    gone.stderr,
    /^Error from server: Get "https:\/\/192\.168\.62\.21:10250\/containerLogs\/.*dial tcp/,
  );
});
