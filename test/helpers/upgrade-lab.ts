// A highly available cluster on simulated machines, upgraded by the commands of the documentation.
import t from 'tap';
import { waitFor } from '../../lib/sim/task.js';
import { KubeadmLab, VIP, type LabOptions, type Result } from './kubeadm-lab.js';

const SETTLE_MS = 10_000;
const CONFLIST = JSON.stringify({ cniVersion: '1.0.0', name: 'homelab', plugins: [{ type: 'bridge' }] });
export const KUBECTL = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'];

/** Three control planes and a worker of v1.31.4, networked and settled. */
export function upgradeLab(options: LabOptions = {}): KubeadmLab {
  const lab = new KubeadmLab({ controlPlanes: 3, workers: 1, ...options });
  for (const { name } of lab.world.machines.values())
    lab.write(name, '/etc/cni/net.d/10-bridge.conflist', CONFLIST);
  t.equal(lab.initFirst().code, 0, 'init');
  lab.pass(SETTLE_MS);
  for (const { name, options: machine } of lab.world.machines.values()) {
    if (name === 'cp-1') continue;
    if (machine.role === 'control-plane') lab.placeKubeVip(name, '/etc/kubernetes/admin.conf');
    const joined = lab.join(name);
    t.equal(joined.code, 0, `join of ${name}${joined.code === 0 ? '' : `: ${joined.stderr}`}`);
    lab.pass(SETTLE_MS);
  }
  lab.pass(60_000);
  return lab;
}

/** Runs a line of words that must succeed. */
export function must(lab: KubeadmLab, name: string, line: string): Result {
  const result = lab.exec(name, line.split(' '));
  t.equal(result.code, 0, `${name}: ${line}${result.code === 0 ? '' : `: ${result.stderr}`}`);
  return result;
}

export function useRepository(lab: KubeadmLab, name: string, minor: string): void {
  const key = '/etc/apt/keyrings/kubernetes-apt-keyring.gpg';
  const url = `https://pkgs.k8s.io/core:/stable:/${minor}/deb/`;
  lab.write(name, '/etc/apt/sources.list.d/kubernetes.list', `deb [signed-by=${key}] ${url} /\n`);
  must(lab, name, 'apt-get update');
}

export function install(lab: KubeadmLab, name: string, version: string, ...programs: string[]): void {
  must(lab, name, `apt-mark unhold ${programs.join(' ')}`);
  const wanted = programs.map((program) => `${program}=${version}`).join(' ');
  must(lab, name, `apt-get install -y ${wanted}`);
  must(lab, name, `apt-mark hold ${programs.join(' ')}`);
}

/** kubeadm of the new minor on a machine. */
export function newKubeadm(lab: KubeadmLab, name: string): void {
  useRepository(lab, name, 'v1.32');
  install(lab, name, '1.32.0-1.1', 'kubeadm');
}

/** Drains a node, installs its kubelet and kubectl, restarts the kubelet, and lets the node be used again. */
export function newKubelet(lab: KubeadmLab, name: string): void {
  const kubectl = KUBECTL.join(' ');
  must(lab, 'cp-1', `${kubectl} drain ${name} --ignore-daemonsets --delete-emptydir-data`);
  install(lab, name, '1.32.0-1.1', 'kubelet', 'kubectl');
  must(lab, name, 'systemctl daemon-reload');
  must(lab, name, 'systemctl restart kubelet');
  lab.pass(120_000);
  must(lab, 'cp-1', `${kubectl} uncordon ${name}`);
}

/** Asks the floating address for /livez twice a second while `body` runs; the longest time without a 200, in ms. */
export function longestOutage(lab: KubeadmLab, body: () => void): number {
  const { world } = lab;
  let goodMs = world.nowMs;
  let longestMs = 0;
  const task = world.scheduler.spawn(world.group, 'probe', probe());
  function* probe() {
    for (;;) {
      const ask = { method: 'GET', path: '/livez' };
      const outcome = yield* world.network.exchange(world.host, VIP, 6_443, ask, 500);
      if (outcome.kind === 'response' && outcome.status === 200) {
        longestMs = Math.max(longestMs, world.nowMs - goodMs);
        goodMs = world.nowMs;
      }
      yield* waitFor([], 500);
    }
  }
  body();
  task.kill();
  return Math.max(longestMs, world.nowMs - goodMs);
}

/** Names of the machines that carry the floating address. */
export function holders(lab: KubeadmLab): string[] {
  return [...lab.world.machines.values()]
    .filter((one) => one.labNic.addresses.has(VIP))
    .map((one) => one.name);
}
