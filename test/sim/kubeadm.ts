// kubeadm on simulated machines: a control plane comes up, grows, meets trouble, and is taken down again.
import t from 'tap';
import { parse } from 'yaml';
import { must } from '../../lib/base/errors.js';
import { cutMachine, startMachine } from '../../lib/sim/power.js';
import { at, listAt, mapAt, textAt, textsAt } from '../../lib/sim/tree.js';
import { KubeadmLab, TOKEN, VIP, initConfig, type Result } from '../helpers/kubeadm-lab.js';

const SETTLE_MS = 10_000;

function voters(lab: KubeadmLab): string[] {
  const [cluster] = [...lab.world.etcdClusters.values()];
  return must(cluster, 'no etcd cluster')
    .voters.map((member) => member.name)
    .sort();
}

function joinControlPlane(lab: KubeadmLab, name: string): Result {
  lab.placeKubeVip(name, '/etc/kubernetes/admin.conf');
  const result = lab.join(name);
  lab.pass(SETTLE_MS);
  return result;
}

/** Init on cp-1 and joins of the others, each of which must succeed. */
function cluster(names: readonly string[], options: ConstructorParameters<typeof KubeadmLab>[0]): KubeadmLab {
  const lab = new KubeadmLab(options);
  t.equal(lab.initFirst().code, 0, 'init');
  lab.pass(SETTLE_MS);
  for (const name of names) {
    const result = name.startsWith('cp-') ? joinControlPlane(lab, name) : lab.join(name);
    t.equal(result.code, 0, `join of ${name}: ${result.stderr}`);
  }
  return lab;
}

function holders(lab: KubeadmLab): string[] {
  return [...lab.world.machines.values()]
    .filter((one) => one.labNic.addresses.has(VIP))
    .map((one) => one.name);
}

t.test('init, joins, and resets in reverse leave nothing but what kubeadm leaves', async (t) => {
  const lab = cluster(['cp-2', 'cp-3', 'worker-1'], { controlPlanes: 3, workers: 1 });
  t.strictSame(voters(lab), ['cp-1', 'cp-2', 'cp-3']);
  t.equal(holders(lab).length, 1, 'one machine carries the address');
  const node = lab.machine('worker-1').disk;
  t.ok(node.isFile('/var/lib/kubelet/pki/kubelet-client-current.pem'));
  t.notOk(node.exists('/etc/kubernetes/bootstrap-kubelet.conf'), 'the token does not stay on the disk');

  const worker = lab.kubeadm('worker-1', 'reset', '--force');
  t.match(worker.stderr, /No kubeadm config, using etcd pod spec/);
  t.notMatch(worker.stdout, /Reading configuration/, 'a worker has no admin.conf to ask with');
  for (const [name, left] of [
    ['cp-3', ['cp-1', 'cp-2']],
    ['cp-2', ['cp-1']],
    ['cp-1', ['cp-1']],
  ] as const) {
    const result = lab.kubeadm(name, 'reset', '--force');
    t.equal(result.code, 0, name);
    t.notMatch(result.stderr, /Failed|Unable/, `${name} left by the book`);
    t.strictSame(voters(lab), left, `after ${name}; the last member only loses its data`);
    const machine = lab.machine(name);
    t.strictSame(machine.disk.list('/etc/kubernetes').sort(), ['manifests', 'pki']);
    t.strictSame(machine.disk.list('/var/lib/etcd'), []);
    t.equal(machine.containers.sandboxes.length, 0);
    t.equal(machine.units.state('kubelet'), 'inactive');
    t.ok(machine.units.isEnabled('kubelet'));
    lab.pass(SETTLE_MS);
  }
  t.equal(
    lab.kubeadm('cp-1', 'reset', '--force').stdout.includes('etcd data directory'),
    false,
    'nothing left to empty',
  );
});

t.test('a killed kube-vip leaves its address on the card', async (t) => {
  const lab = cluster([], {});
  t.strictSame(holders(lab), ['cp-1']);
  t.equal(lab.kubeadm('cp-1', 'reset', '--force').code, 0);
  t.strictSame(holders(lab), ['cp-1'], 'reset knows nothing of it');
});

t.test('what a join is refused for', async (t) => {
  const lab = cluster(['cp-2', 'cp-3', 'worker-1'], { controlPlanes: 4, workers: 2 });

  lab.kubeadm('cp-1', 'token', 'delete', TOKEN);
  const unknown = lab.join('worker-2');
  t.equal(unknown.code, 1);
  t.match(
    unknown.stderr,
    /could not find a JWS signature in the cluster-info ConfigMap for token ID "abcdef"/,
  );
  t.ok(unknown.tookMs >= 300_000 && unknown.tookMs < 310_000, `five minutes of discovery: ${unknown.tookMs}`);
  lab.kubeadm('cp-1', 'token', 'create', TOKEN);
  lab.pass(SETTLE_MS);

  const nobody = lab.join('worker-2', { endpoint: '192.168.62.99:6443' });
  const url = 'https://192.168.62.99:6443/api/v1/namespaces/kube-public/configmaps/cluster-info?timeout=10s';
  const dial = 'dial tcp 192.168.62.99:6443: connect: no route to host';
  const why = `failed to request the cluster-info ConfigMap: Get "${url}": ${dial}`;
  t.ok(nobody.stderr.includes(why), nobody.stderr);

  // A machine that takes the name of a node that is up.
  const network = '{"cniVersion": "0.3.1", "name": "lab", "plugins": [{"type": "bridge"}]}';
  lab.write('worker-1', '/etc/cni/net.d/10-bridge.conflist', network);
  lab.pass(60_000);
  lab.write(
    'worker-2',
    '/opt/lab/join.yaml',
    lab.joinConfig('worker-2').replace('name: worker-2', 'name: worker-1'),
  );
  const taken = lab.kubeadm('worker-2', 'join', '--config', '/opt/lab/join.yaml');
  t.match(taken.stderr, /kubelet-start: a Node with name "worker-1" and status "Ready" already exists/);

  cutMachine(lab.machine('cp-2'));
  lab.pass(2 * SETTLE_MS);
  const dead = joinControlPlane(lab, 'cp-4');
  t.equal(dead.code, 1);
  const endpoint = 'https://192.168.62.12:2379';
  t.ok(
    dead.stderr.includes(
      'error execution phase check-etcd: etcd cluster is not healthy: ' +
        `failed to dial endpoint ${endpoint} with maintenance client: context deadline exceeded`,
    ),
    dead.stderr,
  );
  t.ok(dead.tookMs >= 120_000 && dead.tookMs < 140_000, `two minutes of etcd: ${dead.tookMs}`);

  // One of three is down: a live member may not leave, and reset says so and goes on.
  const reset = lab.kubeadm('cp-3', 'reset', '--force');
  t.equal(reset.code, 0);
  t.match(
    reset.stderr,
    /Failed to remove etcd member: etcdserver: unhealthy cluster, please manually remove/,
  );
  t.strictSame(voters(lab), ['cp-1', 'cp-2', 'cp-3']);
});

t.test('certificates that nobody can fetch any more', async (t) => {
  const lab = cluster([], { controlPlanes: 2 });
  lab.pass(7_200_000);
  const late = joinControlPlane(lab, 'cp-2');
  t.match(
    late.stderr,
    /Secret "kubeadm-certs" was not found in the "kube-system" Namespace. This Secret might have expired/,
  );
  t.equal(late.code, 1);
  const renewed = lab.kubeadm('cp-1', 'init', 'phase', 'upload-certs', '--upload-certs');
  const key = must(/\n([0-9a-f]{64})\n/.exec(renewed.stdout)?.[1], renewed.stderr);
  t.match(lab.join('cp-2').stderr, /cipher: message authentication failed/, 'the old key is worth nothing');
  t.equal(lab.join('cp-2', { key }).code, 0, 'a join that died that early needs no reset');
  t.strictSame(voters(lab), ['cp-1', 'cp-2']);
});

t.test('power lost in the middle of a join', async (t) => {
  const lab = cluster([], { controlPlanes: 2 });
  const machine = lab.machine('cp-2');
  lab.placeKubeVip('cp-2', '/etc/kubernetes/admin.conf');
  lab.write('cp-2', '/opt/lab/join.yaml', lab.joinConfig('cp-2'));
  const process = machine.start(['kubeadm', 'join', '--config', '/opt/lab/join.yaml']);
  while (!process.stdout.join('').includes('Announced new etcd member')) lab.pass(10);
  cutMachine(machine);
  t.equal(process.exitCode, 137);
  lab.pass(60_000);
  lab.run(startMachine(machine));
  lab.pass(60_000);
  const again = lab.kubeadm('cp-2', 'join', '--config', '/opt/lab/join.yaml');
  t.match(again.stderr, /FileAvailable--etc-kubernetes-kubelet.conf/, 'not resumable');
  t.equal(lab.kubeadm('cp-2', 'reset', '--force').code, 0);
  lab.pass(SETTLE_MS);
  t.equal(joinControlPlane(lab, 'cp-2').code, 0);
  t.strictSame(voters(lab), ['cp-1', 'cp-2']);
});

t.test('two control planes that join at once get there in the end', async (t) => {
  const lab = cluster([], { controlPlanes: 3 });
  const joins = ['cp-2', 'cp-3'].map((name) => {
    lab.write(name, '/opt/lab/join.yaml', lab.joinConfig(name));
    return lab.machine(name).start(['kubeadm', 'join', '--config', '/opt/lab/join.yaml']);
  });
  lab.pass(300_000);
  t.strictSame(
    joins.map((one) => one.exitCode),
    [0, 0],
  );
  t.ok(joins.some((one) => /too many learner members|unhealthy cluster/.test(one.stderr.join(''))));
  t.strictSame(voters(lab), ['cp-1', 'cp-2', 'cp-3']);
});

t.test('what init writes', async (t) => {
  const lab = cluster([], {});
  const { disk } = lab.machine('cp-1');
  const read = (path: string): unknown => parse(must(disk.read(path), path)) as unknown;
  const server = (name: string): string | null =>
    textAt(read(`/etc/kubernetes/${name}.conf`), 'clusters', 0, 'cluster', 'server');
  for (const name of ['admin', 'super-admin', 'kubelet']) t.equal(server(name), `https://${VIP}:6443`, name);
  for (const name of ['controller-manager', 'scheduler'])
    t.equal(server(name), 'https://192.168.62.11:6443', name);
  const kubelet = read('/etc/kubernetes/kubelet.conf');
  const user = mapAt(kubelet, 'users', 0, 'user');
  t.equal(user['client-certificate'], '/var/lib/kubelet/pki/kubelet-client-current.pem');

  const pod = read('/etc/kubernetes/manifests/kube-apiserver.yaml');
  const container = at(pod, 'spec', 'containers', 0);
  const command = textsAt(container, 'command');
  t.equal(command[0], 'kube-apiserver');
  t.strictSame(command.slice(1), command.slice(1).sort(), '1.31 sorts all arguments together');
  t.ok(command.includes('--etcd-servers=https://127.0.0.1:2379'));
  t.equal(at(container, 'startupProbe', 'failureThreshold'), 24, 'four minutes');
  t.equal(at(container, 'livenessProbe', 'httpGet', 'host'), '192.168.62.11');
  const types = listAt(pod, 'spec', 'volumes').map((volume) => textAt(volume, 'hostPath', 'type'));
  t.strictSame([...new Set(types)], ['DirectoryOrCreate']);
  t.equal(disk.entry('/etc/kubernetes/pki/sa.key')?.mode, 0o600);
  t.match(
    disk.read('/var/lib/kubelet/kubeadm-flags.env'),
    /--node-ip=192.168.62.11 --pod-infra-container-image=/,
  );
});

t.test('other minors run with the words of the nearest flavour', async (t) => {
  const newer = new KubeadmLab({ version: 'v1.33.2', workers: 1 });
  newer.write(
    'cp-1',
    '/opt/lab/init.yaml',
    initConfig('v1.33.2').replace(
      '  certSANs',
      '  extraArgs: [{name: profiling, value: "false"}]\n  certSANs',
    ),
  );
  newer.placeKubeVip('cp-1', '/etc/kubernetes/super-admin.conf');
  t.equal(newer.kubeadm('cp-1', 'init', '--config', '/opt/lab/init.yaml').code, 0);
  const pod = parse(
    newer.machine('cp-1').disk.read('/etc/kubernetes/manifests/kube-apiserver.yaml') ?? '',
  ) as unknown;
  t.equal(
    textsAt(pod, 'spec', 'containers', 0, 'command').at(-1),
    '--profiling=false',
    'own arguments last since 1.32',
  );
  newer.pass(SETTLE_MS);
  t.match(newer.join('worker-1').stdout, /Reading configuration from the "kubeadm-config" ConfigMap/);
  t.ok(newer.trace.some((event) => event.service === 'kubeadm' && event.detail['speaksAs'] === '1.32'));

  const older = new KubeadmLab({ version: 'v1.30.5', workers: 1 });
  const config = initConfig('v1.30.5')
    .replaceAll('v1beta4', 'v1beta3')
    .replace('[{name: node-ip, value: 192.168.62.11}]', '{node-ip: 192.168.62.11}');
  older.write('cp-1', '/opt/lab/init.yaml', config);
  older.placeKubeVip('cp-1', '/etc/kubernetes/super-admin.conf');
  t.equal(older.kubeadm('cp-1', 'init', '--config', '/opt/lab/init.yaml').code, 0);
  older.pass(SETTLE_MS);
  const flags = ['--token', TOKEN, '--discovery-token-ca-cert-hash', older.caHash()];
  const joined = older.kubeadm('worker-1', 'join', `${VIP}:6443`, ...flags);
  t.equal(joined.code, 0, joined.stderr);
});

t.test('the same seed gives the same trace, and an idle cluster costs nothing', async (t) => {
  const run = (): KubeadmLab => cluster(['cp-2', 'worker-1'], { controlPlanes: 2, workers: 1, seed: 7 });
  const lab = run();
  t.strictSame(lab.trace, run().trace);
  lab.pass(3_600_000);
  const { scheduler } = lab.world;
  const untilMs = scheduler.nowMs + 12 * 3_600_000;
  let events = 0;
  for (let next = scheduler.nextAtMs(); next !== null && next <= untilMs; next = scheduler.nextAtMs()) {
    scheduler.runNext();
    events += 1;
  }
  t.ok(events < 500, `${events} events in twelve hours`);
});
