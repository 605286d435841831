// Simulated kube-apiserver: its states, who may do what, objects, watches, Leases that are kept renewed.
import t from 'tap';
import { toBase64 } from '../../lib/base/base64.js';
import { must } from '../../lib/base/errors.js';
import { isNotFound, type ApiClient, type ApiOutcome } from '../../lib/sim/api-client.js';
import { keepRenewing, watchNext, whileRenewed } from '../../lib/sim/api/watch.js';
import type { KubeObject } from '../../lib/sim/objects.js';
import { observeApi, observeEtcd, readObjects } from '../../lib/sim/observe-control-plane.js';
import { cutMachine, pauseMachine } from '../../lib/sim/power.js';
import { textAt } from '../../lib/sim/tree.js';
import { ControlPlane } from '../helpers/control-plane.js';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const VIP_LEASE = `${LEASES}/plndr-cp-lock`;

function ready(names: readonly string[] = ['cp-1'], seed = 1): ControlPlane {
  const lab = new ControlPlane(names, seed);
  lab.formEtcd();
  for (const name of names) lab.startApi(name);
  lab.pass(40_000);
  return lab;
}

function admin(lab: ControlPlane, name = 'cp-1'): ApiClient {
  return lab.client(name, 'kubernetes-super-admin', 'system:masters');
}

function request(
  lab: ControlPlane,
  client: ApiClient,
  method: string,
  path: string,
  body?: unknown,
  ms = 70_000,
): ApiOutcome {
  return lab.run(client.request(method, path, body, ms));
}

function messageOf(outcome: ApiOutcome): string {
  return outcome.kind === 'error'
    ? `${outcome.status.code} ${outcome.status.reason}: ${outcome.status.message}`
    : outcome.kind;
}

function objectOf(outcome: ApiOutcome): KubeObject {
  if (outcome.kind !== 'ok') throw new Error(messageOf(outcome));
  return outcome.body as KubeObject;
}

function lease(holder: string): KubeObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'plndr-cp-lock', namespace: 'kube-system' },
    spec: { holderIdentity: holder, leaseDurationSeconds: 5, renewTime: '2026-01-01T00:00:00.000000Z' },
  };
}

function pod(name: string, spec: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: 'web' } }, spec } as KubeObject;
}

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
    '504 Timeout: the server was unable to return a response in the time allotted, but may still be processing the request (get nodes)',
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
  t.match(observeEtcd(lab.world), { leader: null, quorum: false });
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
    '403 Forbidden: nodes is forbidden: User "kubernetes-admin" cannot list resource "nodes" in API group "" at the cluster scope',
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

t.test('objects: names, versions, conflicts, namespaces, selectors', async (t) => {
  const lab = ready();
  const client = admin(lab);
  const pods = '/api/v1/namespaces/default/pods';
  const first = objectOf(request(lab, client, 'POST', pods, pod('a', { nodeName: 'w-1' })));
  t.match(first.metadata, { name: 'a', namespace: 'default', uid: /^[0-9a-f-]{36}$/ });
  t.equal(textAt(first, 'status', 'phase'), 'Pending');
  t.equal(
    messageOf(request(lab, client, 'POST', pods, pod('a'))),
    '409 AlreadyExists: pods "a" already exists',
  );
  t.equal(
    messageOf(request(lab, client, 'POST', '/api/v1/namespaces/none/pods', pod('a'))),
    '404 NotFound: namespaces "none" not found',
  );
  t.equal(messageOf(request(lab, client, 'GET', `${pods}/x`)), '404 NotFound: pods "x" not found');
  t.match(
    messageOf(request(lab, client, 'POST', pods, pod('Bad_Name'))),
    '422 Invalid: Pod "Bad_Name" is invalid',
  );
  const changed = { ...first, metadata: { ...first.metadata, labels: { app: 'other' } } };
  const second = objectOf(request(lab, client, 'PUT', `${pods}/a`, changed));
  t.ok(Number(second.metadata.resourceVersion) > Number(first.metadata.resourceVersion));
  t.match(
    messageOf(request(lab, client, 'PUT', `${pods}/a`, changed)),
    '409 Conflict: Operation cannot be fulfilled on pods "a": the object has been modified',
  );
  request(lab, client, 'PATCH', `${pods}/a`, { status: { phase: 'Running' } });
  t.equal(textAt(objectOf(request(lab, client, 'GET', `${pods}/a`)), 'status', 'phase'), 'Pending');
  request(lab, client, 'PATCH', `${pods}/a/status`, { status: { phase: 'Running' } });
  t.equal(textAt(objectOf(request(lab, client, 'GET', `${pods}/a`)), 'status', 'phase'), 'Running');
  request(lab, client, 'POST', pods, { metadata: { generateName: 'b-', labels: { app: 'web' } }, spec: {} });
  const names = (query: string): string[] => {
    const list = request(lab, client, 'GET', `/api/v1/pods?${query}`);
    return list.kind === 'ok'
      ? (list.body as { items: KubeObject[] }).items.map((one) => one.metadata.name)
      : [];
  };
  t.strictSame(names('fieldSelector=spec.nodeName=w-1'), ['a']);
  t.match(names('labelSelector=app%3Dweb'), [/^b-[a-z0-9]{5}$/]);
  t.strictSame(names('labelSelector=app+in+(other,more)'), ['a']);
  t.equal(names('').length, 2);
});

t.test('pods on nodes are ended by their kubelet, namespaces by their controller', async (t) => {
  const lab = ready();
  const client = admin(lab);
  const pods = '/api/v1/namespaces/default/pods';
  request(lab, client, 'POST', pods, pod('bound', { nodeName: 'w-1' }));
  request(lab, client, 'POST', pods, pod('free'));
  t.match(request(lab, client, 'DELETE', `${pods}/free`), { body: { status: 'Success' } });
  request(lab, client, 'DELETE', `${pods}/bound`);
  const marked = objectOf(request(lab, client, 'GET', `${pods}/bound`));
  t.ok(marked.metadata.deletionTimestamp, 'still there, marked');
  request(lab, client, 'DELETE', `${pods}/bound`, { gracePeriodSeconds: 0 });
  t.ok(isNotFound(request(lab, client, 'GET', `${pods}/bound`)));
  request(lab, client, 'POST', '/api/v1/namespaces', { metadata: { name: 'extra' } });
  request(lab, client, 'DELETE', '/api/v1/namespaces/extra');
  const namespace = objectOf(request(lab, client, 'GET', '/api/v1/namespaces/extra'));
  t.equal(textAt(namespace, 'status', 'phase'), 'Terminating');
  t.match(
    messageOf(request(lab, client, 'POST', '/api/v1/namespaces/extra/pods', pod('late'))),
    '403 Forbidden: pods "late" is forbidden: unable to create new content in namespace extra because it is being terminated',
  );
  request(lab, client, 'PUT', '/api/v1/namespaces/extra/finalize', {
    ...namespace,
    spec: { finalizers: [] },
  });
  t.ok(isNotFound(request(lab, client, 'GET', '/api/v1/namespaces/extra')));
});

t.test('evictions respect a disruption budget', async (t) => {
  const lab = ready();
  const client = admin(lab);
  const pods = '/api/v1/namespaces/default/pods';
  request(lab, client, 'POST', pods, pod('a', { nodeName: 'w-1' }));
  request(lab, client, 'PATCH', `${pods}/a/status`, { status: { phase: 'Running' } });
  const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
  request(lab, client, 'POST', budgets, {
    metadata: { name: 'web' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  const evict = (): string =>
    messageOf(request(lab, client, 'POST', `${pods}/a/eviction`, { metadata: { name: 'a' } }));
  const words = "429 TooManyRequests: Cannot evict pod as it would violate the pod's disruption budget.";
  t.equal(evict(), words, 'no controller has looked at the budget');
  request(lab, client, 'PATCH', `${budgets}/web/status`, {
    status: { disruptionsAllowed: 1, observedGeneration: 1, desiredHealthy: 1, currentHealthy: 2 },
  });
  t.equal(evict(), 'ok');
  t.ok(objectOf(request(lab, client, 'GET', `${pods}/a`)).metadata.deletionTimestamp);
});

t.test('a watch is answered by what concerns it, and breaks with its server', async (t) => {
  const lab = ready(['cp-1', 'cp-2', 'cp-3']);
  const client = admin(lab);
  const pods = '/api/v1/namespaces/default/pods';
  const path = '/api/v1/pods?fieldSelector=spec.nodeName=w-1';
  const version = String(lab.cluster.space.revision);
  const { scheduler, group } = lab.world;
  const watching = scheduler.spawn(group, 'watch', watchNext(admin(lab, 'cp-2'), path, version));
  lab.pass(3_600_000);
  request(lab, client, 'POST', pods, pod('other', { nodeName: 'w-2' }));
  lab.pass(1_000);
  t.equal(watching.state, 'running', 'a pod of another node');
  request(lab, client, 'POST', pods, pod('mine', { nodeName: 'w-1' }));
  lab.pass(10);
  t.match(watching.result, {
    kind: 'events',
    events: [{ type: 'ADDED', object: { metadata: { name: 'mine' } } }],
  });
  const next = watching.result?.kind === 'events' ? watching.result.resourceVersion : '0';
  const later = scheduler.spawn(group, 'watch', watchNext(admin(lab, 'cp-2'), path, next));
  lab.pass(1_000);
  const server = [...lab.machine('cp-2').processes.values()].find((one) => one.name === 'kube-apiserver');
  must(server, 'a server').kill('SIGKILL');
  lab.pass(10);
  t.match(later.result, { kind: 'broken', outcome: { kind: 'reset' } });
});

t.test('a Lease that is kept renewed costs nothing and ends when a renewal would fail', async (t) => {
  const lab = ready(['cp-1', 'cp-2', 'cp-3']);
  const { world } = lab;
  const { scheduler, group } = world;
  request(lab, admin(lab), 'POST', LEASES, lease('cp-1'));
  const holding = scheduler.spawn(
    lab.machine('cp-1').group,
    'holder',
    keepRenewing(admin(lab), VIP_LEASE, lease('cp-1'), 1_000),
  );
  lab.pass(500);
  const waiting = scheduler.spawn(group, 'follower', whileRenewed(admin(lab, 'cp-2'), VIP_LEASE));
  lab.pass(1_000);
  let events = 0;
  const untilMs = world.nowMs + 86_400_000;
  for (let next = scheduler.nextAtMs(); next !== null && next <= untilMs; next = scheduler.nextAtMs()) {
    scheduler.runNext();
    events += 1;
  }
  world.scheduler.runUntil(untilMs);
  t.equal(events, 0, 'a day of renewals');
  const renewedAt = (): string =>
    textAt(objectOf(request(lab, admin(lab, 'cp-3'), 'GET', VIP_LEASE)), 'spec', 'renewTime') ?? '';
  t.ok(renewedAt() > world.date(world.nowMs - 1_100), 'the last renewal is a second old at most');
  t.equal(waiting.state, 'running');
  const pausedMs = world.nowMs;
  pauseMachine(lab.machine('cp-1'));
  lab.pass(3_000);
  t.equal(waiting.state, 'ended', 'those who wait for it are told');
  lab.pass(3_000);
  t.ok(renewedAt() <= world.date(pausedMs, true), 'no renewal after the pause');
  t.not(holding.state, 'ended');
});

t.test('somebody else takes a renewed Lease over', async (t) => {
  const lab = ready();
  const { scheduler, group } = lab.world;
  request(lab, admin(lab), 'POST', LEASES, lease('a'));
  const holding = scheduler.spawn(group, 'holder', keepRenewing(admin(lab), VIP_LEASE, lease('a'), 1_000));
  lab.pass(5_000);
  const stale = objectOf(request(lab, admin(lab), 'GET', VIP_LEASE));
  lab.pass(5_000);
  t.match(
    messageOf(request(lab, admin(lab), 'PUT', VIP_LEASE, stale)),
    '409 Conflict',
    'it was renewed meanwhile',
  );
  t.equal(request(lab, admin(lab), 'PUT', VIP_LEASE, lease('b')).kind, 'ok');
  lab.pass(100);
  t.match(holding.result, { kind: 'error', status: { reason: 'Conflict' } });
});

t.test('custom resources are served once they are defined', async (t) => {
  const lab = ready();
  const client = admin(lab);
  t.equal(
    messageOf(request(lab, client, 'GET', '/apis/longhorn.io/v1beta2/volumes')),
    '404 NotFound: the server could not find the requested resource',
  );
  request(lab, client, 'POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    metadata: { name: 'volumes.longhorn.io' },
    spec: {
      group: 'longhorn.io',
      scope: 'Namespaced',
      names: { kind: 'Volume', plural: 'volumes' },
      versions: [{ name: 'v1beta2', served: true, storage: true }],
    },
  });
  t.match(request(lab, client, 'GET', '/apis/longhorn.io/v1beta2/volumes'), { body: { kind: 'VolumeList' } });
});

t.test('the same seed gives the same trace', async (t) => {
  const trace = (): string => JSON.stringify(ready(['cp-1', 'cp-2', 'cp-3'], 7).trace);
  t.equal(trace(), trace());
});
