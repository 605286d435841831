/** When helm calls an object ready, for --wait and for hooks. Source: helm's pkg/kube/ready.go. */
import type { KubeObject } from '../../objects.js';
import { sleep, type Sim } from '../../task.js';
import { listAt, numberAt, textAt } from '../../tree.js';
import { Failure } from '../failure.js';
import type { Session } from '../kubectl/session.js';
import { find } from './requests.js';

const POLL_MS = 2_000;

/** Waits until all of `objects` are ready; a deadline that passes is a failure. */
export function* waitReady(session: Session, objects: readonly KubeObject[], deadlineMs: number): Sim<void> {
  const { world } = session.call;
  const waiting = [...objects];
  for (;;) {
    while (waiting[0] !== undefined && isReady(yield* find(session, waiting[0]))) waiting.shift();
    if (waiting.length === 0) return;
    if (world.nowMs + POLL_MS > deadlineMs) throw new Failure('Error: context deadline exceeded\n');
    yield* sleep(POLL_MS);
  }
}

function isReady(object: KubeObject | null): boolean {
  if (object === null) return false;
  const count = (...path: string[]): number => numberAt(object, ...path) ?? 0;
  const observed = count('status', 'observedGeneration') >= count('metadata', 'generation');
  switch (object.kind) {
    case 'Deployment': {
      // helm subtracts maxUnavailable: with the default 25 % rounded down, small deployments need all replicas.
      const wanted = numberAt(object, 'spec', 'replicas') ?? 1;
      return observed && count('status', 'readyReplicas') >= wanted - Math.floor(wanted / 4);
    }
    case 'DaemonSet': {
      const wanted = count('status', 'desiredNumberScheduled');
      const updated = count('status', 'updatedNumberScheduled') === wanted;
      return observed && updated && count('status', 'numberReady') >= Math.max(0, wanted - 1);
    }
    case 'Job':
      return listAt(object, 'status', 'conditions').some(
        (one) => textAt(one, 'type') === 'Complete' && textAt(one, 'status') === 'True',
      );
    case 'Service':
      return (
        textAt(object, 'spec', 'type') !== 'LoadBalancer' ||
        listAt(object, 'status', 'loadBalancer', 'ingress').length > 0
      );
    default:
      return true;
  }
}
