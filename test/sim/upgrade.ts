// kubeadm upgrade on simulated machines.
import t from 'tap';
import { installProgram } from '../../lib/sim/image.js';
import { KubeadmLab } from '../helpers/kubeadm-lab.js';

const lab = new KubeadmLab({ controlPlanes: 3, workers: 1 });
for (const m of lab.world.machines.values())
  lab.write(
    m.name,
    '/etc/cni/net.d/10-bridge.conflist',
    '{"cniVersion":"1.0.0","name":"bridge","plugins":[{"type":"bridge","bridge":"cni0","ipam":{"type":"host-local","ranges":[[{"subnet":"10.244.0.0/24"}]]}}]}',
  );
t.equal(lab.initFirst().code, 0);
lab.pass(10000);
for (const n of ['cp-2', 'cp-3', 'worker-1']) {
  if (n.startsWith('cp')) lab.placeKubeVip(n, '/etc/kubernetes/admin.conf');
  t.equal(lab.join(n).code, 0);
  lab.pass(10000);
}
lab.pass(60000);
const show = (r: unknown): void => {
  const x = r as { code: number; stdout: string; stderr: string; tookMs: number };
  console.error(x.stdout, x.stderr, x.code, x.tookMs);
};
show(
  lab.exec('cp-1', [
    'kubectl',
    '--kubeconfig',
    '/etc/kubernetes/admin.conf',
    'get',
    'pods',
    '-A',
    '-o',
    'wide',
  ]),
);
for (const m of lab.world.machines.values()) installProgram(m, 'kubeadm', 'v1.32.0');
show(lab.kubeadm('cp-1', 'upgrade', 'plan', 'v1.32.0'));
show(lab.kubeadm('cp-1', 'upgrade', 'apply', 'v1.32.0', '-y'));
for (const n of ['cp-2', 'cp-3', 'worker-1']) show(lab.kubeadm(n, 'upgrade', 'node'));
show(
  lab.exec('cp-1', [
    'kubectl',
    '--kubeconfig',
    '/etc/kubernetes/admin.conf',
    'get',
    'pods',
    '-A',
    '-o',
    'wide',
  ]),
);
