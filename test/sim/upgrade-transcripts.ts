// The simulated kubeadm upgrade prints what the real one printed, with each difference named.
import t from 'tap';
import type { Test } from 'tap';
import { installProgram } from '../../lib/sim/image.js';
import { kubeVipManifest, VIP, type KubeadmLab } from '../helpers/kubeadm-lab.js';
import { cutMachine } from '../../lib/sim/power.js';
import { must, upgradeLab } from '../helpers/upgrade-lab.js';
import { transcript } from '../helpers/transcripts.js';

/** Both sides, what cannot be equal from run to run. */
const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [
  [/(kubeadm-(?:upgraded-manifests|kubelet-config))\d+/g, '$1<random>'],
  [/(kubeadm-backup-\w+)-[-\d]+\d/g, '$1-<stamp>'],
  [/upgrade-health-check-\d+/g, 'upgrade-health-check-<millis>'],
  [/^W\d{4} [\d:.]+ +\d+ /gm, 'W<stamp> '],
  [/[A-Z][a-z]{2} \d\d, \d{4} \d\d:\d\d UTC/g, '<day>'],
  [/ +/g, ' '],
];

/** The recorded build pins one etcd for both minors; the releases do not. Alignment is compared elsewhere. */
const ETCD = /3\.5\.24-0( +|",\s+"newVersion": ")3\.5\.24-0/g;

function adapt(text: string): string {
  return PLACEHOLDERS.reduce(
    (changed, [pattern, word]) => changed.replace(pattern, word),
    text.replace(ETCD, '3.5.15-0$13.5.16-0'),
  );
}

function replay(t: Test, lab: KubeadmLab, name: string): void {
  const real = transcript(name);
  const result = lab.exec(real.machine, real.argv);
  t.equal(adapt(result.stdout), adapt(real.stdout), `${name}: stdout`);
  t.equal(adapt(result.stderr), adapt(real.stderr), `${name}: stderr`);
  t.equal(result.code, real.exitCode, `${name}: exit code`);
}

/** Where the health check's Job goes, its image is missing and cannot be pulled: it does not end within 15 s. */
function hinderJobs(lab: KubeadmLab): void {
  const { disk } = lab.machine('worker-1');
  const images = '/var/lib/containerd/images.list';
  const left = (disk.read(images) ?? '').split('\n').filter((line) => !line.includes('/pause:'));
  lab.write('worker-1', images, left.join('\n'));
  lab.write('worker-1', '/etc/resolv.conf', '');
  const nodes = ['cp-1', 'cp-2', 'cp-3'].join(' ');
  must(lab, 'cp-1', `kubectl --kubeconfig /etc/kubernetes/admin.conf cordon ${nodes}`);
}

t.test('plan, apply, the certificates afterwards, and a further control plane', async (t) => {
  const lab = upgradeLab();
  hinderJobs(lab);
  for (const machine of lab.world.machines.values()) installProgram(machine, 'kubeadm', 'v1.32.0');
  replay(t, lab, '083-upgrade-plan-text');
  replay(t, lab, '084-upgrade-plan-json');
  replay(t, lab, '085-upgrade-apply');
  replay(t, lab, '099-certs-check-after-upgrade');
  replay(t, lab, '101-upgrade-node-cp-3-again');
  must(lab, 'cp-2', 'kubeadm upgrade node');
  replay(t, lab, '111-upgrade-diff-plan-after');
});

t.test('upgrade node while the API hangs: one of two voters is left', async (t) => {
  const lab = upgradeLab();
  // With the Lease of the recorded manifest the holder keeps the address for as long as the request lasts.
  const long = { vip_leaseduration: 15, vip_renewdeadline: 10, vip_retryperiod: 2 };
  const manifest = Object.entries(long).reduce(
    (text, [name, seconds]) => text.replace(new RegExp(`(${name}, value: )"\\d+"`), `$1"${seconds}"`),
    kubeVipManifest('/etc/kubernetes/admin.conf'),
  );
  for (const name of ['cp-1', 'cp-2', 'cp-3'])
    lab.write(name, '/etc/kubernetes/manifests/kube-vip.yaml', manifest);
  lab.pass(120_000);
  const holder = [...lab.world.machines.values()].find((one) => one.labNic.addresses.has(VIP))?.name ?? '';
  installProgram(lab.machine('cp-3'), 'kubeadm', 'v1.32.0');
  for (const name of ['cp-1', 'cp-2'].filter((one) => one !== holder)) cutMachine(lab.machine(name));
  must(lab, 'cp-3', 'mv /etc/kubernetes/manifests/etcd.yaml /etc/kubernetes/etcd.yaml');
  lab.pass(3_000);
  t.not(holder, 'cp-3');
  replay(t, lab, '095-upgrade-node-cp-3');
});
