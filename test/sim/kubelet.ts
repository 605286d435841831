// The kubelet and its containers: static pods, restarts, volumes, mirror pods, the node object, reboots.
import t from 'tap';
import { haltMachine, cutMachine, startMachine } from '../../lib/sim/power.js';
import { installProgram } from '../../lib/sim/image.js';
import { imageName } from '../../lib/sim/containerd.js';
import { listAt, numberAt, textAt } from '../../lib/sim/tree.js';
import { Cluster } from '../helpers/cluster.js';
import { KubeadmLab, kubeVipManifest } from '../helpers/kubeadm-lab.js';

const MANIFESTS = '/etc/kubernetes/manifests';

function manifest(name: string, image: string, extra = ''): string {
  return `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: kube-system}
spec:
  hostNetwork: true
  containers: [{name: main, image: ${image}${extra}}]
`;
}

function running(lab: KubeadmLab, name: string): number {
  const { containers } = lab.machine('cp-1').containers;
  return containers.filter((one) => one.sandbox.name === `${name}-cp-1` && one.finishedMs === null).length;
}

t.test('without its configuration the kubelet only tries again', async (t) => {
  const lab = new KubeadmLab();
  t.equal(lab.machine('cp-1').units.state('kubelet'), 'activating');
  t.equal(lab.machine('cp-1').units.lastExit('kubelet'), 1);
  lab.placeKubeVip('cp-1', '/etc/kubernetes/super-admin.conf');
  lab.pass(3_600_000);
  t.strictSame(lab.machine('cp-1').containers.containers, [], 'a manifest alone starts nothing');
  t.match(lab.machine('cp-1').journal.at(-3)?.text, /failed to load kubelet config file/);
});

t.test('static pods come, change and go with their files', async (t) => {
  const lab = new Cluster({ seed: 3 });
  lab.initFirst();
  lab.placeNetwork();
  lab.pass(60_000);
  lab.write('cp-1', `${MANIFESTS}/extra.yaml`, manifest('extra', 'registry.k8s.io/pause:3.10'));
  lab.pass(15_000);
  t.equal(running(lab, 'extra'), 1);
  const mirror = lab.pod('kube-system', 'extra-cp-1');
  t.equal(textAt(mirror, 'metadata', 'annotations', 'kubernetes.io/config.source'), 'file');
  t.equal(textAt(mirror, 'status', 'phase'), 'Running');

  // A backup beside it is a pod of the same name: it waits, and takes the place of the first one when that goes.
  lab.write('cp-1', `${MANIFESTS}/extra.yaml.bak`, manifest('extra', 'registry.k8s.io/pause:3.9'));
  lab.write('cp-1', `${MANIFESTS}/.hidden`, manifest('hidden', 'registry.k8s.io/pause:3.9'));
  lab.write('cp-1', `${MANIFESTS}/broken.yaml`, 'kind: [');
  lab.pass(60_000);
  t.equal(running(lab, 'extra'), 1);
  t.equal(running(lab, 'hidden'), 0);
  lab.machine('cp-1').disk.remove(`${MANIFESTS}/extra.yaml`);
  lab.pass(90_000);
  const left = lab.machine('cp-1').containers.containers.find((one) => one.sandbox.name === 'extra-cp-1');
  t.equal(left?.image, 'registry.k8s.io/pause:3.9');
  lab.machine('cp-1').disk.remove(`${MANIFESTS}/extra.yaml.bak`);
  lab.pass(60_000);
  t.equal(running(lab, 'extra'), 0);
  t.equal(lab.pod('kube-system', 'extra-cp-1'), undefined, 'its mirror is gone');

  t.equal(lab.send('DELETE', '/api/v1/namespaces/kube-system/pods/etcd-cp-1'), 'ok');
  lab.pass(30_000);
  t.ok(lab.pod('kube-system', 'etcd-cp-1'), 'a deleted mirror pod comes back');
});

t.test('host paths by their type', async (t) => {
  const lab = new Cluster({ seed: 4 });
  lab.initFirst();
  lab.pass(60_000);
  const { disk } = lab.machine('cp-1');
  disk.write(
    `${MANIFESTS}/vip-a.yaml`,
    kubeVipManifest('/etc/kubernetes/missing.conf').replace('name: kube-vip,', 'name: vip-a,'),
  );
  lab.pass(30_000);
  t.ok(disk.isDirectory('/etc/kubernetes/missing.conf'), 'an unchecked path is made a folder');
  const vip = lab.machine('cp-1').containers.containers.find((one) => one.sandbox.name === 'vip-a-cp-1');
  t.ok((vip?.attempt ?? 0) >= 2, 'kube-vip finds a folder, exits, and is started again with back-off');

  const strict = kubeVipManifest('/etc/kubernetes/other.conf').replace('name: kube-vip,', 'name: vip-b,');
  disk.write(`${MANIFESTS}/vip-b.yaml`, strict.replace(/(path: \S+other.conf)/, '$1, type: File'));
  lab.pass(30_000);
  t.notOk(disk.exists('/etc/kubernetes/other.conf'));
  const waiting = lab.pod('kube-system', 'vip-b-cp-1');
  t.equal(
    textAt(waiting, 'status', 'containerStatuses', 0, 'state', 'waiting', 'reason'),
    'ContainerCreating',
  );
  const events = lab.list('/api/v1/namespaces/kube-system/events');
  t.ok(events.some((event) => textAt(event, 'reason') === 'FailedMount'));
});

t.test('a crashing container restarts at once and then with back-off', async (t) => {
  const lab = new KubeadmLab({ seed: 5 });
  lab.initFirst();
  const started: number[] = [];
  const find = (): { attempt: number; startedMs: number; kill: () => void } => {
    const one = lab
      .machine('cp-1')
      .containers.containers.findLast((c) => imageName(c.image).endsWith('kube-scheduler'));
    return {
      attempt: one?.attempt ?? -1,
      startedMs: one?.startedMs ?? 0,
      kill: () => one?.process.kill('SIGKILL'),
    };
  };
  const gaps: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    lab.pass(1_000);
    const killedMs = lab.world.nowMs;
    const { attempt } = find();
    find().kill();
    for (let wait = 0; wait < 100 && find().attempt === attempt; wait += 1) lab.pass(1_000);
    gaps.push(Math.round((find().startedMs - killedMs) / 10_000));
    started.push(find().attempt);
  }
  t.strictSame(started, [1, 2, 3, 4]);
  t.strictSame(gaps, [0, 1, 2, 4], 'at once, then 10, 20 and 40 seconds');
  lab.pass(660_000);
  const killedMs = lab.world.nowMs;
  find().kill();
  lab.pass(8_000);
  t.ok(find().startedMs > killedMs, 'ten good minutes and it begins anew');
});

t.test('nodes: not ready without a network, and ready by its configuration alone', async (t) => {
  const lab = new Cluster({ seed: 6, workers: 1 });
  lab.initFirst();
  lab.pass(20_000);
  t.equal(lab.join('worker-1').code, 0);
  lab.pass(20_000);
  t.strictSame(lab.ready(), { 'cp-1': 'False', 'worker-1': 'False' });
  const node = lab.list('/api/v1/nodes')[0];
  const ready = listAt(node, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Ready');
  t.match(textAt(ready, 'message'), /cni plugin not initialized$/);
  const dns = lab
    .list('/api/v1/namespaces/kube-system/pods')
    .filter((pod) => /^coredns/.test(pod.metadata.name));
  t.strictSame(
    dns.map((pod) => textAt(pod, 'status', 'phase')),
    ['Pending', 'Pending'],
  );
  lab.placeNetwork();
  lab.pass(40_000);
  t.strictSame(lab.ready(), { 'cp-1': 'True', 'worker-1': 'True' });
  t.strictSame(lab.taints('worker-1'), []);
  t.ok(lab.machine('worker-1').disk.isFile('/var/lib/kubelet/pki/kubelet-client-current.pem'));
});

t.test('a reboot and a power cut start everything again, counted as restarts', async (t) => {
  const lab = Cluster.up({ seed: 7, workers: 1 });
  for (const stop of ['halt', 'cut'] as const) {
    const machine = lab.machine('cp-1');
    if (stop === 'halt') lab.run(haltMachine(machine));
    else cutMachine(machine);
    t.ok(
      machine.containers.containers.every((one) => one.finishedMs !== null),
      'nothing runs without power',
    );
    lab.run(startMachine(machine));
    lab.pass(120_000);
    t.strictSame(lab.ready(), { 'cp-1': 'True', 'worker-1': 'True' }, `ready after ${stop}`);
  }
  const etcd = lab.pod('kube-system', 'etcd-cp-1');
  t.equal(numberAt(etcd, 'status', 'containerStatuses', 0, 'restartCount'), 2);
});

t.test('a kubelet of another minor starts every static pod anew, one of the same minor none', async (t) => {
  const lab = new KubeadmLab({ seed: 8 });
  lab.initFirst();
  lab.pass(30_000);
  const machine = lab.machine('cp-1');
  const attempts = (): number[] => machine.containers.containers.map((one) => one.attempt);
  lab.exec('cp-1', ['systemctl', 'restart', 'kubelet']);
  lab.pass(60_000);
  t.ok(attempts().every((attempt) => attempt === 0));
  installProgram(machine, 'kubelet', 'v1.32.0');
  lab.exec('cp-1', ['systemctl', 'restart', 'kubelet']);
  lab.pass(60_000);
  const fixed = machine.containers.containers.filter((one) => one.sandbox.source === 'file');
  t.equal(fixed.length, 5);
  t.ok(
    fixed.every((one) => one.attempt === 1),
    attempts().join(' '),
  );
});

t.test('a network that becomes ready while the kubelet reports is told by its next report', async (t) => {
  // One of these moments is within the few milliseconds that a report takes.
  for (const early of [14, 16, 18, 20, 22, 24, 26]) {
    const lab = new Cluster({ seed: 10 });
    lab.initFirst();
    lab.placeNetwork();
    lab.pass(60_000);
    lab.machine('cp-1').disk.remove('/etc/cni/net.d/10-bridge.conflist');
    lab.pass(30_000);
    t.equal(lab.ready()['cp-1'], 'False');
    // Reports come every ten seconds; this is when the last one had been answered.
    const answeredMs = lab.trace.findLast(({ what }) => what === 'NodeNotReady')?.atMs ?? 0;
    const nextMs = answeredMs + Math.ceil((lab.world.nowMs + 2_000 - answeredMs) / 10_000) * 10_000;
    const kubectl = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'];
    lab.exec('cp-1', [...kubectl, 'label', 'node', 'cp-1', 'early=yes']);
    lab.world.scheduler.after(nextMs - early - lab.world.nowMs, () => {
      lab.placeNetwork();
    });
    lab.pass(nextMs + 15_000 - lab.world.nowMs);
    t.equal(lab.ready()['cp-1'], 'True', `${early} ms before the answer`);
  }
});

t.test('an idle day of six nodes is nearly free', async (t) => {
  const lab = Cluster.up({ seed: 9, controlPlanes: 3, workers: 3 });
  lab.pass(600_000);
  const events = lab.count(86_400_000);
  t.ok(events < 200, `${events} events in 24 idle hours`);
  t.ok(Object.values(lab.ready()).every((ready) => ready === 'True'));
});
