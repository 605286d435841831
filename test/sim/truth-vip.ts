// What docs/simulator.md states of the floating address and the load balancer and no other test shows.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import { haproxyServer } from '../../lib/sim/haproxy.js';
import { cutMachine, haltMachine } from '../../lib/sim/power.js';
import { numberAt } from '../../lib/sim/tree.js';
import { Cluster } from '../helpers/cluster.js';
import { KubeadmLab, VIP, initConfig, kubeVipManifest } from '../helpers/kubeadm-lab.js';

const MANIFESTS = '/etc/kubernetes/manifests';
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';

function holders(lab: KubeadmLab): string[] {
  return [...lab.world.machines.values()]
    .filter((one) => one.labNic.addresses.has(VIP))
    .map((one) => one.name);
}

/** Steps until `done`; the time it took in ms, Infinity when it did not come within a minute and a half. */
function until(lab: KubeadmLab, done: () => boolean): number {
  const startMs = lab.world.nowMs;
  while (!done()) {
    if (lab.world.nowMs - startMs > 90_000) return Infinity;
    lab.pass(50);
  }
  return lab.world.nowMs - startMs;
}

/** What kube-vip of a machine has printed. */
function logOf(lab: KubeadmLab, name: string): string {
  const files = lab.machine(name).disk.all();
  return files
    .filter(([path]) => /kube-vip.*\.log$/.test(path))
    .map(([path]) => lab.machine(name).disk.read(path) ?? '')
    .join('');
}

t.test(
  'the API server beside it dies: the holder gives up, another takes over and tells its neighbours',
  async (t) => {
    const lab = Cluster.up({ seed: 31, controlPlanes: 3 });
    const [holder = ''] = holders(lab);
    const { host, network } = lab.world;
    t.not(lab.run(network.ping(host, VIP, 1_000)), null);
    t.equal(host.arp.get(VIP)?.mac, lab.machine(holder).labNic.mac);
    lab.machine(holder).disk.remove(`${MANIFESTS}/kube-apiserver.yaml`);
    const server = lab.machine(holder).containers.containers.find((one) => one.name === 'kube-apiserver');
    until(lab, () => server?.process.running === false);
    const droppedMs = until(lab, () => !holders(lab).includes(holder));
    t.ok(
      droppedMs >= 1_900 && droppedMs <= 7_000,
      `renew deadline 3 s, release up to 3 s more: ${droppedMs} ms`,
    );
    const takenMs = droppedMs + until(lab, () => holders(lab).length === 1);
    t.ok(takenMs <= 10_000, `taken over after ${takenMs} ms`);
    t.equal(host.arp.get(VIP)?.mac, lab.machine(holders(lab)[0] ?? '').labNic.mac, 'announced at once');
    t.match(logOf(lab, holder), /level=fatal.*lost leadership, restarting kube-vip/);
  },
);

t.test('a holder that is cut off keeps the address for a while, beside the next one', async (t) => {
  const lab = Cluster.up({ seed: 32, controlPlanes: 3 });
  const [holder = ''] = holders(lab);
  lab.world.network.setLink(lab.machine(holder), false);
  lab.pass(2_000);
  t.ok(holders(lab).includes(holder), 'it does not know yet');
  until(lab, () => !holders(lab).includes(holder));
  until(lab, () => holders(lab).length === 1);
  t.not(holders(lab)[0], holder);
  t.match(logOf(lab, holder), /Failed to release lock: Put "https:\/\/kubernetes:6443\/.*\?timeout=3s"/);
  lab.world.network.setLink(lab.machine(holder), true);
  lab.pass(60_000);
  t.equal(holders(lab).length, 1, 'one of them after it is back');
});

t.test('halted, the holder hands over sooner than a crash would', async (t) => {
  const lab = Cluster.up({ seed: 33, controlPlanes: 3 });
  const [holder = ''] = holders(lab);
  const startMs = lab.world.nowMs;
  lab.world.scheduler.spawn(lab.world.group, 'halt', haltMachine(lab.machine(holder)));
  until(lab, () => holders(lab).length === 1 && holders(lab)[0] !== holder);
  const tookMs = lab.world.nowMs - startMs;
  t.ok(tookMs <= 9_000, `${tookMs} ms`);
});

t.test('an address that was left behind goes when kube-vip starts', async (t) => {
  const lab = Cluster.up({ seed: 34, controlPlanes: 2 });
  const [holder = ''] = holders(lab);
  const other = holder === 'cp-1' ? 'cp-2' : 'cp-1';
  lab.world.network.addAddress(lab.machine(other), VIP, 32);
  const vip = lab.machine(other).containers.containers.find((one) => one.name === 'kube-vip');
  vip?.process.kill('SIGKILL');
  t.strictSame(holders(lab).sort(), ['cp-1', 'cp-2']);
  lab.pass(30_000);
  t.strictSame(holders(lab), [holder]);
});

/** A first control plane whose kube-vip has another manifest; what became of the init. */
function withManifest(change: (text: string) => string): { lab: Cluster; code: number | null } {
  const lab = new Cluster({ seed: 35 });
  lab.write(
    'cp-1',
    `${MANIFESTS}/kube-vip.yaml`,
    change(kubeVipManifest('/etc/kubernetes/super-admin.conf')),
  );
  lab.write('cp-1', '/opt/lab/init.yaml', initConfig('v1.31.4'));
  return { lab, code: lab.kubeadm('cp-1', 'init', '--config', '/opt/lab/init.yaml').code };
}

t.test('lease defaults by version, interfaces, metrics, and an address that is kept', async (t) => {
  const bare = (version: string) => (text: string) =>
    text
      .replace(/ {4}- \{name: vip_(lease|renew|retry)(duration|deadline|period).*\n/g, '')
      .replace('v1.0.4', version);
  for (const [version, seconds] of [
    ['v1.0.4', 5],
    ['v1.1.0', 15],
  ] as const) {
    const { lab, code } = withManifest(bare(version));
    t.equal(code, 0);
    const lease = must(
      lab.list(LEASE).find((one) => one.metadata.name === 'plndr-cp-lock'),
      'a Lease',
    );
    t.equal(numberAt(lease, 'spec', 'leaseDurationSeconds'), seconds, version);
  }
  const missing = withManifest((text) => text.replace('"eth1"', '"eth9"'));
  t.equal(missing.code, 1);
  t.match(logOf(missing.lab, 'cp-1'), /eth9 is not valid interface/);
  const unset = withManifest((text) => text.replace(/ {4}- \{name: vip_interface.*\n/, ''));
  t.equal(unset.code, 1, 'on the NAT card nobody on the lab network finds it');
  const keep = '    - {name: vip_preserve_on_leadership_loss, value: "true"}\n';
  const { lab } = withManifest((text) => text.replace('    volumeMounts:', `${keep}    volumeMounts:`));
  const { network, host } = lab.world;
  const metrics = lab.run(
    network.exchange(host, '192.168.62.11', 2112, { method: 'GET', path: '/metrics' }, 5_000),
  );
  t.match(metrics, { status: 200 });
  t.notMatch(metrics.kind === 'response' ? String(metrics.body) : '', 'leader');
  lab.machine('cp-1').disk.remove(`${MANIFESTS}/kube-apiserver.yaml`);
  until(lab, () => logOf(lab, 'cp-1').includes('lost leadership'));
  t.strictSame(holders(lab), ['cp-1'], 'it was told to keep the address');
});

const TCP_ONLY = `defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend api
  bind *:7443
  default_backend cps
backend cps
  default-server check inter 10s
  server cp-1 192.168.62.11:6443
  server cp-2 192.168.62.12:6443
  server cp-3 192.168.62.13:6443
`;

t.test('a check of the port alone is late, and blind to a lost quorum', async (t) => {
  const lab = Cluster.up({ seed: 36, controlPlanes: 3, workers: 1 });
  const machine = lab.machine('worker-1');
  lab.write('worker-1', '/etc/haproxy/haproxy.cfg', TCP_ONLY);
  machine.run('haproxy', haproxyServer, ['-Ws', '-f', '/etc/haproxy/haproxy.cfg']);
  lab.pass(60_000);
  const cutMs = lab.world.nowMs;
  for (const name of ['cp-2', 'cp-3']) cutMachine(lab.machine(name));
  lab.pass(60_000);
  const down = lab.trace.filter((one) => one.service === 'haproxy' && one.atMs > cutMs);
  t.strictSame(down.map((one) => one.detail['server']).sort(), ['cps/cp-2', 'cps/cp-3']);
  for (const { atMs } of down) t.ok(atMs - cutMs >= 18_000, `${atMs - cutMs} ms until it was noticed`);
  const { network, host } = lab.world;
  const readyz = { method: 'GET', path: '/readyz' };
  const answer = lab.run(network.exchange(host, '192.168.62.21', 7_443, readyz, 20_000));
  t.match(answer, { status: 500 }, 'cp-1 has no quorum, and is still sent clients');
});
