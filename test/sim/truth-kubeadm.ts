// What docs/simulator.md states of kubeadm and no other test shows: configuration, join commands, waits that end.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import { createMachine, cutMachine } from '../../lib/sim/power.js';
import { parseCertificate } from '../../lib/sim/pki.js';
import { mapAt, textAt } from '../../lib/sim/tree.js';
import { parse } from 'yaml';
import { parseKubeconfig } from '../../lib/sim/kubeconfig.js';
import { Cluster } from '../helpers/cluster.js';
import { KubeadmLab, VIP, initConfig, type Result } from '../helpers/kubeadm-lab.js';

const FILE = '/opt/lab/file.yaml';
const MANIFESTS = '/etc/kubernetes/manifests';
const V1BETA3 = initConfig('v1.31.4')
  .replaceAll('v1beta4', 'v1beta3')
  .replace('[{name: node-ip, value: 192.168.62.11}]', '{node-ip: 192.168.62.11}');

function validate(lab: KubeadmLab, text: string): Result {
  lab.write('cp-1', FILE, text);
  return lab.kubeadm('cp-1', 'config', 'validate', '--config', FILE);
}

/** init with a changed configuration, kube-vip in place. */
function init(lab: KubeadmLab, change: (text: string) => string, ...flags: string[]): Result {
  lab.write('cp-1', FILE, change(initConfig(lab.version)));
  lab.placeKubeVip('cp-1', '/etc/kubernetes/super-admin.conf');
  return lab.kubeadm('cp-1', 'init', '--config', FILE, ...flags);
}

t.test('config APIs by minor, and kinds beside one another', async (t) => {
  const lab = new KubeadmLab();
  t.match(validate(lab, V1BETA3), { code: 0, stdout: 'ok\n' });
  const more = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\nforce: true\n';
  t.match(validate(lab, `${initConfig('v1.31.4')}---\n${more}`), { code: 0, stdout: 'ok\n' });
  const old = validate(lab, `${V1BETA3}---\n${more.replace('v1beta4', 'v1beta3')}`);
  t.equal(old.code, 1, 'v1beta3 has no ResetConfiguration');
  const older = new KubeadmLab({ version: 'v1.30.5' });
  const newer = validate(older, initConfig('v1.30.5'));
  t.equal(newer.code, 1);
  t.match(newer.stderr, /v1beta4/);
  const defaults = lab.kubeadm('cp-1', 'config', 'print', 'init-defaults').stdout;
  for (const line of ['controlPlaneComponentHealthCheck: 4m0s', 'discovery: 5m0s', 'etcdAPICall: 2m0s'])
    t.match(defaults, line);
});

t.test('checks by their names, skipped in any case of letters, and an init over an init', async (t) => {
  const lab = new KubeadmLab({ version: 'v1.32.0' });
  lab.machine('cp-1').disk.remove('/usr/bin/crictl');
  lab.write('cp-1', '/proc/sys/net/ipv4/ip_forward', '0\n');
  const refused = init(lab, (text) => text);
  t.equal(refused.code, 1);
  t.match(refused.stderr, '[ERROR FileContent--proc-sys-net-ipv4-ip_forward]');
  t.notMatch(refused.stderr, 'crictl', 'only 1.31 warns of it');
  const check = 'filecontent--PROC-sys-net-ipv4-ip_forward';
  const ignored = init(lab, (text) => text, `--ignore-preflight-errors=${check}`);
  t.equal(ignored.code, 0, ignored.stderr);
  t.match(ignored.stderr, '[WARNING FileContent--proc-sys-net-ipv4-ip_forward]');
  const vip = lab.machine('cp-1').containers.containers.find((one) => one.name === 'kube-vip');
  t.equal(vip?.attempt, 0, 'kube-vip waited for the API server, it did not crash');
  const again = init(lab, (text) => text);
  t.equal(again.code, 1);
  for (const name of ['Port-6443', 'FileAvailable--etc-kubernetes-manifests-etcd.yaml', 'Port-10250'])
    t.match(again.stderr, `[ERROR ${name}]`);
  t.match(again.stderr, '[ERROR DirAvailable--var-lib-etcd]');
  t.match(lab.kubeadm('cp-1', 'reset', '--force').stdout, 'from the "kubeadm-config" ConfigMap in namespace');
  lab.exec('cp-1', ['ip', 'addr', 'del', `${VIP}/32`, 'dev', 'eth1']);
  t.equal(init(lab, (text) => text, '--ignore-preflight-errors=all').code, 0, 'after a reset it works again');
});

t.test('what init prints for each token, and without its secrets', async (t) => {
  const lab = new KubeadmLab();
  const second = 'bcdefg.0123456789abcdef';
  const twice = (text: string): string =>
    text.replace('ttl: 24h0m0s}]', `ttl: 24h0m0s}, {token: ${second}}]`);
  const result = init(lab, twice);
  t.equal(result.code, 0, result.stderr);
  t.equal(result.stdout.split('initialized successfully!').length, 3, 'the whole block for each token');
  t.match(result.stdout, /--discovery-token-ca-cert-hash sha256:[0-9a-f]{64} \\\n\t--control-plane \n/);
  lab.pass(10_000);
  const line = lab.kubeadm('cp-1', 'token', 'create', '--print-join-command').stdout;
  t.match(line, /^kubeadm join 192\.168\.62\.5:6443 --token \S+ --discovery-token-ca-cert-hash \S+ \n$/);
  const hidden = init(
    new KubeadmLab(),
    (text) => text,
    '--upload-certs',
    '--skip-token-print',
    '--skip-certificate-key-print',
  ).stdout;
  t.match(hidden, /--token <value withheld> \\\n/);
  t.match(hidden, /--certificate-key <value withheld>\n/);
});

t.test('a skipped kube-proxy is written down, and who the two admins are', async (t) => {
  const lab = new Cluster();
  const skipped = (text: string): string =>
    text.replace('nodeRegistration:', 'skipPhases: [addon/kube-proxy]\nnodeRegistration:');
  t.equal(init(lab, skipped, '--upload-certs').code, 0);
  const config = lab
    .list('/api/v1/namespaces/kube-system/configmaps')
    .find((one) => one.metadata.name === 'kubeadm-config');
  const stored = parse(textAt(config, 'data', 'ClusterConfiguration') ?? '') as unknown;
  t.equal(mapAt(stored, 'proxy')['disabled'], true);
  t.notOk(lab.list('/apis/apps/v1/namespaces/kube-system/daemonsets').length, 'and there is none');
  const { disk } = lab.machine('cp-1');
  const who = (name: string): (string | undefined)[] => {
    const text = must(disk.read(`/etc/kubernetes/${name}.conf`), name);
    const client = parseKubeconfig(lab.world.documents, text, (path) => disk.read(path))?.client;
    return [client?.commonName, ...(client?.organizations ?? [])];
  };
  t.strictSame(who('admin'), ['kubernetes-admin', 'kubeadm:cluster-admins']);
  t.strictSame(who('super-admin'), ['kubernetes-super-admin', 'system:masters']);
  const serving = parseCertificate(disk.read('/etc/kubernetes/pki/apiserver.crt') ?? '');
  for (const name of ['cp-1', 'kubernetes', '10.96.0.1', '192.168.62.11', VIP])
    t.ok(serving?.sans.includes(name), `${name} is in the certificate`);
});

t.test('without a controller manager nothing expires, and no kubelet gets its certificate', async (t) => {
  const lab = new Cluster({ workers: 1 });
  t.equal(lab.initFirst().code, 0);
  lab.pass(30_000);
  lab.machine('cp-1').disk.remove(`${MANIFESTS}/kube-controller-manager.yaml`);
  lab.pass(3 * 3_600_000);
  const secrets = lab.list('/api/v1/namespaces/kube-system/secrets').map((one) => one.metadata.name);
  t.ok(secrets.includes('kubeadm-certs'), 'its two hours are over, and nobody deletes it');
  const joined = lab.join('worker-1');
  t.equal(joined.code, 1);
  t.match(joined.stdout, 'Unfortunately, an error has occurred:');
  t.ok(joined.tookMs >= 300_000 && joined.tookMs < 560_000, `TLS bootstrap: ${joined.tookMs} ms`);
});

t.test('without a quorum a join gives up after its discovery, and a reset after one request', async (t) => {
  const lab = Cluster.up({ controlPlanes: 3, workers: 1, seed: 3 });
  const { disk } = lab.machine('worker-1');
  t.ok(disk.isFile('/etc/kubernetes/pki/ca.crt'));
  lab.kubeadm('worker-1', 'reset', '--force');
  t.ok(disk.isFile('/etc/cni/net.d/10-bridge.conflist'), 'the network configuration stays');
  t.ok(disk.list('/var/log/pods').length > 0, 'and the logs of dead pods');
  t.ok('worker-1' in lab.ready(), 'and the Node');
  lab.write('worker-1', FILE, lab.joinConfig('worker-1'));
  cutMachine(lab.machine('cp-2'));
  cutMachine(lab.machine('cp-3'));
  lab.pass(5_000);
  const reset = lab.kubeadm('cp-1', 'reset', '--force');
  t.equal(reset.code, 0);
  t.match(reset.stderr, 'Unable to fetch the kubeadm-config ConfigMap from cluster');
  t.ok(reset.tookMs < 70_000, `no two minutes for etcd: ${reset.tookMs} ms`);
  const join = lab.kubeadm('worker-1', 'join', '--config', FILE);
  t.equal(join.code, 1);
  t.match(join.stderr, /error execution phase preflight: couldn't validate the identity of the API Server/);
  t.ok(join.tookMs >= 300_000 && join.tookMs < 330_000, `${join.tookMs} ms`);
});

t.test('a stale member with the same address keeps its successor out', async (t) => {
  const lab = Cluster.up({ controlPlanes: 3, seed: 4 });
  lab.machine('cp-3').disk.remove('/etc/kubernetes/admin.conf');
  const reset = lab.kubeadm('cp-3', 'reset', '--force');
  t.notMatch(reset.stdout, 'Reading configuration', 'without admin.conf it asks nobody');
  lab.pass(20_000);
  const again = lab.join('cp-3');
  t.equal(again.code, 1);
  t.match(again.stderr, /error execution phase (check-etcd|control-plane-join\/etcd)/);
});

t.test('a manifest on a worker wakes up with its kubelet', async (t) => {
  const lab = new KubeadmLab({ workers: 1, seed: 5 });
  t.equal(lab.initFirst().code, 0);
  lab.pass(10_000);
  lab.placeKubeVip('worker-1', '/etc/kubernetes/admin.conf');
  t.equal(lab.join('worker-1').code, 0);
  lab.pass(30_000);
  t.ok(lab.machine('worker-1').disk.isDirectory('/etc/kubernetes/admin.conf'));
});

t.test('a machine that is too small', async (t) => {
  const lab = new KubeadmLab({ seed: 6 });
  const small = { name: 'small', role: 'control-plane', cpus: 1, memoryMiB: 1_024 } as const;
  const image = { kubernetesVersion: 'v1.31.4', kubeVipVersion: null };
  const options = { ...small, address: '192.168.62.19', prefixLength: 24 };
  lab.run(createMachine(lab.world, options, image));
  lab.write('small', FILE, initConfig('v1.31.4'));
  const result = lab.kubeadm('small', 'init', '--config', FILE);
  t.equal(result.code, 1);
  t.match(result.stderr, '[ERROR NumCPU]: the number of available CPUs 1 is less than the required 2');
  t.match(result.stderr, /\[ERROR Mem\]: the system RAM \(\d+ MB\) is less than the minimum 1700 MB/);
});

t.test('an empty admin.conf is no kubeconfig', async (t) => {
  const lab = new KubeadmLab({ seed: 7 });
  lab.write('cp-1', '/etc/kubernetes/admin.conf', '');
  const result = init(lab, (text) => text);
  t.equal(result.code, 1);
  t.match(result.stderr, 'failed to find CurrentContext in Contexts of the kubeconfig file');
});
