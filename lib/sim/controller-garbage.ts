/** The garbage collector: objects whose owners are all gone are deleted. Orphaning and foreground are not modelled. */
import { onChange } from './control-plane-program.js';
import type { ControllerContext } from './controller-context.js';
import type { Informer } from './informer.js';
import type { KubeObject } from './objects.js';
import type { Sim } from './task.js';

const SETTLE_MS = 500;

/** Lists by the kind that they hold: what may own, and what may be owned. */
const LISTS: Readonly<Record<string, string>> = {
  Node: '/api/v1/nodes',
  Pod: '/api/v1/pods',
  Secret: '/api/v1/namespaces/kube-system/secrets',
  DaemonSet: '/apis/apps/v1/daemonsets',
  Deployment: '/apis/apps/v1/deployments',
  ReplicaSet: '/apis/apps/v1/replicasets',
  StatefulSet: '/apis/apps/v1/statefulsets',
  Job: '/apis/batch/v1/jobs',
};

export function* garbageCollector(context: ControllerContext): Sim<never> {
  const informers = new Map<string, Informer>();
  for (const [kind, path] of Object.entries(LISTS)) informers.set(kind, context.informer(path));
  /** Only what came, went or changed its owners can make an orphan. */
  const membership = (): number =>
    [...informers.values()].reduce((total, informer) => total + informer.membership, 0);
  let clean = -1;
  return yield* onChange([...informers.values()], SETTLE_MS, function* reconcile() {
    const seen = membership();
    if (seen === clean) return true;
    const all = [...informers.values()];
    if (!all.every((informer) => informer.synced)) return true;
    const gone = new Set(
      all.flatMap((informer) => informer.owners()).filter((uid) => !all.some((one) => one.hasUid(uid))),
    );
    for (const [kind, informer] of informers) {
      const owned = new Set([...gone].flatMap((uid) => informer.ownedBy({ metadata: { uid } })));
      for (const object of owned) {
        if (!isOrphan(object, informers, gone)) continue;
        if (!(yield* context.remove(pathOf(kind, object)))) return false;
      }
    }
    clean = seen;
    return true;
  });
}

function isOrphan(
  object: KubeObject,
  informers: ReadonlyMap<string, Informer>,
  gone: ReadonlySet<string>,
): boolean {
  const owners = object.metadata.ownerReferences ?? [];
  if (owners.length === 0 || object.metadata.deletionTimestamp !== undefined) return false;
  // An owner of a kind that is not watched here may well be there.
  return owners.every((owner) => informers.has(owner.kind) && gone.has(owner.uid));
}

function pathOf(kind: string, object: KubeObject): string {
  const list = (LISTS[kind] ?? '').split('/');
  const resource = list.at(-1) ?? '';
  const { namespace, name } = object.metadata;
  const root = list.slice(0, list[1] === 'api' ? 3 : 4).join('/');
  return namespace === undefined
    ? `${root}/${resource}/${name}`
    : `${root}/namespaces/${namespace}/${resource}/${name}`;
}
