/** What a scenario looks at: `api`, `nodes of any worker`, `pods default/web`, `probe kubectl`. Read without a lab. */
import { parseSelector, type Selector } from './selector.js';

export type SubjectKind =
  'api' | 'machines' | 'nodes' | 'etcd' | 'quorum' | 'etcd-leader' | 'vip' | 'pods' | 'probe' | 'step';

export interface Subject {
  readonly text: string;
  readonly kind: SubjectKind;
  /** Of these machines; null for all, or for what is of no machine. */
  readonly of: Selector | null;
  /** Of a probe or a step its name, of pods `NAMESPACE/PREFIX`, else empty. */
  readonly name: string;
}

export const SUBJECT_FORM =
  'api, machines, nodes, etcd, quorum, etcd-leader, vip, pods NAMESPACE/PREFIX, probe NAME or step NAME, the first ' +
  'four and the last also with "of MACHINES"';

const WHOLE: readonly SubjectKind[] = ['api', 'machines', 'nodes', 'etcd', 'quorum', 'etcd-leader', 'vip'];
const OF_MACHINES: readonly SubjectKind[] = ['api', 'machines', 'nodes', 'etcd'];

/** Null for a text that is none. */
export function parseSubject(text: string): Subject | null {
  const trimmed = text.trim();
  const whole = WHOLE.find((kind) => kind === trimmed);
  if (whole !== undefined) return { text, kind: whole, of: null, name: '' };
  const [, named, name] = /^(pods|probe) (\S+)$/.exec(trimmed) ?? [];
  if (named === 'probe' && name !== undefined) return { text, kind: 'probe', of: null, name };
  if (named === 'pods' && name !== undefined) {
    return /^[a-z0-9-]+\/[a-z0-9.-]*$/.test(name) ? { text, kind: 'pods', of: null, name } : null;
  }
  const [, step, onMachines] = /^step (\S+)(?: of (.+))?$/.exec(trimmed) ?? [];
  if (step !== undefined) {
    const selector = onMachines === undefined ? null : parseSelector(onMachines);
    return onMachines !== undefined && selector === null
      ? null
      : { text, kind: 'step', of: selector, name: step };
  }
  const [, kind, selector] = /^(\S+) of (.+)$/.exec(trimmed) ?? [];
  const found = OF_MACHINES.find((one) => one === kind);
  const of = selector === undefined ? null : parseSelector(selector);
  return found === undefined || of === null ? null : { text, kind: found, of, name: '' };
}
