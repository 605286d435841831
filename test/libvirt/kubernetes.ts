/**
 * Real Kubernetes, where HOMELAB_BUNDLE names a bundle: three control planes behind kube-vip and a worker, on software
 * emulation, from nothing to a lost holder of the API's address and back to nothing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import type { StatusDocument } from '../../lib/cli/commands/status.js';
import type { SagaDocument } from '../../lib/cli/operation.js';
import { boxImage, boxNames, sha256Of, vagrantKeyFile } from './helpers/box.js';
import { makeLabOf, notPrepared, type TestLab } from './helpers/lab.js';
import { ran } from './helpers/programs.js';
import { type } from './helpers/show.js';
import { waitUntil, watch } from './helpers/watch.js';

t.setTimeout(4 * 60 * 60_000);

const bundle = process.env['HOMELAB_BUNDLE'];
const skip = bundle === undefined ? 'HOMELAB_BUNDLE names no bundle' : notPrepared();
const NAME = 'tk';
const VIP = '192.168.89.5';

/** Timers of the lease that homelab stretches by 10: 50 s, and as much again for what an overloaded computer adds. */
const FAIL_OVER_S = 600;
/** A control plane that was cut boots, and its API server is ready long after that. */
const RETURN_S = 45 * 60;

function configurationOf(folder: string): string {
  const { kubernetes } = parse(readFileSync(join(folder, 'bundle.yaml'), 'utf8')) as { kubernetes: string[] };
  const box = boxImage(process.env['HOMELAB_TEST_BOX'] ?? '');
  const machines = (count: number): string => `{ count: ${count}, cpus: 2, memory: 2GiB }`;
  const kubeVip = kubeVipVersion(folder);
  return [
    ...[`name: ${NAME}`, 'provider: libvirt', `bundle: ${folder}`, 'k8s:', '  topology: k8s-ha'],
    ...[`  version: ${kubernetes[0] ?? ''}`, '  cni: bridge', '  csi: none', '  ingress: none'],
    ...[`  control_planes: ${machines(3)}`, `  workers: ${machines(1)}`, '  ha:', `    api_vip: ${VIP}`],
    ...(kubeVip === null ? [] : [`    kube_vip_version: ${kubeVip}`, '    allow_untested: true']),
    ...['vos:', '  subnet: 192.168.89', '  driver: qemu', '  time_scale: 10'],
    ...['image:', `  base: ${box}`, `  checksum: sha256:${sha256Of(box)}`],
    ...['  ssh_user: vagrant', `  ssh_key: ${vagrantKeyFile()}`, ''],
  ].join('\n');
}

/** The release whose image the bundle brings, which need not be homelab's default. Null when it brings none. */
function kubeVipVersion(folder: string): string | null {
  const { stdout } = ran(process.execPath, [
    ...['bin/homelab.js', 'bundle', 'verify', folder, '-o', 'json'],
    ...['--cni', 'bridge', '--csi', 'none', '--ingress', 'none'],
  ]);
  const { images } = JSON.parse(stdout) as { images: readonly string[] };
  return /kube-vip\/kube-vip(?:-iptables)?:(v[\d.]+)/.exec(images.join('\n'))?.[1] ?? null;
}

async function statusOf(t: Test, lab: TestLab): Promise<StatusDocument> {
  return JSON.parse((await type(t, lab, 'status -o json', 0)).stdout) as StatusDocument;
}

/** Asked from outside, as every client of the cluster would. */
function apiAnswers(): boolean {
  const asked = ran('curl', [
    '-sk',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '-m',
    '5',
    `https://${VIP}:6443/livez`,
  ]);
  return asked.stdout === '200';
}

function isWhole({ nodes, etcd, vip, api, machines }: StatusDocument): boolean {
  const ready = (nodes ?? []).filter((node) => node.ready).length;
  const healthy = (etcd.members ?? []).filter((member) => member.healthy && !member.learner).length;
  const counts = [machines.length, ready, healthy, etcd.tolerance, vip?.holders.length];
  return api.available && counts.join() === '4,4,3,1,1';
}

void t.test('k8s-ha with real kubeadm, kubelet, etcd and kube-vip', { skip }, async (t) => {
  const lab = makeLabOf(t, NAME, configurationOf(bundle ?? ''));
  await type(t, lab, `bundle verify ${bundle ?? ''}`, 0);
  const up = await type(t, lab, 'up -o json', 0);
  t.match(JSON.parse(up.stdout), { outcome: 'completed' });
  const whole = await statusOf(t, lab);
  t.ok(isWhole(whole), 'four machines, four nodes Ready, three members, one holder of the address');
  t.ok(whole.nodes?.every(({ version }) => version === lab.spec.kubernetes.version));
  await type(t, lab, 'kubectl get nodes -o wide', 0);
  await type(t, lab, 'kubectl get pods -A -o wide', 0);
  t.ok(apiAnswers(), 'the API answers at its address, seen from outside');

  await t.test('the holder of the address loses its power', (t) =>
    failOver(t, lab, whole.vip?.holders[0] ?? ''),
  );

  const { stdout } = await type(t, lab, 'destroy -y -o json', 0);
  t.strictSame((JSON.parse(stdout) as SagaDocument).residue, []);
  t.strictSame(lab.leftovers(), [], 'nothing of the lab is left');
  const images = boxNames().filter((name) => name.startsWith('homelab/node-'));
  t.comment(`node images that stay for the next lab: ${images.join(', ')}`);
});

async function failOver(t: Test, lab: TestLab, holder: string): Promise<void> {
  const watching = watch(VIP);
  await type(t, lab, `machine cut ${holder}`, 0);
  const backMs = await waitUntil(apiAnswers, FAIL_OVER_S);
  const { sent, lost } = await watching.stop();
  t.ok(backMs !== null, 'the API answers at its address again');
  t.ok(lost > 0, 'the loss was seen from outside');
  t.comment(`back ${((backMs ?? NaN) / 1_000).toFixed(1)} s after the cut; ${lost} of ${sent} pings lost`);
  const moved = await statusOf(t, lab);
  t.equal(moved.vip?.holders.length, 1, 'one machine holds the address');
  t.not(moved.vip?.holders[0], holder, 'and it is another one');
  t.equal(moved.etcd.tolerance, 0, 'etcd has no member to spare now');
  await type(t, lab, 'kubectl get nodes', 0);
  await type(t, lab, `machine start ${holder}`, 0);
  const wholeAgain = async (): Promise<boolean> =>
    isWhole(JSON.parse((await lab.homelab('status -o json')).stdout) as StatusDocument);
  const wholeMs = await waitUntil(wholeAgain, RETURN_S, 20_000);
  await type(t, lab, 'status', 0);
  t.ok(wholeMs !== null, 'with its power, the cluster is whole again');
}
