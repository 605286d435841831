// kubeadm on simulated machines: a whole control plane comes up, grows, and is taken down again.
import t from 'tap';
import { KubeadmLab } from '../helpers/kubeadm-lab.js';

t.test('init', async (t) => {
  const lab = new KubeadmLab({ controlPlanes: 3, workers: 1 });
  const result = lab.initFirst();
  t.equal(result.code, 0);
  lab.pass(60_000);
  console.error(lab.kubeadm('cp-1', 'token', 'list').stdout);
  for (const name of ['cp-2', 'cp-3', 'worker-1']) {
    if (name !== 'worker-1') lab.placeKubeVip(name, '/etc/kubernetes/admin.conf');
    const joined = lab.join(name);
    console.error(name, joined.code, joined.tookMs, joined.stdout, joined.stderr);
    lab.pass(30_000);
  }
  console.error(lab.kubeadm('cp-2', 'certs', 'check-expiration').stdout);
  for (const name of ['worker-1', 'cp-3', 'cp-2', 'cp-1']) {
    const r = lab.kubeadm(name, 'reset', '--force');
    console.error(name, r.code, r.tookMs, r.stdout, r.stderr);
  }
});
