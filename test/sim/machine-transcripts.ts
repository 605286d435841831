// What else was recorded of the machines of a real cluster: addresses, logs, what resets leave, and its end.
import { readdirSync, readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { kubeVipManifest, KubeadmLab } from '../helpers/kubeadm-lab.js';
import { scrub, transcript } from '../helpers/transcripts.js';
import { KUBECTL, must, newKubeadm, newKubelet, upgradeLab } from '../helpers/upgrade-lab.js';

/** Recordings that no test plays, and why. */
const NOT_COMPARED: Readonly<Record<string, string>> = {
  '008-cni-placed': 'a shell copies a file and prints nothing; the tests write the same file',
  '009-kube-vip-revert':
    'a line of sed, grep and mv for a shell; the tests swap the manifest by a rename, too',
  '061-chaos1-powercut-cp-2': 'virsh, which prints nothing; the tests cut the machine of the world',
  '067-chaos2-powercut-cp-3': 'as 061',
  '092-kubelet-132-cp-1':
    'programs were copied, for want of packages, and nothing printed; the tests use apt-get',
};

const LOGS = '/var/log/pods';
const KUBE_VIP_LOG = `${LOGS}/kube-system_kube-vip-cp-1_*/kube-vip/*.log`;

type Change = readonly [RegExp, string];

/** The recorded hypervisor names the slot of a card besides. */
const SLOT: readonly Change[] = [[/^ {4}altname .*\n/gm, '']];
const STAMPS: readonly Change[] = [
  [/^\S+Z stderr/gm, 'STAMP stderr'],
  [/time="[^"]*"/g, 'time="TIME"'],
  [/I\d{4} [\d:.]+/g, 'ISTAMP'],
  // The recorded release is an older one.
  [/kube-vip\.io \[v[\d.]+\]/g, 'kube-vip.io [VERSION]'],
];
const CARDS: readonly Change[] = [
  // Here it was the holder whose control plane was reset, and the address stays behind.
  [/^ {4}inet 192\.168\.62\.5\/32.*\n.*\n/gm, ''],
  [/52:54:0[01]:[0-9a-f:]{8}/g, 'MAC'],
];

function adapt(text: string, changes: readonly Change[]): string {
  return changes.reduce((changed, [pattern, word]) => changed.replace(pattern, word), text);
}

/** The parts of a recorded script between its titles: `== ip addr`. */
function partsOf(stdout: string): Map<string, string> {
  const parts = stdout.split(/^== (.*)\n/m).slice(1);
  return new Map(parts.flatMap((title, at) => (at % 2 === 0 ? [[title, parts[at + 1] ?? '']] : [])));
}

function sortedLines(text: string): string[] {
  return text.trimEnd().split('\n').sort();
}

t.test('every recording is played by a test, or it is said why not', async (t) => {
  const tests = readdirSync('test/sim').map((name) => readFileSync(`test/sim/${name}`, 'utf8'));
  for (const file of readdirSync('test/fixtures/transcripts')) {
    const name = file.replace('.json', '');
    if (name in NOT_COMPARED) {
      const real = transcript(name);
      t.equal(real.exitCode, 0, `${name}: nobody plays it`);
      continue;
    }
    t.ok(
      tests.some((text) => text.includes(`'${name}'`)),
      `${name}: a test plays it`,
    );
  }
});

t.test('the address of kube-vip and its log after its manifest was changed', async (t) => {
  const lab = new KubeadmLab();
  t.equal(lab.initFirst().code, 0);
  lab.pass(90_000);
  const address = transcript('012-vip-addr');
  const shown = lab.exec('cp-1', address.argv);
  t.equal(shown.stdout, adapt(address.stdout, SLOT));
  const none = lab.exec('cp-1', ['cat', KUBE_VIP_LOG]);
  const gone = transcript('013-kube-vip-log');
  t.strictSame([none.code, none.stderr], [gone.exitCode, gone.stderr], 'no shell has filled the pattern in');
  const { disk } = lab.machine('cp-1');
  const folders = disk.list(LOGS).filter((name) => name.startsWith('kube-system_kube-vip-cp-1_'));
  t.equal(folders.length, 1, 'the logs of the pod before the change are gone');
  const log = lab.exec('cp-1', ['cat', KUBE_VIP_LOG.replace(/[^/]*_\*/, folders[0] ?? '').replace('*', '0')]);
  t.equal(adapt(log.stdout, STAMPS), adapt(transcript('019-kube-vip-log-after-revert').stdout, STAMPS));
});

/** What a reset control plane is found to be: the recorded script looked by one shell, the test by one program each. */
function compareLeft(t: Test, lab: KubeadmLab, name: string): void {
  const run = (line: string): string => {
    const { stdout, stderr } = lab.exec('cp-2', line.split(' '));
    return stdout + stderr;
  };
  const real = partsOf(transcript(name).stdout);
  const folders = '/etc/kubernetes /var/lib/etcd /var/lib/kubelet /etc/cni /var/lib/cni';
  const found = lab.exec('cp-2', ['find', ...folders.split(' ')]);
  t.strictSame(sortedLines(found.stdout), sortedLines(real.get(`find ${folders}`) ?? ''), 'files');
  t.equal(found.stderr, transcript(name).stderr);
  const cards = run('ip -4 addr show dev eth1') + run('ip -br link');
  t.equal(adapt(cards, CARDS), adapt(real.get('ip addr') ?? '', [...SLOT, ...CARDS]));
  t.equal(run('systemctl is-active kubelet') + run('systemctl is-enabled kubelet'), real.get('kubelet'));
  t.equal(run('ctr -n k8s.io c ls') + run('ctr -n k8s.io t ls'), real.get('containers'));
  t.ok((real.get('ports') ?? '').endsWith(run('ls -la /root/.kube')), 'no kubectl has left a cache');
}

t.test('what a reset leaves, and a cluster in which one control plane is upgraded', async (t) => {
  const lab = upgradeLab();
  newKubeadm(lab, 'cp-1');
  must(lab, 'cp-1', 'kubeadm upgrade apply v1.32.0 --yes');
  must(lab, 'cp-2', 'kubeadm reset --force');
  compareLeft(t, lab, '087-reset-left-cp2');
  const members = transcript('088-reset-member-list');
  const ids = /\b[0-9a-f]{16}\b/g;
  const rows = (text: string): string[] => sortedLines(text.replace(ids, 'ID'));
  t.strictSame(rows(lab.exec('cp-1', members.argv).stdout), rows(members.stdout), '088: members');
  must(lab, 'cp-1', `${KUBECTL.join(' ')} delete node cp-2`);
  newKubelet(lab, 'cp-1');
  newKubeadm(lab, 'cp-3');
  must(lab, 'cp-3', 'kubeadm upgrade node');
  lab.pass(60_000);
  must(lab, 'worker-1', 'kubeadm reset --force');
  lab.pass(15_000);
  compareEnd(t, lab);
});

/** Pods but for those of applications, which were others; how often they were started was the slow machines' doing. */
function compareEnd(t: Test, lab: KubeadmLab): void {
  const pods = transcript('107-pods-final');
  const rows = (text: string): string[] =>
    scrub(text)
      .split('\n')
      .filter((line) => line.startsWith('kube-system'))
      .map((line) => line.replace(/ \d+( \([\dms]+ ago\))? AGE/, ' RESTARTS AGE'))
      .map((line) => line.replace(/(coredns-HASH-POD .* AGE) \S+ \S+/, '$1 IP NODE'))
      .sort();
  t.strictSame(rows(lab.exec('cp-1', pods.argv).stdout), rows(pods.stdout), '107: pods');
  lab.pass(60_000);
  const nodes = transcript('108-nodes-final');
  t.equal(scrub(lab.exec('cp-1', nodes.argv).stdout), scrub(nodes.stdout), '108: nodes');
}

t.test('what the reset of an init that failed leaves', async (t) => {
  const lab = new KubeadmLab({ controlPlanes: 2 });
  const late = '192.168.62.6';
  lab.write(
    'cp-2',
    '/etc/kubernetes/manifests/kube-vip.yaml',
    kubeVipManifest('/etc/kubernetes/admin.conf', late),
  );
  const timeouts = 'timeouts: {controlPlaneComponentHealthCheck: 1m0s}\n';
  const init = `apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n${timeouts}`;
  const endpoint = `controlPlaneEndpoint: "${late}:6443"\n`;
  const cluster = `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n${endpoint}`;
  lab.write('cp-2', '/opt/lab/init.yaml', `${init}---\n${cluster}kubernetesVersion: v1.31.4\n`);
  t.equal(lab.kubeadm('cp-2', 'init', '--config', '/opt/lab/init.yaml').code, 1);
  t.equal(lab.kubeadm('cp-2', 'reset', '--force').code, 0);
  const real = transcript('104-reset-api-unreachable-left').stdout;
  const found = lab.exec('cp-2', ['find', '/etc/kubernetes', '/var/lib/etcd', '/var/lib/kubelet']).stdout;
  const card = lab.exec('cp-2', ['ip', '-4', '-br', 'addr', 'show', 'dev', 'eth1']).stdout;
  const containers = lab.exec('cp-2', ['ctr', '-n', 'k8s.io', 'c', 'ls']).stdout;
  t.strictSame(sortedLines(found + card + containers), sortedLines(real));
});
