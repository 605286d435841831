/**
 * What must hold in kubeadm's files of any lab, read back with a parser where the golden files only show
 * examples.
 */
import assert from 'node:assert/strict';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { must } from '../../lib/base/errors.js';
import {
  initConfig,
  joinControlPlaneConfig,
  joinWorkerConfig,
  upgradeConfig,
} from '../../lib/generate/kubeadm.js';
import { render } from '../../lib/generate/render.js';
import { etcdTimers, goDuration } from '../../lib/generate/timing.js';
import { controlPlanes, workers, type LabSpec } from '../../lib/model/lab.js';
import { at, type Tree } from '../helpers/tree.js';
import { holds, labs, makeLab } from '../helpers/labs.js';

const secrets = {
  token: 'abcdef.0123456789abcdef',
  caCertHash: `sha256:${'5e'.repeat(32)}`,
  certificateKey: 'c7'.repeat(32),
};

/** The documents of a text by kind, read as Kubernetes reads them, with each one's own apiVersion kept. */
function documents(text: string): ReadonlyMap<string, Tree> {
  const parsed = parseAllDocuments(text, { version: '1.1' });
  const trees = (Array.isArray(parsed) ? parsed : []).map((document) => document.toJS() as Tree);
  return new Map(trees.map((tree) => [String(tree['kind']), tree]));
}

/** Every kubeadm config of the lab by machine name; the first control plane's is the init. */
function nodeConfigs(lab: LabSpec): ReadonlyMap<string, ReadonlyMap<string, Tree>> {
  const [first, ...others] = controlPlanes(lab);
  const texts: (readonly [string, string])[] = [
    [must(first, 'no control plane').name, initConfig(lab)],
    ...others.map((machine) => [machine.name, joinControlPlaneConfig(lab, machine, secrets)] as const),
    ...workers(lab).map((machine) => [machine.name, joinWorkerConfig(lab, machine, secrets)] as const),
  ];
  return new Map(texts.map(([name, text]) => [name, documents(text)]));
}

/** Extra arguments as a map, or a failure when the API version wants the other form. */
function args(api: string, value: unknown): ReadonlyMap<string, string> {
  if (value === undefined) return new Map();
  if (Array.isArray(value) !== (api === 'kubeadm.k8s.io/v1beta4')) throw new Error(`wrong form for ${api}`);
  return Array.isArray(value)
    ? new Map((value as { name: string; value: string }[]).map((arg) => [arg.name, arg.value]))
    : new Map(Object.entries(value as Record<string, string>));
}

void t.test('kubeadm: each node says its own name and its address on the lab network', (t) => {
  holds(t, (lab) => {
    const configs = nodeConfigs(lab);
    const untainted = workers(lab).length === 0;
    for (const machine of lab.machines.filter(({ role }) => role !== 'load-balancer')) {
      const kinds = must(configs.get(machine.name), `no config for ${machine.name}`);
      const config = must(kinds.get('InitConfiguration') ?? kinds.get('JoinConfiguration'), 'no config');
      const registration = at(config, 'nodeRegistration');
      assert.equal(at(registration, 'name'), machine.name);
      const kubelet = args(String(config['apiVersion']), at(registration, 'kubeletExtraArgs'));
      assert.equal(kubelet.get('node-ip'), machine.address);
      assert.deepEqual(at(registration, 'taints'), untainted ? [] : undefined);
      const local = at(config, 'localAPIEndpoint') ?? at(config, 'controlPlane', 'localAPIEndpoint');
      const expected = machine.role === 'control-plane' ? machine.address : undefined;
      assert.equal(at(local, 'advertiseAddress'), expected);
    }
  });
  t.end();
});

void t.test('kubeadm: the shape follows the API version of the kubeadm that reads it', (t) => {
  holds(t, (lab) => {
    const old = lab.kubernetes.version.startsWith('v1.30.');
    for (const kinds of nodeConfigs(lab).values()) {
      const cluster = kinds.get('ClusterConfiguration');
      const join = kinds.get('JoinConfiguration');
      for (const tree of kinds.values()) {
        if (!String(tree['apiVersion']).startsWith('kubeadm.')) continue;
        assert.equal(tree['apiVersion'], `kubeadm.k8s.io/${old ? 'v1beta3' : 'v1beta4'}`);
        const command = tree['kind'] !== 'ClusterConfiguration';
        assert.equal(
          tree['timeouts'] !== undefined,
          command && !old,
          'timeouts exist in v1beta4 commands only',
        );
      }
      if (cluster !== undefined)
        assert.equal(at(cluster, 'apiServer', 'timeoutForControlPlane') !== undefined, old);
      if (join !== undefined) assert.equal(at(join, 'discovery', 'timeout') !== undefined, old);
    }
  });
  t.end();
});

void t.test('kubeadm: endpoint, certificate names, kube-proxy and pod ranges', (t) => {
  holds(t, (lab) => {
    const init = documents(initConfig(lab));
    const cluster = must(init.get('ClusterConfiguration'), 'no cluster');
    const api = String(cluster['apiVersion']);
    assert.equal(cluster['controlPlaneEndpoint'], `${lab.endpoint.host}:6443`);
    const sans = (at(cluster, 'apiServer', 'certSANs') ?? []) as string[];
    if (lab.vip !== null) assert.ok(sans.includes(lab.vip.address), 'the VIP is in the certificate');
    if (lab.apiName !== null) assert.ok(sans.includes(lab.apiName) && sans.includes(lab.endpoint.host));
    assert.equal(new Set(sans).size, sans.length, 'no name twice');
    const cilium = lab.kubernetes.cni === 'cilium';
    assert.equal(init.has('KubeProxyConfiguration'), !cilium);
    assert.deepEqual(
      at(init.get('InitConfiguration'), 'skipPhases'),
      cilium ? ['addon/kube-proxy'] : undefined,
    );
    const manager = args(api, at(cluster, 'controllerManager', 'extraArgs'));
    assert.equal(manager.get('allocate-node-cidrs'), lab.kubernetes.cni === 'bridge' ? 'false' : undefined);
    const endpoint = [...nodeConfigs(lab).values()].map((kinds) => kinds.get('JoinConfiguration'));
    for (const join of endpoint.filter((tree) => tree !== undefined)) {
      assert.equal(at(join, 'discovery', 'bootstrapToken', 'apiServerEndpoint'), `${lab.endpoint.host}:6443`);
    }
  });
  t.end();
});

void t.test('time scale: every timer grows together, and nothing is written at scale 1', (t) => {
  const timers = (version: string, timeScale: number): readonly Tree[] => {
    const lab = makeLab({ vip: 'haproxy', kubernetes: { version }, more: { timeScale } });
    return [must(documents(initConfig(lab)).get('ClusterConfiguration'), 'no cluster')];
  };
  const [plain] = timers('v1.31.4', 1);
  t.notOk(
    at(plain, 'etcd', 'local', 'extraArgs') ?? at(plain, 'scheduler') ?? at(plain, 'controllerManager'),
  );
  for (const [version, grace] of [
    ['v1.30.8', '2m0s'],
    ['v1.31.4', '2m0s'],
    ['v1.32.0', '2m30s'],
  ] as const) {
    const [slow] = timers(version, 3);
    const api = String(at(slow, 'apiVersion'));
    const manager = args(api, at(slow, 'controllerManager', 'extraArgs'));
    t.equal(
      manager.get('node-monitor-grace-period'),
      grace,
      `${version}: the default of its minor, three times`,
    );
    t.equal(manager.get('leader-elect-lease-duration'), '45s');
    t.same([...args(api, at(slow, 'scheduler', 'extraArgs')).values()], ['45s', '30s', '6s']);
    t.same([...args(api, at(slow, 'etcd', 'local', 'extraArgs')).values()], ['300', '3000']);
  }
  const upgrade = upgradeConfig(makeLab({ more: { timeScale: 3 } }), 'v1.32.0') ?? '';
  t.equal(at(parse(upgrade), 'timeouts', 'controlPlaneComponentHealthCheck'), '12m0s');
  t.same(etcdTimers(makeLab({ more: { timeScale: 200 } })), { heartbeatMs: 5000, electionMs: 50000 });
  for (const [seconds, text] of [
    [15, '15s'],
    [60, '1m0s'],
    [240, '4m0s'],
    [5400, '1h30m0s'],
  ] as const) {
    t.equal(goDuration(seconds), text);
  }
  t.end();
});

void t.test('secrets are in the join of one machine and nowhere else', (t) => {
  const lab = must(labs['k8s-ha-kube-vip'], 'no such lab');
  const [, second] = controlPlanes(lab);
  const [worker] = workers(lab);
  const control = joinControlPlaneConfig(lab, must(second, 'no second'), secrets);
  const work = joinWorkerConfig(lab, must(worker, 'no worker'), secrets);
  t.ok(Object.values(secrets).every((secret) => control.includes(secret)));
  t.ok(
    work.includes(secrets.token) && !work.includes(secrets.certificateKey),
    'a worker needs no certificate key',
  );
  holds(t, (any) => {
    for (const file of render(any)) {
      // Digests of what the image is built from are public.
      assert.doesNotMatch(
        file.content.replace(/sha256\W+[0-9a-f]{64}/g, ''),
        /\b[a-z0-9]{6}\.[a-z0-9]{16}\b|[0-9a-f]{64}/,
        `${file.path} holds no secret`,
      );
    }
  });
  t.end();
});
