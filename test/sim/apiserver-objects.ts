// Simulated kube-apiserver: objects, deletion, eviction, watches, Leases that are kept renewed, custom resources.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import { isNotFound } from '../../lib/sim/api-client.js';
import {
  keepRenewing,
  watch,
  whileRenewed,
  type WatchEnd,
  type WatchEvent,
} from '../../lib/sim/api/watch.js';
import type { KubeObject } from '../../lib/sim/objects.js';
import { pauseMachine } from '../../lib/sim/power.js';
import type { Task } from '../../lib/sim/task.js';
import { textAt } from '../../lib/sim/tree.js';
import {
  LEASES,
  VIP_LEASE,
  admin,
  lease,
  messageOf,
  objectOf,
  pod,
  ready,
  request,
} from '../helpers/api-requests.js';
import type { ControlPlane } from '../helpers/control-plane.js';

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
    '403 Forbidden: pods "late" is forbidden: unable to create new content in namespace extra ' +
      'because it is being terminated',
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

/** A watch that goes on, and what it has told so far. */
function watching(lab: ControlPlane, name: string, path: string): { task: Task<WatchEnd>; told: string[] } {
  const told: string[] = [];
  const receive = (events: readonly WatchEvent[]): boolean => {
    told.push(...events.map(({ type, object }) => `${type} ${object.metadata.name}`));
    return false;
  };
  const { scheduler, group } = lab.world;
  const version = String(lab.cluster.space.revision);
  return { task: scheduler.spawn(group, 'watch', watch(admin(lab, name), path, version, receive)), told };
}

t.test('a watch tells what concerns it, over one request, and breaks with its server', async (t) => {
  const lab = ready(['cp-1', 'cp-2', 'cp-3']);
  const client = admin(lab);
  const pods = '/api/v1/namespaces/default/pods';
  const { task, told } = watching(lab, 'cp-2', '/api/v1/pods?fieldSelector=spec.nodeName=w-1');
  lab.pass(3_600_000);
  request(lab, client, 'POST', pods, pod('other', { nodeName: 'w-2' }));
  lab.pass(1_000);
  t.strictSame(told, [], 'a pod of another node');
  request(lab, client, 'POST', pods, pod('mine', { nodeName: 'w-1' }));
  lab.pass(10);
  request(lab, client, 'DELETE', `${pods}/mine?gracePeriodSeconds=0`);
  lab.pass(10);
  t.strictSame(told, ['ADDED mine', 'DELETED mine']);
  const server = [...lab.machine('cp-2').processes.values()].find((one) => one.name === 'kube-apiserver');
  must(server, 'a server').kill('SIGKILL');
  lab.pass(10);
  t.match(task.result, { kind: 'broken', outcome: { kind: 'reset' } });
});

t.test('a watch ends when its client has seen enough, and tells nothing to one that has ended', async (t) => {
  const lab = ready();
  const { scheduler, group } = lab.world;
  const enough = watch(admin(lab), '/api/v1/pods', String(lab.cluster.space.revision), () => true);
  const first = scheduler.spawn(group, 'watch', enough);
  const { task, told } = watching(lab, 'cp-1', '/api/v1/pods');
  lab.pass(1_000);
  lab.cluster.space.put('pods', 'default/a', pod('a'));
  task.kill();
  lab.pass(10);
  t.strictSame(first.result, { kind: 'enough' });
  t.strictSame(told, []);
});

t.test('a watch sees every change of one moment', async (t) => {
  const lab = ready();
  const { told } = watching(lab, 'cp-1', '/api/v1/pods');
  lab.pass(1_000);
  for (const name of ['a', 'b', 'c']) lab.cluster.space.put('pods', `default/${name}`, pod(name));
  lab.pass(10);
  t.strictSame(told, ['ADDED a', 'ADDED b', 'ADDED c']);
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
