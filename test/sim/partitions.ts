// Machines cut off, slowed and let back in by the programs that people use for it.
import t from 'tap';
import { Cluster } from '../helpers/cluster.js';
import { VIP } from '../helpers/kubeadm-lab.js';
import { holders, must } from '../helpers/upgrade-lab.js';

const KUBECTL = 'kubectl --kubeconfig /etc/kubernetes/admin.conf';
const PING = 'ping -c 1 -W 1 192.168.62.12';

t.test('iptables: rules are there once they were made, and are gone when they were lifted', async (t) => {
  const lab = Cluster.up({ controlPlanes: 2 });
  const rule = '-s 192.168.62.12 -j DROP';
  t.equal(lab.exec('cp-1', `iptables -C INPUT ${rule}`.split(' ')).code, 1);
  must(lab, 'cp-1', `iptables -A INPUT ${rule}`);
  must(lab, 'cp-1', `iptables -C INPUT ${rule}`);
  must(lab, 'cp-1', 'iptables -I OUTPUT -p tcp -d 192.168.62.0/24 --dport 2380 -j REJECT');
  t.equal(
    must(lab, 'cp-1', 'iptables -S').stdout,
    '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A INPUT -s 192.168.62.12/32 -j DROP\n' +
      '-A OUTPUT -d 192.168.62.0/24 -p tcp -m tcp --dport 2380 -j REJECT --reject-with icmp-port-unreachable\n',
  );
  t.equal(lab.exec('cp-1', PING.split(' ')).code, 1, 'its answers are dropped');
  must(lab, 'cp-1', `iptables -D INPUT ${rule}`);
  must(lab, 'cp-1', PING);
  t.match(lab.exec('cp-1', `iptables -D INPUT ${rule}`.split(' ')), {
    code: 1,
    stderr: 'iptables: Bad rule (does a matching rule exist in that chain?).\n',
  });
  const refused = lab.exec('cp-1', 'curl -sk --max-time 5 https://192.168.62.12:2380/'.split(' '));
  t.equal(refused.code, 7, 'a rejected connection is refused');
  must(lab, 'cp-1', 'iptables -F');
  t.equal(must(lab, 'cp-1', 'iptables -S INPUT').stdout, '-P INPUT ACCEPT\n');
  t.match(lab.exec('cp-1', ['iptables', '--what']), { code: 2, stderr: /unknown option "--what"/ });
  t.equal(lab.exec('cp-1', 'iptables -A NONE -j DROP'.split(' ')).code, 1);
});

t.test('a holder that its peers cannot reach loses quorum and address, and comes back', async (t) => {
  const lab = Cluster.up({ controlPlanes: 3 });
  t.strictSame(holders(lab), ['cp-1']);
  for (const peer of ['192.168.62.12', '192.168.62.13'])
    for (const line of [`-A INPUT -s ${peer}`, `-A OUTPUT -d ${peer}`])
      must(lab, 'cp-1', `iptables ${line} -j DROP`);
  lab.pass(120_000);
  t.notOk(holders(lab).includes('cp-1'), `held by ${holders(lab).join()}`);
  t.equal(holders(lab).length, 1);
  const nodes = (): string => must(lab, 'cp-2', `${KUBECTL} get nodes`).stdout;
  t.match(nodes(), /cp-1 +Ready/, 'no rule names the floating address, so its kubelet still reports');
  must(lab, 'cp-1', `iptables -A OUTPUT -d ${VIP} -j DROP`);
  lab.pass(100_000);
  t.match(nodes(), /cp-1 +NotReady/);
  must(lab, 'cp-1', 'iptables -F');
  lab.pass(400_000);
  t.strictSame(lab.ready('cp-2'), { 'cp-1': 'True', 'cp-2': 'True', 'cp-3': 'True' });
});

t.test('tc: late and lost frames, and the queue that every card has again', async (t) => {
  const lab = Cluster.up({ controlPlanes: 2 });
  t.match(must(lab, 'cp-2', 'tc qdisc show dev eth1').stdout, /^qdisc pfifo_fast 0: root/);
  must(lab, 'cp-2', 'tc qdisc add dev eth1 root netem delay 200ms');
  t.equal(
    must(lab, 'cp-2', 'tc qdisc show dev eth1').stdout,
    'qdisc netem 8001: root refcnt 2 limit 1000 delay 200ms\n',
  );
  t.match(must(lab, 'cp-1', PING).stdout, /time=20\d ms/);
  t.match(lab.exec('cp-2', 'tc qdisc add dev eth1 root netem loss 1%'.split(' ')), {
    code: 2,
    stderr: 'Error: Exclusivity flag on, cannot modify.\n',
  });
  must(lab, 'cp-2', 'tc qdisc replace dev eth1 root netem loss 100%');
  t.equal(lab.exec('cp-1', PING.split(' ')).code, 1);
  must(lab, 'cp-2', 'tc qdisc del dev eth1 root');
  lab.pass(5_000);
  must(lab, 'cp-1', PING);
  t.match(
    lab.exec('cp-2', 'tc qdisc del dev eth1 root'.split(' ')).stderr,
    /Cannot delete qdisc with handle of zero/,
  );
  t.match(
    lab.exec('cp-2', 'tc qdisc add dev eth9 root netem loss 1%'.split(' ')).stderr,
    /Cannot find device "eth9"/,
  );
});

t.test('a write waits for the late answers of a quorum', async (t) => {
  const lab = Cluster.up({ controlPlanes: 3 });
  const quick = must(lab, 'cp-1', `${KUBECTL} create configmap a`).tookMs;
  for (const name of ['cp-1', 'cp-2', 'cp-3'])
    must(lab, name, 'tc qdisc add dev eth1 root netem delay 300ms');
  const slow = must(lab, 'cp-1', `${KUBECTL} create configmap b`).tookMs;
  t.ok(slow > quick + 600, `${slow} ms after ${quick} ms`);
});

t.test(
  'an unreachable registry: the pull fails, the kubelet backs off, and goes on when it is back',
  async (t) => {
    const lab = Cluster.up({ controlPlanes: 1, workers: 1 });
    must(lab, 'worker-1', 'iptables -A OUTPUT -o eth0 -j DROP');
    must(lab, 'cp-1', `${KUBECTL} create deployment web --image=nginx:1.27`);
    const status = (): string => must(lab, 'cp-1', `${KUBECTL} get pods`).stdout;
    const seen = new Set<string>();
    for (let step = 0; step < 40; step += 1) {
      lab.pass(5_000);
      seen.add(/ (ContainerCreating|ErrImagePull|ImagePullBackOff|Running) /.exec(status())?.[1] ?? '');
    }
    t.ok(seen.has('ErrImagePull') && seen.has('ImagePullBackOff'), [...seen].join());
    const events = must(lab, 'cp-1', `${KUBECTL} get events -o jsonpath={.items[*].message}`).stdout;
    t.match(events, /Failed to pull image "nginx:1\.27": rpc error/);
    t.match(events, /Back-off pulling image "nginx:1\.27"/);
    const pull = lab.exec('worker-1', 'crictl pull registry.k8s.io/pause:3.9'.split(' '));
    t.match(pull.stderr, /dial tcp 203\.0\.113\.\d+:443: i\/o timeout/);
    must(lab, 'worker-1', 'iptables -F');
    lab.pass(400_000);
    t.match(status(), / 1\/1 +Running /);
  },
);
