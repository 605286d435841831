// kubeadm upgrade on simulated machines: by the book, against the rules, and with trouble on the way.
import t from 'tap';
import { parse } from 'yaml';
import { installProgram } from '../../lib/sim/image.js';
import { parseKubeconfig } from '../../lib/sim/kubeconfig.js';
import { parseCertificate } from '../../lib/sim/pki.js';
import { cutMachine } from '../../lib/sim/power.js';
import { numberAt, textAt } from '../../lib/sim/tree.js';
import type { KubeadmLab } from '../helpers/kubeadm-lab.js';
import {
  KUBECTL,
  holders,
  longestOutage,
  must,
  newKubeadm,
  newKubelet,
  upgradeLab,
} from '../helpers/upgrade-lab.js';

const MANIFESTS = '/etc/kubernetes/manifests';
const TMP = '/etc/kubernetes/tmp';

function image(lab: KubeadmLab, name: string, component: string): string {
  const manifest = parse(lab.machine(name).disk.read(`${MANIFESTS}/${component}.yaml`) ?? '') as unknown;
  return textAt(manifest, 'spec', 'containers', 0, 'image') ?? '';
}

function expiries(lab: KubeadmLab, name: string): Record<string, number> {
  const { disk } = lab.machine(name);
  const pki = ['apiserver', 'apiserver-etcd-client', 'front-proxy-client', 'etcd/server', 'etcd/peer'];
  const files = ['admin.conf', 'controller-manager.conf', 'scheduler.conf', 'kubelet.conf'];
  return Object.fromEntries([
    ...pki.map((file): [string, number] => {
      const text = disk.read(`/etc/kubernetes/pki/${file}.crt`) ?? '';
      return [file, parseCertificate(text)?.notAfterMs ?? 0];
    }),
    ...files.map((file): [string, number] => {
      const text = disk.read(`/etc/kubernetes/${file}`) ?? '';
      return [
        file,
        parseKubeconfig(lab.world.documents, text, (path) => disk.read(path))?.client?.notAfterMs ?? 0,
      ];
    }),
  ]);
}

function nodeVersions(lab: KubeadmLab): string[] {
  const path = 'jsonpath={.items[*].status.nodeInfo.kubeletVersion}';
  return lab
    .exec('cp-1', [...KUBECTL, 'get', 'nodes', '-o', path])
    .stdout.trim()
    .split(' ');
}

t.test('from 1.31.4 to 1.32.0, node by node', async (t) => {
  const lab = upgradeLab();
  const before = expiries(lab, 'cp-1');
  const used = lab.machine('cp-1').disk.usedBytes;
  newKubeadm(lab, 'cp-1');
  const outage = longestOutage(lab, () => {
    const applied = lab.kubeadm('cp-1', 'upgrade', 'apply', 'v1.32.0', '-y');
    t.equal(applied.code, 0, applied.stderr);
    t.match(applied.stdout, /Skipping upgrade of addons because control plane instances \[cp-2 cp-3\]/);
    t.ok(applied.tookMs > 60_000 && applied.tookMs < 240_000, `took ${applied.tookMs} ms`);
  });
  t.ok(outage > 500 && outage < 40_000, `the floating address was silent for ${outage} ms`);
  t.equal(image(lab, 'cp-1', 'kube-apiserver'), 'registry.k8s.io/kube-apiserver:v1.32.0');
  t.equal(image(lab, 'cp-1', 'etcd'), 'registry.k8s.io/etcd:3.5.16-0');
  t.equal(image(lab, 'cp-2', 'kube-apiserver'), 'registry.k8s.io/kube-apiserver:v1.31.4');
  for (const [file, notAfterMs] of Object.entries(expiries(lab, 'cp-1'))) {
    const renewed = notAfterMs > (before[file] ?? 0);
    t.equal(renewed, file !== 'kubelet.conf', `${file} ${renewed ? 'renewed' : 'as it was'}`);
  }
  const grown = lab.machine('cp-1').disk.usedBytes - used;
  t.ok(grown > 125e6, `the copy of etcd's data stays: ${grown} bytes more`);
  const kept = lab
    .machine('cp-1')
    .disk.list(TMP)
    .map((name) => name.replace(/[-\d]+$/, ''));
  t.strictSame(kept, ['kubeadm-backup-etcd', 'kubeadm-backup-manifests', 'kubeadm-kubelet-config']);

  const holder = holders(lab);
  const swap = longestOutage(lab, () => {
    newKubelet(lab, 'cp-1');
  });
  t.ok(swap < 40_000, `a kubelet of another minor restarts the static pods: silent for ${swap} ms`);
  t.strictSame(nodeVersions(lab), ['v1.32.0', 'v1.31.4', 'v1.31.4', 'v1.31.4']);
  if (holder.includes('cp-1')) t.notSame(holders(lab), ['cp-1'], 'its address went to another');

  for (const name of ['cp-2', 'cp-3']) {
    newKubeadm(lab, name);
    const result = must(lab, name, 'kubeadm upgrade node');
    if (name === 'cp-2') t.match(result.stdout, /control plane instances \[cp-3\] have not been upgraded/);
    else t.match(result.stdout, /essential addon: CoreDNS\n.*essential addon: kube-proxy/);
    newKubelet(lab, name);
  }
  newKubeadm(lab, 'worker-1');
  const worker = must(lab, 'worker-1', 'kubeadm upgrade node');
  t.match(worker.stdout, /Skipping prepull. Not a control plane node/);
  t.ok(worker.tookMs < 10_000);
  newKubelet(lab, 'worker-1');
  t.strictSame(nodeVersions(lab), ['v1.32.0', 'v1.32.0', 'v1.32.0', 'v1.32.0']);
  const images = 'jsonpath={.items[*].spec.containers[0].image}';
  const pods = lab.exec('cp-1', [...KUBECTL, 'get', 'pods', '-A', '-o', images]).stdout;
  t.notMatch(pods, /v1\.31\.4/, 'kube-proxy rolls, and nothing of the old release runs');
  t.notMatch(lab.exec('cp-1', [...KUBECTL, 'get', 'jobs', '-A']).stdout, /health-check/, 'no Job stays');
  const stored = lab.exec('cp-1', [
    ...KUBECTL,
    '-n',
    'kube-system',
    'get',
    'cm',
    'kubeadm-config',
    '-o',
    'yaml',
  ]);
  t.match(stored.stdout, /kubernetesVersion: v1\.32\.0/);

  const down = lab.kubeadm('cp-1', 'upgrade', 'apply', 'v1.31.4', '-y');
  t.equal(down.code, 1, 'a minor back only with --force');
  t.match(down.stderr, /Kubeadm version v1\.32\.0 can only be used to upgrade to Kubernetes version 1\.32/);
  t.match(down.stderr, /Can be bypassed if you pass the --force flag/);
  t.equal(image(lab, 'cp-1', 'kube-apiserver'), 'registry.k8s.io/kube-apiserver:v1.32.0');
});

t.test('what is refused changes nothing', async (t) => {
  const lab = upgradeLab({ controlPlanes: 1, workers: 0 });
  const own = lab.kubeadm('cp-1', 'upgrade', 'apply', 'v1.32.0', '-y');
  t.match(own.stderr, /at least one minor release higher than the kubeadm minor release \(32 > 31\)/);
  t.equal(own.code, 1);
  installProgram(lab.machine('cp-1'), 'kubeadm', 'v1.32.0');
  const two = lab.kubeadm('cp-1', 'upgrade', 'apply', 'v1.33.0', '-y');
  t.match(
    two.stderr,
    /error execution phase preflight: the --version argument is invalid due to these fatal/,
  );
  t.match(two.stderr, /"v1\.33\.0" is too high; kubeadm can upgrade only 1 minor version at a time/);
  const newer = lab.kubeadm('cp-1', 'upgrade', 'apply', 'v1.32.3', '-y');
  t.match(newer.stderr, /"v1\.32\.3" is higher than the kubeadm version "v1\.32\.0"/);
  const asked = lab.kubeadm('cp-1', 'upgrade', 'apply', 'v1.32.0');
  t.match(asked.stdout, /Are you sure you want to proceed\? \[y\/N\]: $/);
  t.equal(asked.code, 1, 'nobody said yes');
  installProgram(lab.machine('cp-1'), 'kubeadm', 'v1.33.0');
  const far = lab.kubeadm('cp-1', 'upgrade', 'plan', 'v1.33.0');
  t.match(far.stderr, /only supports deploying clusters with the control plane version >= 1\.32\.0/);
  t.equal(far.code, 1);
  t.equal(image(lab, 'cp-1', 'kube-apiserver'), 'registry.k8s.io/kube-apiserver:v1.31.4');
  t.notOk(lab.machine('cp-1').disk.exists(TMP));

  installProgram(lab.machine('cp-1'), 'kubeadm', 'v1.31.9');
  const patch = lab.kubeadm('cp-1', 'upgrade', 'apply', 'v1.31.9', '-y');
  t.equal(patch.code, 0, patch.stderr);
  t.match(patch.stdout, /\[upgrade\/successful\] SUCCESS! Your cluster was upgraded to "v1\.31\.9"\. Enjoy!/);
  t.match(patch.stdout, /manifests of etcd are equal, skipping upgrade|Component "etcd" upgraded/);
});

t.test('health checks stand before an upgrade, trouble on the way rolls it back', async (t) => {
  const lab = upgradeLab();
  newKubeadm(lab, 'cp-1');
  const config = `apiVersion: kubeadm.k8s.io/v1beta4
kind: UpgradeConfiguration
apply: {kubernetesVersion: v1.32.0, imagePullPolicy: Never, forceUpgrade: true}
timeouts: {upgradeManifests: 1m0s, controlPlaneComponentHealthCheck: 20m0s}
`;
  lab.write('cp-1', '/opt/lab/upgrade.yaml', config);
  must(lab, 'cp-1', 'crictl pull registry.k8s.io/etcd:3.5.16-0');
  lab.write('cp-1', '/etc/resolv.conf', '');
  const failed = lab.kubeadm('cp-1', 'upgrade', 'apply', '--config', '/opt/lab/upgrade.yaml');
  t.equal(failed.code, 1);
  t.match(failed.stdout, /This can take up to 1m0s/);
  t.match(
    failed.stderr,
    /couldn't complete the static pod upgrade: couldn't upgrade control plane\. kubeadm has tried to recover/,
  );
  t.equal(image(lab, 'cp-1', 'kube-apiserver'), 'registry.k8s.io/kube-apiserver:v1.31.4', 'put back');
  t.equal(image(lab, 'cp-1', 'etcd'), 'registry.k8s.io/etcd:3.5.16-0', 'etcd came up and stays');
  lab.pass(120_000);
  must(lab, 'cp-1', 'curl -k -s -f https://192.168.62.11:6443/livez');
  lab.write('cp-1', '/etc/resolv.conf', 'nameserver 192.168.121.1\n');

  // Room for the four images that are missing, and not for a copy of etcd's data after them.
  const roomMiB = Math.floor(lab.machine('cp-1').disk.freeBytes / 1_048_576) - 450;
  must(lab, 'cp-1', `fallocate -l ${roomMiB}M /root/big`);
  const full = lab.kubeadm('cp-1', 'upgrade', 'apply', 'v1.32.0', '-y');
  t.equal(full.code, 1);
  t.match(full.stderr, /failed to back up etcd data, output: "cp: error writing .*No space left on device/);
  t.match(must(lab, 'cp-1', 'df -h /').stdout, / 100% \/\n/);
  must(lab, 'cp-1', 'rm /root/big');

  lab.world.scheduler.spawn(
    lab.world.group,
    'cut',
    (function* cut() {
      yield* [];
      cutMachine(lab.machine('cp-2'));
    })(),
  );
  lab.pass(180_000);
  const refused = lab.kubeadm('cp-1', 'upgrade', 'apply', 'v1.32.0', '-y');
  t.equal(refused.code, 1);
  t.match(
    refused.stderr,
    /\[ERROR ControlPlaneNodesReady\]: there are NotReady control-planes in the cluster: \[cp-2\]/,
  );
  t.match(refused.stderr, /you can make a check non-fatal with `--ignore-preflight-errors=...`/);
  const manifest = parse(lab.machine('cp-1').disk.read(`${MANIFESTS}/etcd.yaml`) ?? '') as unknown;
  t.equal(
    numberAt(manifest, 'spec', 'containers', 0, 'startupProbe', 'failureThreshold'),
    120,
    'time-outs of an UpgradeConfiguration reach the probes',
  );
});
