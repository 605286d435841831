// What machines suffer besides losing power or cables: slow disks, and what etcd, Leases and elections make of them.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import type { EtcdCluster } from '../../lib/sim/etcd-cluster.js';
import { slowDisk } from '../../lib/sim/power.js';
import { listAt, numberAt } from '../../lib/sim/tree.js';
import { Cluster } from '../helpers/cluster.js';
import { VIP, type Result } from '../helpers/kubeadm-lab.js';
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

t.test('a clock that is wrong: certificates, logs and dates go by it, Leases do not', async (t) => {
  const lab = Cluster.up({ seed: 44, controlPlanes: 3 });
  const [holder = ''] = holders(lab);
  const run = (line: string): Result => lab.exec('cp-2', line.split(' '));
  const nowText = lab.world.date(lab.world.nowMs).slice(0, 13);
  t.match(run('date -u +%FT%TZ').stdout, nowText);
  t.match(lab.exec('cp-2', ['date', '-s', '2 days ago']).stdout, /UTC 2025\n$/);
  t.match(lab.exec('cp-2', ['date', '-s', 'yesterday afternoon']), {
    code: 1,
    stderr: /invalid date ‘yesterday/,
  });
  const skewed = run(`${KUBECTL} get nodes`);
  t.equal(skewed.code, 1);
  t.match(
    skewed.stderr,
    /x509: certificate has expired or is not yet valid: current time 2025-12-30T\S+ is before 2026-01-01T\S+Z$/m,
  );
  t.match(logOf(lab, 'cp-1', 'etcd'), /prober found high clock drift.*"clock-drift":"4[78]h\d+m/);
  t.match(run('timedatectl').stdout, /Local time: \w+ 2025-12-\d\d .* UTC\n +Universal time/);
  lab.pass(120_000);
  t.equal(lab.ready('cp-1')['cp-2'], 'True', 'its kubelet has its connection');
  run('systemctl restart kubelet');
  lab.pass(120_000);
  t.equal(lab.ready('cp-1')['cp-2'], 'Unknown', 'and gets no new one');
  t.strictSame(holders(lab), [holder]);
  t.equal(run('timedatectl set-time 2026-01-01').code, 0);
  lab.machine('cp-2').setClock(lab.world.nowMs);
  lab.pass(120_000);
  t.equal(lab.ready('cp-1')['cp-2'], 'True');
  lab.exec('cp-3', ['date', '-s', '+1 hour']);
  lab.pass(120_000);
  t.strictSame(
    lab.ready('cp-1'),
    { 'cp-1': 'True', 'cp-2': 'True', 'cp-3': 'True' },
    'an hour ahead hurts nobody',
  );
  const lease = run(
    'kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-node-lease get lease cp-3 -o jsonpath={.spec.renewTime}',
  );
  t.ok(
    lease.stdout > lab.world.date(lab.world.nowMs + 3_000_000),
    `renewed by its own clock: ${lease.stdout}`,
  );
  lab.machine('cp-3').disk.makeDirectories('/root');
  lab.exec('cp-3', ['cp', '/etc/hostname', '/root/later']);
  t.ok((lab.machine('cp-3').disk.entry('/root/later')?.modifiedMs ?? 0) > lab.world.nowMs + 3_000_000);
});

t.test('after a year certificates have ended, and kubeadm renews them', async (t) => {
  const lab = Cluster.up({ seed: 45, controlPlanes: 1, workers: 1 });
  const run = (line: string): Result => lab.exec('cp-1', line.split(' '));
  t.ok(lab.count(364 * 86_400_000) < 110_000, 'nearly a year, mostly of compactions');
  const pem = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  t.match(run(`openssl x509 -enddate -noout -in ${pem}`).stdout, /2027/, 'the kubelet has rotated its own');
  t.equal(run(`${KUBECTL} get nodes`).code, 0);
  t.match(run('kubeadm certs check-expiration').stdout, /apiserver +Jan 01, 2027 00:\d\d UTC +23h/);
  lab.pass(86_400_000);
  t.strictSame(holders(lab), [], 'kube-vip cannot renew its Lease');
  const own = '--server https://192.168.62.11:6443';
  const refused = run(`${KUBECTL} ${own} get nodes`);
  t.match(
    refused.stderr,
    /x509: certificate has expired or is not yet valid: current time 2027-01-01T\S+Z is after 2027-01-01T\S+Z$/m,
  );
  t.match(
    run(`${KUBECTL} ${own} --insecure-skip-tls-verify get nodes`).stderr,
    /You must be logged in to the server/,
  );
  t.match(run('kubeadm certs check-expiration').stdout, /Falling back to default configuration[^]*<invalid>/);
  const renewed = run('kubeadm certs renew all');
  t.equal(renewed.code, 0);
  t.match(renewed.stdout, /certificate for serving the Kubernetes API renewed\n/);
  t.match(renewed.stdout, /\nDone renewing certificates. You must restart the kube-apiserver, /);
  run('systemctl reboot');
  lab.pass(400_000);
  t.strictSame(lab.ready(), { 'cp-1': 'True', 'worker-1': 'True' });
});

t.test('signals: stopped and killed programs, and who starts them again', async (t) => {
  const lab = Cluster.up({ seed: 46, controlPlanes: 3 });
  const run = (line: string): Result => lab.exec('cp-2', line.split(' '));
  const restarts = (pod: string): number =>
    numberAt(listAt(lab.pod('kube-system', pod), 'status', 'containerStatuses')[0], 'restartCount') ?? -1;
  t.equal(restarts('etcd-cp-2'), 0);
  t.equal(run('pkill -KILL -x etcd').code, 0);
  t.equal(run('pkill -x no-such-program').code, 1);
  lab.pass(60_000);
  t.equal(restarts('etcd-cp-2'), 1, 'its kubelet starts it again');
  const server = run('crictl ps -q --name kube-apiserver').stdout.trim();
  t.equal(run(`crictl stop ${server}`).code, 0);
  lab.pass(60_000);
  t.equal(restarts('kube-apiserver-cp-2'), 1);
  const scheduler = run('crictl pods -q --name kube-scheduler').stdout.trim();
  t.match(run(`crictl stopp ${scheduler}`).stdout, /Stopped sandbox/);
  lab.pass(60_000);
  t.match(run('crictl pods --name kube-scheduler').stdout, /Ready +kube-scheduler-cp-2/, 'a new sandbox');

  t.equal(run('systemctl kill -s SIGKILL kubelet').code, 0);
  t.match(
    run('journalctl -u kubelet -n 3').stdout,
    /code=killed, status=9\/KILL\n.*Failed with result 'signal'/,
  );
  lab.pass(30_000);
  t.equal(run('systemctl is-active kubelet').stdout, 'active\n', 'systemd starts it again');
  const pid = run('pgrep -x kubelet').stdout.trim();
  t.equal(run(`kill -STOP ${pid}`).code, 0);
  lab.pass(70_000);
  t.equal(lab.ready('cp-1')['cp-2'], 'Unknown', 'nobody renews its Lease');
  t.equal(run(`kill -CONT ${pid}`).code, 0);
  lab.pass(70_000);
  t.equal(lab.ready('cp-1')['cp-2'], 'True');
  t.match(run('kill 99999'), { code: 1, stderr: /\(99999\) - No such process/ });
  t.match(run('systemctl kill -s FOO kubelet'), { code: 1, stderr: 'Failed to parse signal string FOO.\n' });

  must(run('systemctl stop containerd').code === 0 ? true : null, 'it stops');
  lab.pass(60_000);
  t.equal(lab.ready('cp-1')['cp-2'], 'False', 'container runtime is down');
  t.ok(run('pgrep -x etcd').code === 0, 'its containers live on');
  run('systemctl start containerd');
  lab.pass(60_000);
  t.equal(lab.ready('cp-1')['cp-2'], 'True');
});

t.test(
  'a full disk: pressure, containers that cannot be made, etcd that ends, kubeadm that stops',
  async (t) => {
    const lab = Cluster.up({ seed: 47, controlPlanes: 3, workers: 1 });
    const run = (line: string, name = 'cp-3'): Result => lab.exec(name, line.split(' '));
    const { disk } = lab.machine('cp-3');
    run(`fallocate -l ${disk.freeBytes - 2_000_000_000} /var/big`);
    lab.pass(30_000);
    t.match(
      run(`${KUBECTL} describe node cp-3`, 'cp-1').stdout,
      /DiskPressure +True .* kubelet has disk pressure/,
    );
    t.ok(lab.taints('cp-3').includes('node.kubernetes.io/disk-pressure:NoSchedule'));
    run(`fallocate -l ${disk.freeBytes} /var/rest`);
    t.match(run('cp /etc/hosts /root/copy'), { code: 1, stderr: /No space left on device/ });
    t.match(run('kubeadm init phase certs all --cert-dir /tmp/new'), {
      code: 1,
      stderr: /no space left on device/,
    });
    run('pkill -KILL -x kube-scheduler');
    lab.pass(60_000);
    const states = run('crictl ps --name kube-scheduler').stdout;
    t.notMatch(states, /Running/, 'containerd cannot make another');
    lab.pass(2_400_000);
    t.not(run('pgrep -x etcd').code, 0, 'its log could not grow');
    t.equal(lab.ready('cp-1')['cp-1'], 'True', 'the others have a quorum');
    run('rm /var/big /var/rest');
    lab.pass(900_000);
    t.equal(run('pgrep -x etcd').code, 0);
    t.strictSame(lab.taints('cp-3'), ['node-role.kubernetes.io/control-plane:NoSchedule']);
  },
);
