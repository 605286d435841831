/** Which pods a drain evicts, which it leaves, and which keep it from starting. Source: kubectl's drain filters. */
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { at, listAt, textAt } from '../../tree.js';
import type { Session } from './session.js';

export interface Selection {
  readonly pods: readonly KubeObject[];
  /** One line, empty when there is nothing to say. */
  readonly warnings: string;
  readonly problems: readonly string[];
}

type Verdict =
  | { readonly kind: 'evict' }
  | { readonly kind: 'skip' }
  | { readonly kind: 'evict-warned' | 'skip-warned' | 'refuse'; readonly message: string };

const UNMANAGED = 'cannot delete Pods that declare no controller (use --force to override)';
const LOCAL = 'Pods with local storage (use --delete-emptydir-data to override)';
const DAEMON = 'DaemonSet-managed Pods (use --ignore-daemonsets to ignore)';
const FORCED = 'deleting Pods that declare no controller';
const IGNORED = 'ignoring DaemonSet-managed Pods';
const ORDER = [UNMANAGED, LOCAL, DAEMON, FORCED, IGNORED];

export function* podsToEvict(session: Session, pods: readonly KubeObject[]): Sim<Selection> {
  const chosen: KubeObject[] = [];
  const warned = new Map<string, string[]>();
  const refused = new Map<string, string[]>();
  for (const pod of pods) {
    const verdict = yield* judge(session, pod);
    if (verdict.kind === 'evict' || verdict.kind === 'evict-warned') chosen.push(pod);
    if (verdict.kind === 'evict' || verdict.kind === 'skip') continue;
    const group = verdict.kind === 'refuse' ? refused : warned;
    const name = `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
    group.set(verdict.message, [...(group.get(verdict.message) ?? []), name]);
  }
  return {
    pods: chosen,
    warnings: lines(warned).join('; '),
    problems: lines(refused).map((line) => `cannot delete ${line}`),
  };
}

function lines(groups: ReadonlyMap<string, readonly string[]>): string[] {
  const rank = (message: string): number => ORDER.indexOf(message);
  return [...groups]
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([message, names]) => `${message}: ${names.join(', ')}`);
}

function* judge(session: Session, pod: KubeObject): Sim<Verdict> {
  const { flags } = session;
  const finished = ['Succeeded', 'Failed'].includes(textAt(pod, 'status', 'phase') ?? '');
  const controller = pod.metadata.ownerReferences?.find((owner) => owner.controller === true);
  if (controller?.kind === 'DaemonSet' && !finished) {
    const path = `/apis/apps/v1/namespaces/${pod.metadata.namespace ?? ''}/daemonsets/${controller.name}`;
    const exists = (yield* session.findObject(path)) !== null;
    if (exists) {
      return flags.has('ignore-daemonsets')
        ? { kind: 'skip-warned', message: IGNORED }
        : { kind: 'refuse', message: DAEMON };
    }
    if (!flags.has('force')) {
      return { kind: 'refuse', message: `daemonsets.apps "${controller.name}" not found` };
    }
  }
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return { kind: 'skip' };
  const local = listAt(pod, 'spec', 'volumes').some((volume) => at(volume, 'emptyDir') !== undefined);
  if (local && !finished && !flags.has('delete-emptydir-data')) return { kind: 'refuse', message: LOCAL };
  if (finished || controller !== undefined) return { kind: 'evict' };
  return flags.has('force')
    ? { kind: 'evict-warned', message: FORCED }
    : { kind: 'refuse', message: UNMANAGED };
}
