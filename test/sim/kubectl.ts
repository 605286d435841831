// kubectl and helm on a simulated cluster: what they print, beside recordings of the real kubectl, and how they fail.
import t, { type Test } from 'tap';
import { cutMachine } from '../../lib/sim/power.js';
import { installHost } from '../../lib/sim/image.js';
import { KubeadmLab, type Result } from '../helpers/kubeadm-lab.js';
import { scrub, transcript } from '../helpers/transcripts.js';

const ADMIN = '/etc/kubernetes/admin.conf';
const FLANNEL = [
  ...['upgrade', '--install', 'flannel', 'flannel', '--repo', 'https://flannel-io.github.io/flannel/'],
  ...['--version', 'v0.27.4', '--namespace', 'kube-flannel', '--create-namespace'],
];

class Cluster extends KubeadmLab {
  kubectl(...args: string[]): Result {
    return this.exec('cp-1', ['kubectl', '--kubeconfig', ADMIN, ...args], 4_000_000);
  }

  helm(...args: string[]): Result {
    return this.exec('cp-1', ['helm', '--kubeconfig', ADMIN, ...args], 4_000_000);
  }
}

const lab = new Cluster({ controlPlanes: 3, workers: 1 });
installHost(lab.world.host);

/** Compares a run with a recording: code, stdout and stderr, scrubbed. */
function same(t: Test, run: Result, name: string): void {
  const real = transcript(name);
  t.equal(run.code, real.exitCode, `${name}: exit code`);
  t.equal(scrub(run.stdout), scrub(real.stdout), `${name}: stdout`);
  t.equal(scrub(run.stderr), scrub(real.stderr), `${name}: stderr`);
}

t.test('before there is a cluster', async (t) => {
  const alone = lab.exec('cp-1', ['kubectl', 'get', 'nodes']);
  t.equal(alone.code, 1);
  const lines = alone.stderr.trimEnd().split('\n');
  t.equal(lines.length, 6, 'five tries of discovery and the verdict');
  t.match(
    lines[0],
    /^E0101 .* memcache.go:265\] "Unhandled Error" err="couldn't get current server API group list/,
  );
  t.equal(
    lines[5],
    'The connection to the server localhost:8080 was refused - did you specify the right host or port?',
  );
  t.equal(lab.kubectl('get', 'nodes').stderr, `error: stat ${ADMIN}: no such file or directory\n`);
  const unknown = lab.exec('cp-1', ['kubectl', 'get', 'nodes', '--foo']);
  t.same(
    [unknown.code, unknown.stderr],
    [1, "error: unknown flag: --foo\nSee 'kubectl get --help' for usage.\n"],
  );
  t.match(
    lab.exec('cp-1', ['kubectl', 'frobnicate']).stderr,
    /^error: unknown command "frobnicate" for "kubectl"/,
  );
});

t.test('a CNI by helm makes the node ready', async (t) => {
  t.equal(lab.initFirst().code, 0);
  t.match(lab.kubectl('get', 'nodes').stdout, /cp-1 +NotReady +control-plane/);
  t.match(lab.helm('status', 'flannel', '-n', 'kube-flannel'), {
    code: 1,
    stderr: 'Error: release: not found\n',
  });
  const installed = lab.helm(...FLANNEL);
  t.match(installed, {
    code: 0,
    stdout: /^Release "flannel" does not exist. Installing it now.\nNAME: flannel\n/,
  });
  t.match(lab.kubectl('wait', '--for=condition=Ready', 'node/cp-1', '--timeout=3m'), {
    code: 0,
    stdout: 'node/cp-1 condition met\n',
  });
  const status = lab.helm('status', 'flannel', '-n', 'kube-flannel', '-o', 'json');
  t.equal((JSON.parse(status.stdout) as { info: { status: string } }).info.status, 'deployed');
  t.match(
    lab.helm(...FLANNEL).stdout,
    /^Release "flannel" has been upgraded. Happy Helming!\n[^]*REVISION: 2\n/,
  );
  t.match(
    lab.helm('upgrade', '--install', 'x', 'nope', '--repo', 'https://helm.cilium.io/', '--version', '1.0.0'),
    {
      code: 1,
      stderr: 'Error: chart "nope" version "1.0.0" not found in https://helm.cilium.io/ repository\n',
    },
  );
});

t.test('a killed helm leaves its release pending', async (t) => {
  const argv = ['helm', '--kubeconfig', ADMIN, 'upgrade', '--install', 'longhorn', 'longhorn', '--wait'];
  const process = lab
    .machine('cp-1')
    .start([...argv, '--repo', 'https://charts.longhorn.io', '-n', 'longhorn-system', '--create-namespace']);
  lab.pass(30_000);
  t.ok(process.running, 'no worker is there for the manager');
  process.kill('SIGKILL');
  const again = lab.exec('cp-1', [...argv, '--repo', 'https://charts.longhorn.io', '-n', 'longhorn-system']);
  t.match(again, {
    code: 1,
    stderr: 'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n',
  });
  t.match(lab.helm('uninstall', 'longhorn', '-n', 'longhorn-system'), {
    code: 0,
    stdout: 'release "longhorn" uninstalled\n',
  });
  t.match(lab.helm('uninstall', 'longhorn', '-n', 'longhorn-system'), {
    code: 1,
    stderr: 'Error: uninstall: Release not loaded: longhorn: release: not found\n',
  });
});

t.test('looking around', async (t) => {
  for (const name of ['cp-2', 'cp-3']) {
    lab.placeKubeVip(name, ADMIN);
    t.equal(lab.join(name).code, 0, name);
  }
  t.equal(lab.join('worker-1').code, 0);
  lab.pass(120_000);
  same(t, lab.kubectl('get', 'nodes', '-o', 'wide'), '031-nodes-wide');
  same(
    t,
    lab.kubectl('get', 'lease', '-n', 'kube-system', 'plndr-cp-lock', '-o', 'json'),
    '043-lease-vip-json',
  );
  same(t, lab.kubectl('get', '--raw', '/livez?verbose'), '044-livez');
  same(t, lab.exec('host', ['curl', '-sk', 'https://192.168.62.5:6443/livez?verbose']), '051-curl-vip-livez');
  same(t, lab.exec('host', ['curl', '-sk', 'https://192.168.62.5:6443/version']), '052-curl-vip-version');
  const path = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}';
  t.equal(
    lab.kubectl('get', 'nodes', '-o', `jsonpath=${path}`).stdout,
    'cp-1=True cp-2=True cp-3=True worker-1=True ',
  );
  t.equal(
    lab.kubectl('get', 'nodes', '-l', '!node-role.kubernetes.io/control-plane', '-o', 'name').stdout,
    'node/worker-1\n',
  );
  t.equal(lab.kubectl('get', 'pod', 'nope').stderr, 'Error from server (NotFound): pods "nope" not found\n');
  t.equal(lab.kubectl('get', 'pods').stderr, 'No resources found in default namespace.\n');
  t.equal(lab.kubectl('get', 'wheels').stderr, 'error: the server doesn\'t have a resource type "wheels"\n');
  t.equal(lab.kubectl('top', 'nodes').stderr, 'error: Metrics API not available\n');
  t.match(lab.kubectl('describe', 'node', 'worker-1').stdout, /^Name: +worker-1\nRoles: +<none>\n/);
  const watch = lab.machine('cp-1').start(['kubectl', '--kubeconfig', ADMIN, 'get', 'nodes', '-w']);
  lab.pass(2_000);
  lab.kubectl('cordon', 'cp-3');
  lab.pass(1_000);
  watch.kill('SIGTERM');
  t.match(watch.stdout.join(''), /cp-3 +Ready +control-plane[^]*cp-3 +Ready,SchedulingDisabled/);
  lab.kubectl('uncordon', 'cp-3');
});

t.test('drain, uncordon, delete', async (t) => {
  lab.write('cp-1', '/root/pods.yaml', transcript('053-apply-pods').stdin ?? '');
  same(t, lab.kubectl('apply', '-f', '/root/pods.yaml'), '053-apply-pods');
  t.equal(
    lab.kubectl('apply', '-f', '/root/pods.yaml').stdout,
    'pod/solo unchanged\ndeployment.apps/web unchanged\n',
  );
  t.match(
    lab.kubectl('rollout', 'status', 'deployment/web').stdout,
    /deployment "web" successfully rolled out\n$/,
  );
  lab.helm('uninstall', 'flannel', '-n', 'kube-flannel');
  lab.pass(60_000);
  t.match(lab.kubectl('drain', 'worker-1'), {
    code: 1,
    stdout: 'node/worker-1 cordoned\n',
    stderr:
      /cannot delete DaemonSet-managed Pods \(use --ignore-daemonsets to ignore\): kube-system\/kube-proxy-\w+\n$/,
  });
  same(t, lab.kubectl('drain', 'worker-1', '--ignore-daemonsets'), '055-drain-refused-2');
  same(t, lab.kubectl('get', 'nodes'), '056-nodes-cordoned');
  const forced = ['drain', 'worker-1', '--ignore-daemonsets', '--delete-emptydir-data', '--force'];
  const drained = lab.kubectl(...forced);
  const real = transcript('057-drain-force');
  const lines = (text: string): string[] => scrub(text).split('\n').sort();
  t.same(lines(drained.stdout), lines(real.stdout), 'in whatever order the pods end');
  t.equal(scrub(drained.stderr), scrub(real.stderr));
  same(t, lab.kubectl('uncordon', 'worker-1'), '059-uncordon');
  same(t, lab.kubectl('uncordon', 'worker-1'), '060-uncordon-again');
  const stale = ['etcd-cp-9', 'kube-scheduler-cp-9', '--ignore-not-found'];
  same(
    t,
    lab.kubectl('-n', 'kube-system', 'delete', 'pod', '--force', '--grace-period=0', ...stale),
    '109-delete-stale-pods',
  );
});

t.test('a disruption budget holds a drain up until its time-out', async (t) => {
  const budget = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: default}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
`;
  lab.write('cp-1', '/root/pdb.yaml', budget);
  t.equal(lab.kubectl('apply', '-f', '/root/pdb.yaml').stdout, 'poddisruptionbudget.policy/web created\n');
  lab.kubectl('rollout', 'status', 'deployment/web');
  lab.pass(10_000);
  const held = lab.kubectl(
    'drain',
    'worker-1',
    '--ignore-daemonsets',
    '--delete-emptydir-data',
    '--timeout=12s',
  );
  t.equal(held.code, 1);
  t.match(
    held.stderr,
    /error when evicting pods\/"web-\S+" -n "default" \(will retry after 5s\): Cannot evict pod as it would violate/,
  );
  t.match(held.stderr, /global timeout reached: 12s, continuing command\.\.\.\n/);
  t.match(held.stderr, /There are pending nodes to be drained:\n worker-1\n/);
  t.equal(lab.kubectl('delete', 'pdb', 'web').stdout, 'poddisruptionbudget.policy "web" deleted\n');
  lab.kubectl('uncordon', 'worker-1');
});

t.test('without a quorum', async (t) => {
  same(t, lab.kubectl('delete', 'node', 'cp-2'), '097-delete-node-cp-2');
  cutMachine(lab.machine('cp-2'));
  cutMachine(lab.machine('cp-3'));
  lab.pass(3_000);
  const direct = ['--server', 'https://192.168.62.11:6443'];
  const short = lab.kubectl(...direct, 'get', 'nodes', '--request-timeout=10s');
  t.equal(short.code, 1);
  t.match(
    short.stderr,
    /^Unable to connect to the server: .*(Client.Timeout exceeded|context deadline exceeded)/m,
  );
  t.equal(lab.kubectl(...direct, 'version').code, 0, 'version needs no etcd');
  const livez = lab.kubectl(...direct, 'get', '--raw', '/livez?verbose');
  same(t, livez, '075-q-raw-livez');
  const hung = lab.kubectl(...direct, 'get', 'nodes');
  same(t, hung, '068-q-get-nodes-notimeout');
  t.ok(hung.tookMs >= 60_000 && hung.tookMs < 62_000, `hung for ${hung.tookMs} ms`);
});

t.test('charts of the other add-ons become ready with --wait', async (t) => {
  const other = new Cluster({ controlPlanes: 1, workers: 2, seed: 2 });
  t.equal(other.initFirst().code, 0);
  const values =
    'kubeProxyReplacement: true\nk8sServiceHost: 192.168.62.5\nk8sServicePort: 6443\noperator: {replicas: 2}\n';
  other.write('cp-1', '/root/cilium.yaml', values);
  const cilium = [
    'cilium',
    'cilium',
    '--repo',
    'https://helm.cilium.io/',
    '--version',
    '1.18.14',
    '-n',
    'kube-system',
  ];
  t.equal(other.helm('upgrade', '--install', ...cilium, '--values', '/root/cilium.yaml').code, 0);
  t.equal(other.join('worker-1').code, 0);
  t.equal(other.join('worker-2').code, 0);
  t.equal(other.kubectl('wait', '--for=condition=Ready', 'node', '--all', '--timeout=5m').code, 0);
  const host = '{.spec.template.spec.containers[0].env[?(@.name=="KUBERNETES_SERVICE_HOST")].value}';
  t.equal(
    other.kubectl('get', 'ds', '-n', 'kube-system', 'cilium', '-o', `jsonpath=${host}`).stdout,
    '192.168.62.5',
  );
  const wait = ['--create-namespace', '--wait', '--timeout', '10m'];
  const longhorn = ['longhorn', 'longhorn', '--repo', 'https://charts.longhorn.io', '-n', 'longhorn-system'];
  t.equal(other.helm('upgrade', '--install', ...longhorn, ...wait).code, 0);
  t.match(other.kubectl('get', 'sc').stdout, /^longhorn \(default\) +driver.longhorn.io /m);
  other.write('cp-1', '/root/nginx.yaml', 'controller:\n  kind: DaemonSet\n  service: {type: ClusterIP}\n');
  const nginx = [
    'nginx',
    'ingress-nginx',
    '--repo',
    'https://kubernetes.github.io/ingress-nginx',
    '-n',
    'nginx',
  ];
  t.equal(other.helm('upgrade', '--install', ...nginx, ...wait, '-f', '/root/nginx.yaml').code, 0);
  t.equal(
    other.kubectl('get', 'jobs', '-n', 'nginx').stderr,
    'No resources found in nginx namespace.\n',
    'hooks are gone',
  );
  t.equal((JSON.parse(other.helm('list', '-A', '-o', 'json').stdout) as unknown[]).length, 3);
});
