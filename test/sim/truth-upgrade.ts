// Statements about kubeadm upgrade that need a cluster of their own: 1.31's words, manifests that differ, a folder.
import t from 'tap';
import { parse } from 'yaml';
import { installProgram } from '../../lib/sim/image.js';
import { numberAt, textAt } from '../../lib/sim/tree.js';
import { KubeadmLab, initConfig } from '../helpers/kubeadm-lab.js';
import { must, upgradeLab } from '../helpers/upgrade-lab.js';

const MANIFESTS = '/etc/kubernetes/manifests';

function manifest(lab: KubeadmLab, name: string, component: string): unknown {
  return parse(lab.machine(name).disk.read(`${MANIFESTS}/${component}.yaml`) ?? '') as unknown;
}

t.test('1.31 upgrades a control plane and another node in words of its own', async (t) => {
  const lab = upgradeLab({ controlPlanes: 2, workers: 1 });
  const foreign = lab.machine('cp-1').disk.read(`${MANIFESTS}/kube-vip.yaml`);
  for (const { name } of lab.world.machines.values()) installProgram(lab.machine(name), 'kubeadm', 'v1.31.9');
  const applied = must(lab, 'cp-1', 'kubeadm upgrade apply v1.31.9 -y');
  const order = [
    /\[upgrade\/version\] You have chosen to change the cluster version to "v1\.31\.9"/,
    /\[upgrade\/staticpods\] Preparing for "etcd" upgrade/,
    /\[upgrade\/staticpods\] Preparing for "kube-apiserver" upgrade/,
    /\[upgrade\/staticpods\] Preparing for "kube-controller-manager" upgrade/,
    /\[upgrade\/staticpods\] Preparing for "kube-scheduler" upgrade/,
    /\[upgrade\/addons\] skip upgrade addons because control plane instances \[cp-2\] have not been upgraded/,
    /\[upgrade\/successful\] SUCCESS! Your cluster was upgraded to "v1\.31\.9"\. Enjoy!/,
  ].map((line) => applied.stdout.search(line));
  t.ok(
    order.every((at, index) => at >= 0 && at > (order[index - 1] ?? -1)),
    `lines are there and in their order: ${order.join(' ')}`,
  );
  const node = must(lab, 'cp-2', 'kubeadm upgrade node');
  t.match(node.stdout, /\[upgrade\] The control plane instance for this node was successfully updated!/);
  t.match(node.stdout, /\[upgrade\] The configuration for this node was successfully updated!/);
  const worker = must(lab, 'worker-1', 'kubeadm upgrade node');
  t.match(worker.stdout, /\[upgrade\] The configuration for this node was successfully updated!/);
  t.equal(lab.machine('cp-1').disk.read(`${MANIFESTS}/kube-vip.yaml`), foreign, 'kube-vip is left alone');
});

t.test('etcd of the same version is replaced when its manifest differs', async (t) => {
  const lab = new KubeadmLab();
  const config = initConfig('v1.31.4').replace(
    'kind: InitConfiguration\n',
    'kind: InitConfiguration\ntimeouts: {controlPlaneComponentHealthCheck: 20m0s}\n',
  );
  lab.write('cp-1', '/opt/lab/init.yaml', config);
  lab.placeKubeVip('cp-1', '/etc/kubernetes/super-admin.conf');
  must(lab, 'cp-1', 'kubeadm init --config /opt/lab/init.yaml');
  lab.placeKubeVip('cp-1', '/etc/kubernetes/admin.conf');
  lab.pass(60_000);
  const threshold = (): number | null =>
    numberAt(manifest(lab, 'cp-1', 'etcd'), 'spec', 'containers', 0, 'startupProbe', 'failureThreshold');
  const image = textAt(manifest(lab, 'cp-1', 'etcd'), 'spec', 'containers', 0, 'image');
  t.equal(threshold(), 120, 'the time-out of init is in the probe');
  installProgram(lab.machine('cp-1'), 'kubeadm', 'v1.31.9');
  const skip = '--ignore-preflight-errors=CreateJob,ControlPlaneNodesReady';
  const applied = must(lab, 'cp-1', `kubeadm upgrade apply v1.31.9 -y ${skip}`);
  t.match(applied.stdout, /Component "etcd" upgraded successfully!/);
  t.equal(textAt(manifest(lab, 'cp-1', 'etcd'), 'spec', 'containers', 0, 'image'), image);
  t.equal(threshold(), 24, 'time-outs are not stored in the cluster: the default is back');
});

t.test('a folder named super-admin.conf breaks the renewal, and everything goes back', async (t) => {
  const lab = upgradeLab({ controlPlanes: 2, workers: 0 });
  lab.machine('cp-2').disk.makeDirectories('/etc/kubernetes/super-admin.conf');
  for (const { name } of lab.world.machines.values()) installProgram(lab.machine(name), 'kubeadm', 'v1.31.9');
  must(lab, 'cp-1', 'kubeadm upgrade apply v1.31.9 -y --ignore-preflight-errors=CreateJob');
  const failed = lab.kubeadm('cp-2', 'upgrade', 'node');
  t.equal(failed.code, 1);
  t.match(
    failed.stderr,
    'failed to upgrade the super-admin.conf certificates: failed to load kubeConfig file ' +
      '/etc/kubernetes/super-admin.conf: read /etc/kubernetes/super-admin.conf: is a directory',
  );
  t.equal(
    textAt(manifest(lab, 'cp-2', 'kube-apiserver'), 'spec', 'containers', 0, 'image'),
    'registry.k8s.io/kube-apiserver:v1.31.4',
  );
});
