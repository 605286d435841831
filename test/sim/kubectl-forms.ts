// Forms of kubectl that people type to look around, in the layout of the real one, and a namespace that ends.
import t from 'tap';
import { KubeadmLab, type Result } from '../helpers/kubeadm-lab.js';
import { upgradeLab } from '../helpers/upgrade-lab.js';

const lab: KubeadmLab = upgradeLab({ controlPlanes: 1 });

function kubectl(line: string): Result {
  return lab.exec('cp-1', ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf', ...line.split(' ')]);
}

t.test('describe node: columns as wide as their neighbours need, sums of requests, the Lease', async (t) => {
  const described = kubectl('describe node cp-1 cp-9');
  t.equal(described.code, 1);
  t.equal(described.stderr, 'Error from server (NotFound): nodes "cp-9" not found\n');
  const lines = described.stdout.split('\n');
  const after = (title: string, count: number): string[] => {
    const at = lines.indexOf(title);
    return lines.slice(at + 1, at + 1 + count);
  };
  t.strictSame(lines.slice(0, 3), [
    'Name:               cp-1',
    'Roles:              control-plane',
    'Labels:             beta.kubernetes.io/arch=amd64',
  ]);
  t.match(described.stdout, /^CreationTimestamp: {2}Thu, 01 Jan 2026 00:\d\d:\d\d \+0000$/m);
  t.match(described.stdout, /^Taints: {13}node-role.kubernetes.io\/control-plane:NoSchedule$/m);
  t.match(
    after('Lease:', 3).join('\n'),
    /^ {2}HolderIdentity: {2}cp-1\n {2}AcquireTime: {5}<unset>\n {2}RenewTime: {7}Thu, /,
  );
  const [heading = '', line = ''] = after('Conditions:', 2);
  const columns = [2, 19, 27, 61, 95, 124];
  t.strictSame(
    [columns.map((at) => heading.slice(at).split(' ')[0]), columns.map((at) => line.slice(at).split(' ')[0])],
    [
      ['Type', 'Status', 'LastHeartbeatTime', 'LastTransitionTime', 'Reason', 'Message'],
      ['----', '------', '-----------------', '------------------', '------', '-------'],
    ],
  );
  t.strictSame(after('Addresses:', 2), ['  InternalIP:  192.168.62.11', '  Hostname:    cp-1']);
  t.strictSame(after('  (Total limits may be over 100 percent, i.e., overcommitted.)', 5), [
    '  Resource           Requests    Limits',
    '  --------           --------    ------',
    '  cpu                850m (42%)  0 (0%)',
    '  memory             240Mi (6%)  340Mi (8%)',
    '  ephemeral-storage  0 (0%)      0 (0%)',
  ]);
  t.match(
    described.stdout,
    /^ {2}kube-system +etcd-cp-1 +100m \(5%\) +0 \(0%\) +100Mi \(2%\) +0 \(0%\) +\d/m,
  );
  t.match(
    described.stdout,
    /\nPodCIDR: {22}10\.244\.0\.0\/24\nPodCIDRs: {21}10\.244\.0\.0\/24\nNon-terminated Pods: {10}\(8 in total\)\n/,
  );
});

t.test('get: columns of one’s own, labels as columns, moments in quotes, refused selectors', async (t) => {
  const columns = 'NAME:.metadata.name,RANGE:.spec.podCIDR,NOTHING:.spec.nothing';
  t.equal(
    kubectl(`get node cp-1 -o custom-columns=${columns}`).stdout,
    'NAME   RANGE           NOTHING\ncp-1   10.244.0.0/24   <none>\n',
  );
  t.match(
    kubectl('get nodes -L kubernetes.io/os,none').stdout,
    /VERSION +OS +NONE\n.*v1\.31\.4 +linux +<none>\n/,
  );
  t.match(kubectl('get ns default -o yaml').stdout, /\n {2}creationTimestamp: "2026-01-01T00:0\d:\d\dZ"\n/);
  const refused = kubectl('get pods -A --field-selector spec.nope=1');
  const words =
    'Unable to find "/v1, Resource=pods" that match label selector "", field selector "spec.nope=1"';
  t.equal(refused.stderr, `Error from server (BadRequest): ${words}: field label not supported: spec.nope\n`);
  t.equal(refused.code, 1);
  const watched = kubectl('get nodes -w --request-timeout=3s');
  t.equal(watched.code, 0);
  t.ok(watched.tookMs >= 3_000 && watched.tookMs < 5_000, `a watch ended after ${watched.tookMs} ms`);
});

t.test('scale says only that there was nothing', async (t) => {
  const { code, stderr } = kubectl('scale deploy nope --replicas=2');
  t.strictSame([code, stderr], [1, 'error: no objects passed to scale\n']);
});

t.test('a namespace goes with all that is in it, and takes nothing new meanwhile', async (t) => {
  t.equal(kubectl('create ns shop').code, 0);
  t.equal(kubectl('create deployment web --image=registry.k8s.io/pause:3.10 -n shop').code, 0);
  t.equal(kubectl('create cm settings --from-literal=a=b -n shop').code, 0);
  t.equal(kubectl('wait --for=condition=Available deploy/web -n shop --timeout=60s').code, 0);
  t.equal(kubectl('delete ns shop --wait=false').stdout, 'namespace "shop" deleted\n');
  t.match(kubectl('get ns shop').stdout, /\nshop +Terminating +\d+s\n$/);
  const refused = kubectl('create cm other --from-literal=a=b -n shop').stderr;
  t.match(refused, /unable to create new content in namespace shop because it is being terminated\n$/);
  t.equal(kubectl('wait --for=delete ns/shop --timeout=90s').code, 0);
  t.equal(kubectl('get deploy,cm,pods -n shop').stderr, 'No resources found in shop namespace.\n');
  t.match(kubectl('delete ns shop').stderr, /namespaces "shop" not found/);
});
