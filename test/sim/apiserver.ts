// Simulated kube-apiserver: its states, its life with and without etcd, who may do what.
import t from 'tap';
import { toBase64 } from '../../lib/base/base64.js';
import { must } from '../../lib/base/errors.js';
import { isNotFound } from '../../lib/sim/api-client.js';
import {
  observeApi,
  observedCluster,
  observeEtcd,
  readObjects,
} from '../../lib/sim/observe-control-plane.js';
import { cutMachine } from '../../lib/sim/power.js';
import { LEASES, VIP_LEASE, admin, lease, messageOf, ready, request } from '../helpers/api-requests.js';
import { ControlPlane } from '../helpers/control-plane.js';

t.test('from refused over forbidden and failing hooks to ready', async (t) => {
  const lab = new ControlPlane(['cp-1']);
  lab.formEtcd();
  lab.startApi('cp-1');
  const anonymous = lab.tokenClient('cp-1', null);
  const seen: string[] = [];
  const note = (text: string): void => {
    if (seen.at(-1) !== text) seen.push(text);
  };
  for (let i = 0; i < 200 && seen.at(-1) !== '/livez ok, nodes ok'; i += 1) {
    const health = request(lab, anonymous, 'GET', '/livez');
    const nodes = request(lab, admin(lab), 'GET', '/api/v1/nodes');
    const code = health.kind === 'error' ? String(health.status.code) : health.kind;
    note(`/livez ${code}, nodes ${nodes.kind}`);
    if (code === '403')
      t.match(messageOf(health), 'forbidden: User "system:anonymous" cannot get path "/livez"');
    if (code === '500')
      t.match(messageOf(health), '[-]poststarthook/rbac/bootstrap-roles failed: reason withheld');
    lab.pass(200);
  }
  t.strictSame(seen, [
    '/livez refused, nodes refused',
    '/livez 403, nodes ok',
    '/livez 500, nodes ok',
    '/livez ok, nodes ok',
  ]);
  const verbose = request(lab, anonymous, 'GET', '/readyz?verbose');
  t.match(
    verbose.kind === 'ok' ? verbose.body : verbose.kind,
    /^\[\+\]ping ok\n(.*\n)+readyz check passed\n$/,
  );
  t.match(request(lab, anonymous, 'GET', '/version'), { body: { gitVersion: 'v1.31.4' } });
});

t.test('it ends without etcd: after 20 s without a connection, after 61 s without a quorum', async (t) => {
  const lab = ready(['cp-1', 'cp-2', 'cp-3']);
  const lonely = new ControlPlane(['cp-1']);
  const process = lonely.startApi('cp-1');
  lonely.pass(21_000);
  t.equal(process.exitCode, 255);
  cutMachine(lab.machine('cp-2'));
  cutMachine(lab.machine('cp-3'));
  must(
    [...lab.machine('cp-1').processes.values()].find((one) => one.name === 'kube-apiserver'),
    'server',
  ).kill('SIGKILL');
  const again = lab.startApi('cp-1');
  lab.pass(20_000);
  t.match(messageOf(request(lab, lab.tokenClient('cp-1', null), 'GET', '/livez')), '403 Forbidden');
  t.equal(again.running, true);
  lab.pass(60_000);
  t.equal(again.exitCode, 255);
  t.match(again.stderr.join(''), 'start-service-ip-repair-controllers');
});

t.test('missing or wrong files end it at once', async (t) => {
  const lab = new ControlPlane(['cp-1']);
  lab.machine('cp-1').disk.remove('/etc/kubernetes/pki/apiserver.crt');
  const process = lab.startApi('cp-1');
  lab.pass(1_000);
  t.equal(process.exitCode, 1);
  t.match(process.stderr.join(''), 'open /etc/kubernetes/pki/apiserver.crt: no such file or directory');
});

t.test('without a quorum reads hang, writes time out, and health checks say so', async (t) => {
  const lab = ready(['cp-1', 'cp-2', 'cp-3']);
  const client = admin(lab);
  cutMachine(lab.machine('cp-2'));
  cutMachine(lab.machine('cp-3'));
  lab.pass(5_000);
  const timed = (method: string, path: string, body?: unknown): [string, number] => {
    const startMs = lab.world.nowMs;
    const outcome = request(lab, client, method, path, body);
    return [messageOf(outcome), Math.round((lab.world.nowMs - startMs) / 100) / 10];
  };
  t.strictSame(timed('GET', '/api/v1/nodes'), [
    '504 Timeout: the server was unable to return a response in the time allotted, ' +
      'but may still be processing the request (get nodes)',
    60,
  ]);
  t.strictSame(timed('POST', LEASES, lease('cp-1')), ['500 : etcdserver: request timed out', 7]);
  t.strictSame(timed('DELETE', VIP_LEASE), [
    '504 Timeout: Timeout: request did not complete within requested timeout - context deadline exceeded',
    34,
  ]);
  const [livez, tookS] = timed('GET', '/livez');
  t.match(livez, /\[-\]etcd failed: reason withheld[^]*livez check failed/);
  t.equal(tookS, 2);
  t.match(timed('GET', '/readyz')[0], /\[-\]etcd-readiness failed/);
  t.equal(request(lab, client, 'GET', '/version').kind, 'ok');
  t.equal(request(lab, client, 'GET', '/api/v1/nodes', undefined, 5_000).kind, 'timeout');
  t.strictSame([...observeApi(lab.world)], [['cp-1', { ready: false }]]);
  t.equal(readObjects(lab.world, 'nodes'), null);
  t.match(observeEtcd(observedCluster(lab.world)), { leader: null, quorum: false });
});

t.test('a read that is caught in an election waits for it, a write of that moment is lost', async (t) => {
  const lab = ready(['cp-1', 'cp-2', 'cp-3']);
  const leader = must(lab.cluster.effectiveLeader(), 'a leader').machine.name;
  const name = must(
    ['cp-1', 'cp-2', 'cp-3'].find((one) => one !== leader),
    'a follower',
  );
  const client = admin(lab, name);
  cutMachine(lab.machine(leader));
  const startMs = lab.world.nowMs;
  t.equal(request(lab, client, 'GET', '/api/v1/nodes').kind, 'ok');
  t.ok(lab.world.nowMs - startMs >= 800 && lab.world.nowMs - startMs < 2_600, 'it took the election');
  const created = request(lab, client, 'POST', LEASES, lease('cp-1'));
  t.equal(created.kind, 'ok');
});

t.test('an API server whose own etcd is down is down, whatever the others do', async (t) => {
  const lab = ready(['cp-1', 'cp-2', 'cp-3']);
  const local = must(
    [...lab.machine('cp-1').processes.values()].find((one) => one.name === 'etcd'),
    'etcd',
  );
  local.kill('SIGKILL');
  lab.pass(3_000);
  t.match(messageOf(request(lab, admin(lab), 'POST', LEASES, lease('cp-1'))), /connection refused"$/);
  t.match(messageOf(request(lab, lab.tokenClient('cp-1', null), 'GET', '/livez')), '500');
  t.equal(request(lab, admin(lab, 'cp-2'), 'GET', '/api/v1/nodes').kind, 'ok');
  lab.startEtcd('cp-1', { initial: ['cp-1', 'cp-2', 'cp-3'], state: 'existing' });
  lab.pass(20_000);
  t.equal(request(lab, admin(lab), 'GET', '/api/v1/nodes').kind, 'ok');
});

t.test('who may do what', async (t) => {
  const lab = ready();
  const clusterAdmin = lab.client('cp-1', 'kubernetes-admin', 'kubeadm:cluster-admins');
  t.equal(
    messageOf(request(lab, clusterAdmin, 'GET', VIP_LEASE)),
    '403 Forbidden: leases.coordination.k8s.io "plndr-cp-lock" is forbidden: User "kubernetes-admin" cannot get ' +
      'resource "leases" in API group "coordination.k8s.io" in the namespace "kube-system"',
  );
  t.equal(
    messageOf(request(lab, clusterAdmin, 'GET', '/api/v1/nodes')),
    '403 Forbidden: nodes is forbidden: User "kubernetes-admin" cannot list resource "nodes" ' +
      'in API group "" at the cluster scope',
  );
  t.equal(request(lab, clusterAdmin, 'GET', '/healthz').kind, 'ok', 'health needs no role');
  const binding = {
    metadata: { name: 'kubeadm:cluster-admins' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'kubeadm:cluster-admins' }],
  };
  const path = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
  t.equal(request(lab, admin(lab), 'POST', path, binding).kind, 'ok');
  t.ok(isNotFound(request(lab, clusterAdmin, 'GET', VIP_LEASE)), 'at once, without a restart');
  const node = lab.client('cp-1', 'system:node:w-1', 'system:nodes');
  const object = (name: string): unknown => ({ metadata: { name }, status: { conditions: [] } });
  t.equal(request(lab, node, 'POST', '/api/v1/nodes', object('w-1')).kind, 'ok');
  request(lab, admin(lab), 'POST', '/api/v1/nodes', object('w-2'));
  t.match(
    messageOf(request(lab, node, 'PATCH', '/api/v1/nodes/w-2', { metadata: { labels: { a: 'b' } } })),
    'node "w-1" is not allowed to modify node "w-2"',
  );
  t.match(messageOf(request(lab, node, 'DELETE', '/api/v1/nodes/w-1')), '403 Forbidden');
  const stranger = lab.tokenClient('cp-1', 'abcdef.0123456789abcdef');
  t.equal(messageOf(request(lab, stranger, 'GET', '/api/v1/nodes')), '401 Unauthorized: Unauthorized');
});

t.test('bootstrap tokens count until they expire, with their groups', async (t) => {
  const lab = ready();
  const data = {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
    expiration: lab.world.date(lab.world.nowMs + 3_600_000),
  };
  request(lab, admin(lab), 'POST', '/api/v1/namespaces/kube-system/secrets', {
    metadata: { name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, toBase64(value)])),
  });
  const joining = lab.tokenClient('cp-1', 'abcdef.0123456789abcdef');
  t.match(
    messageOf(request(lab, joining, 'GET', '/api/v1/nodes')),
    'User "system:bootstrap:abcdef" cannot list resource "nodes"',
  );
  lab.pass(3_700_000);
  t.match(messageOf(request(lab, joining, 'GET', '/api/v1/nodes')), '401');
});

t.test('the same seed gives the same trace', async (t) => {
  const trace = (): string => JSON.stringify(ready(['cp-1', 'cp-2', 'cp-3'], 7).trace);
  t.equal(trace(), trace());
});
