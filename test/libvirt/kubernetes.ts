/**
 * Real Kubernetes, where HOMELAB_BUNDLE names a bundle: three control planes behind kube-vip and a worker, on software
 * emulation, from nothing to a lost holder of the API's address, on to the next version that the bundle brings, and
 * back to nothing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import type { StatusDocument } from '../../lib/cli/commands/status.js';
import type { SagaDocument } from '../../lib/cli/operation.js';
import { must } from '../../lib/base/errors.js';
import { compareVersions, parseVersion, printVersion } from '../../lib/model/version.js';
import { boxImage, boxNames, sha256Of, vagrantKeyFile } from './helpers/box.js';
import { makeLabOf, notPrepared, type TestLab } from './helpers/lab.js';
import { ran } from './helpers/programs.js';
import { show, type } from './helpers/show.js';
import { waitUntil, watch } from './helpers/watch.js';

t.setTimeout(6 * 60 * 60_000);

const bundle = process.env['HOMELAB_BUNDLE'];
const skip = bundle === undefined ? 'HOMELAB_BUNDLE names no bundle' : notPrepared();
const NAME = 'tk';
const VIP = '192.168.89.5';

/** Timers of the lease that homelab stretches by 10: 50 s, and as much again for what an overloaded computer adds. */
const FAIL_OVER_S = 600;
/** A control plane that was cut boots, and its API server is ready long after that. */
const RETURN_S = 45 * 60;

/** What the bundle brings, oldest first: the lab is of the first one, and goes to the newest of the next minor. */
function versionsOf(folder: string): { readonly from: string; readonly to: string | null } {
  const { kubernetes } = parse(readFileSync(join(folder, 'bundle.yaml'), 'utf8')) as { kubernetes: string[] };
  const versions = kubernetes.map((text) => must(parseVersion(text), `${text} is a version`));
  const [first, ...others] = versions.sort(compareVersions);
  const from = must(first, 'the bundle brings a version');
  const next = others.filter(({ minor }) => minor - from.minor <= 1).at(-1);
  return { from: printVersion(from), to: next === undefined ? null : printVersion(next) };
}

function configurationOf(folder: string, version: string): string {
  const box = boxImage(process.env['HOMELAB_TEST_BOX'] ?? '');
  const machines = (count: number): string => `{ count: ${count}, cpus: 2, memory: 2GiB }`;
  const kubeVip = kubeVipVersion(folder);
  return [
    ...[`name: ${NAME}`, 'provider: libvirt', `bundle: ${folder}`, 'k8s:', '  topology: k8s-ha'],
    ...[`  version: ${version}`, '  cni: bridge', '  csi: none', '  ingress: none'],
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

async function isWholeNow(lab: TestLab): Promise<boolean> {
  const { code, stdout } = await lab.homelab('status -o json');
  return code === 0 && isWhole(JSON.parse(stdout) as StatusDocument);
}

void t.test('k8s-ha with real kubeadm, kubelet, etcd and kube-vip', { skip }, async (t) => {
  const { from, to } = versionsOf(bundle ?? '');
  const lab = makeLabOf(t, NAME, configurationOf(bundle ?? '', from));
  await type(t, lab, `bundle verify ${bundle ?? ''}${to === null ? '' : ` --upgrade-to ${to}`}`, 0);
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

  const isOne = to === null ? { skip: 'the bundle brings one version only' } : {};
  await t.test('to the next version that the bundle brings', isOne, (t) => upgraded(t, lab, to ?? ''));

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
  const wholeMs = await waitUntil(() => isWholeNow(lab), RETURN_S, 20_000);
  await type(t, lab, 'status', 0);
  t.ok(wholeMs !== null, 'with its power, the cluster is whole again');
}

/** The address is watched meanwhile: every restart of an API server may move it, and none may keep it away for good. */
async function upgraded(t: Test, lab: TestLab, to: string): Promise<void> {
  const linted = await lab.homelab(`lint --to ${to}`);
  show(t, `lint --to ${to}`, linted, 0);
  await type(t, lab, `k8s upgrade --to ${to} --dry-run`, 0);
  // Everything of a lab that is well can be read, and copies of it come to a good end.
  await type(t, lab, 'k8s inventory', 0);
  const rehearsed = await type(t, lab, `k8s upgrade --to ${to} --rehearse --runs 3 -o json`, 0);
  t.match(JSON.parse(rehearsed.stdout), { completed: 3, assumed: [] });
  const watching = watch(VIP);
  const { stdout } = await type(t, lab, `k8s upgrade --to ${to} -o json`, 0);
  const { sent, lost } = await watching.stop();
  const { outcome, durationMs, steps } = JSON.parse(stdout) as SagaDocument;
  t.equal(outcome, 'completed');
  t.comment(`took ${Math.round(durationMs / 1_000)} s; ${lost} of ${sent} pings of the address lost`);
  for (const { key, durationMs: ms } of steps) t.comment(`  ${((ms ?? 0) / 1_000).toFixed(1)} s  ${key}`);
  await type(t, lab, 'kubectl get nodes -o wide', 0);
  await type(t, lab, 'kubectl get pods -A -o wide', 0);
  // An overloaded computer may lose a node's heartbeats for a moment.
  const wholeMs = await waitUntil(() => isWholeNow(lab), RETURN_S, 20_000);
  t.ok(wholeMs !== null, 'four nodes Ready, three members, one holder of the address');
  const now = await statusOf(t, lab);
  t.strictSame([...new Set(now.nodes?.map(({ version }) => version))], [to], 'every kubelet is new');
  t.ok(apiAnswers(), 'the API answers at its address, seen from outside');
  await type(t, lab, 'etcd status', 0);
  await type(t, lab, `k8s upgrade --to ${to}`, 0);
}
