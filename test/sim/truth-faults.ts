// What machines suffer besides losing power or cables: slow disks, and what etcd, Leases and elections make of them.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import type { EtcdCluster } from '../../lib/sim/etcd-cluster.js';
import { slowDisk } from '../../lib/sim/power.js';
import { Cluster } from '../helpers/cluster.js';
import { VIP } from '../helpers/kubeadm-lab.js';
import { holders } from '../helpers/upgrade-lab.js';

const KUBECTL = 'kubectl --kubeconfig /etc/kubernetes/admin.conf';

function etcdOf(lab: Cluster): EtcdCluster {
  return must([...lab.world.etcdClusters.values()].at(-1), 'no etcd');
}

function leaderOf(lab: Cluster): string {
  return must(etcdOf(lab).effectiveLeader(), 'no leader').machine.name;
}

function logOf(lab: Cluster, name: string, container: string): string {
  const { disk } = lab.machine(name);
  return disk
    .all()
    .filter(([path]) => path.includes(`/${container}/`) && path.endsWith('.log'))
    .map(([path]) => disk.read(path) ?? '')
    .join('');
}

/** How long one command takes. */
function tookMs(lab: Cluster, name: string, line: string): number {
  const startMs = lab.world.nowMs;
  lab.exec(name, line.split(' '));
  return lab.world.nowMs - startMs;
}

t.test('a slow disk: writes are late, the log says so, a slow leader loses its followers', async (t) => {
  const lab = Cluster.up({ seed: 41, controlPlanes: 3 });
  const first = leaderOf(lab);
  const usualMs = tookMs(lab, first, `${KUBECTL} create namespace quick`);
  slowDisk(lab.machine(first), 400);
  lab.pass(20_000);
  t.equal(leaderOf(lab), first, 'quicker than an election timeout');
  const slowMs = tookMs(lab, first, `${KUBECTL} create namespace slow`);
  t.ok(slowMs >= 400 && slowMs <= usualMs + 3_000, `${usualMs} ms became ${slowMs} ms`);
  t.match(
    logOf(lab, first, 'etcd'),
    /"msg":"apply request took too long","took":"[\d.]+m?s","expected-duration":"100ms"/,
  );
  t.match(
    logOf(lab, first, 'etcd'),
    /leader failed to send out heartbeat on time; took too long, leader is overloaded/,
  );
  slowDisk(lab.machine(first), 2_500);
  lab.pass(30_000);
  t.not(leaderOf(lab), first, 'slower than its followers are patient');
  t.match(logOf(lab, first, 'etcd'), /"msg":"slow fdatasync","took":"2.5s","expected-duration":"1s"/);
  lab.pass(120_000);
  t.not(leaderOf(lab), first, 'and it does not come back as long as its disk is slow');
  slowDisk(lab.machine(first), 0);
  lab.pass(60_000);
  const again = tookMs(lab, first, `${KUBECTL} create namespace again`);
  t.ok(again < usualMs + 400, `${again} ms`);
  t.ok(lab.count(3_600_000) < 500, 'an hour of it is nearly free again');
});

t.test('a slow disk under the holder of the floating address: its Lease goes to another', async (t) => {
  const lab = Cluster.up({ seed: 42, controlPlanes: 3 });
  const [holder = ''] = holders(lab);
  slowDisk(lab.machine(holder), 4_000);
  lab.pass(60_000);
  t.not(holders(lab)[0], holder, 'a renewal takes longer than the renew deadline of 3 s');
  t.equal(holders(lab).length, 1);
  t.match(logOf(lab, holder, 'kube-vip'), /failed to renew lease kube-system\/plndr-cp-lock/);
  const other = must(holders(lab)[0], 'a holder');
  t.equal(lab.exec(other, `${KUBECTL} --server https://${VIP}:6443 get nodes`.split(' ')).code, 0);
});

t.test('slow disks everywhere: managers and scheduler lose their Leases', async (t) => {
  const lab = Cluster.up({ seed: 43, controlPlanes: 3 });
  for (const name of ['cp-1', 'cp-2', 'cp-3']) slowDisk(lab.machine(name), 6_000);
  lab.pass(180_000);
  const lost = ['cp-1', 'cp-2', 'cp-3'].filter((name) =>
    /leaderelection lost/.test(logOf(lab, name, 'kube-controller-manager')),
  );
  t.ok(lost.length > 0, 'who led has ended');
  for (const name of ['cp-1', 'cp-2', 'cp-3']) slowDisk(lab.machine(name), 0);
  lab.pass(400_000);
  t.strictSame(lab.ready(), { 'cp-1': 'True', 'cp-2': 'True', 'cp-3': 'True' });
});
