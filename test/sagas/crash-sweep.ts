/**
 * The bootstrap killed everywhere, and what makes two labs differ. HAProxy has its own file, to run beside this one.
 */
import t from 'tap';
import { canonicalJson } from '../../lib/base/digest.js';
import { must } from '../../lib/base/errors.js';
import { kubeVipManifest } from '../../lib/generate/kube-vip.js';
import { ADMIN_CONF, KUBE_VIP_MANIFEST } from '../../lib/generate/paths.js';
import type { SimProvider } from '../../lib/provider/sim/sim-provider.js';
import { etcdctlArgv } from '../../lib/sagas/etcd.js';
import { SMALL, sweepBootstrap } from '../helpers/bootstrap-sweep.js';
import { bootstrapOnSim, labOf } from '../helpers/sim-lab.js';
import { worldShape } from '../helpers/world-shape.js';

const MINUTE_MS = 60_000;

t.setTimeout(20 * MINUTE_MS);

void t.test('a bootstrap with kube-vip, killed anywhere', (t) =>
  sweepBootstrap(t, SMALL, { all: 1, some: 17 }),
);

void t.test('a bootstrap with Cilium, Longhorn and ingress-nginx', (t) =>
  sweepBootstrap(t, {}, { all: 19, some: 61 }),
);

void t.test('what must not be left changes the shape', async (t) => {
  const lab = labOf(SMALL);
  const first = must(lab.machines[0], 'a lab has machines').name;
  const worker = must(lab.machines.at(-1), 'a lab has machines').name;
  const vip = must(lab.vip, 'the lab has a floating address').address;
  const run = async (provider: SimProvider, machine: string, ...argv: readonly string[]): Promise<void> => {
    const ended = await provider.shell(machine).run({ argv, timeoutMs: MINUTE_MS });
    t.match(ended, { kind: 'exited', code: 0 }, argv.join(' '));
  };
  const write = (provider: SimProvider, machine: string, path: string, text: string): Promise<void> =>
    provider.shell(machine).writeFile(path, text, { timeoutMs: MINUTE_MS });
  const planted: Record<string, (provider: SimProvider) => Promise<void>> = {
    'a stale etcd member': (p) =>
      run(p, first, ...etcdctlArgv('member', 'add', 'gone', '--peer-urls', 'https://192.168.62.99:2380')),
    'a kube-vip that mounts super-admin.conf': (p) =>
      write(p, first, KUBE_VIP_MANIFEST, kubeVipManifest(lab, 'bootstrap')),
    'the address on one more machine': (p) => run(p, worker, 'ip', 'addr', 'add', `${vip}/32`, 'dev', 'eth1'),
    'a cordoned node': (p) => run(p, first, 'kubectl', '--kubeconfig', ADMIN_CONF, 'cordon', worker),
    'a deleted node': (p) => run(p, first, 'kubectl', '--kubeconfig', ADMIN_CONF, 'delete', 'node', worker),
    'a leftover file': (p) => write(p, worker, '/etc/kubernetes/manifests/left.yaml', 'kind: Pod\n'),
    'a changed file': (p) => write(p, worker, '/etc/hosts', '127.0.0.1 localhost\n'),
    'a stopped kubelet': (p) => run(p, worker, 'systemctl', 'stop', 'kubelet'),
    'a disabled kubelet': (p) => run(p, worker, 'systemctl', 'disable', 'kubelet'),
    'a machine that is off': (p) => p.power(worker, 'halt'),
  };
  const clean = canonicalJson(worldShape((await bootstrapOnSim(lab)).provider.world, lab));
  t.equal(canonicalJson(worldShape((await bootstrapOnSim(lab, { seed: 2 })).provider.world, lab)), clean);
  for (const [name, plant] of Object.entries(planted)) {
    const { provider } = await bootstrapOnSim(lab);
    await plant(provider);
    t.not(canonicalJson(worldShape(provider.world, lab)), clean, name);
  }
});
