/**
 * kubectl on a control plane, through the lab's endpoint. Every call has a request time-out, because without etcd's
 * quorum a plain one hangs for a minute, and is tried again on what passes by itself: an election, a VIP on the
 * move, an API server that has just started and has not loaded its authorization rules.
 */
import { UnreachableError } from '../provider/provider.js';
import { StepError, type StepContext } from '../engine/saga.js';
import { controlPlanes, type LabSpec } from '../model/lab.js';
import { ADMIN_CONF } from '../generate/paths.js';
import { commandFailed, run, type Ran } from './remote.js';
import { minutes, poll, seconds } from './timing.js';

const PASSING = new RegExp(
  [
    'etcdserver: (request timed out|leader changed|no leader)',
    'DeadlineExceeded|context deadline exceeded|Client\\.Timeout exceeded',
    'unable to return a response in the time allotted',
    'connection refused|was refused|i/o timeout|no route to host|unexpected EOF|connection reset|TLS handshake timeout',
    'is forbidden: User "kubernetes-admin"',
    'the server is currently unable to handle the request|Too many requests',
  ].join('|'),
);

export interface KubectlOptions {
  /** The control plane to run on; the first one unless told otherwise. */
  readonly on?: string;
  /** How long passing failures are waited out; three minutes unless told otherwise. */
  readonly patienceMs?: number;
  readonly stdin?: string;
  /** For calls that wait themselves, such as `kubectl wait`. */
  readonly timeoutMs?: number;
}

/** Runs kubectl until it did not fail in passing; any exit code may come back. */
export async function kubectl(
  context: StepContext,
  lab: LabSpec,
  args: readonly string[],
  options: KubectlOptions = {},
): Promise<Ran> {
  const on = options.on ?? firstControlPlane(lab);
  const argv = kubectlArgv(args);
  const once = { timeoutMs: options.timeoutMs ?? seconds(lab, 60), ...stdinOf(options) };
  let last: Ran = { code: 1, stdout: '', stderr: 'it was not tried' };
  const times = { timeoutMs: options.patienceMs ?? minutes(lab, 3), everyMs: seconds(lab, 2) };
  const ran = await poll(context, times, async () => {
    last = await run(context, on, argv, once);
    return last.code !== 0 && PASSING.test(last.stderr) ? null : last;
  });
  if (ran !== null) return ran;
  throw commandFailed(on, argv, last);
}

/** Runs kubectl and expects exit code 0; returns its standard output. */
export async function mustKubectl(
  context: StepContext,
  lab: LabSpec,
  args: readonly string[],
  options: KubectlOptions = {},
): Promise<string> {
  const ran = await kubectl(context, lab, args, options);
  if (ran.code !== 0) throw commandFailed(options.on ?? firstControlPlane(lab), kubectlArgv(args), ran);
  return ran.stdout;
}

/** One call without patience: its standard output, or null when it failed or the machine was not reached. */
export async function askKubectl(
  context: StepContext,
  lab: LabSpec,
  args: readonly string[],
  on: string = firstControlPlane(lab),
): Promise<string | null> {
  try {
    const ran = await run(context, on, kubectlArgv(args), { timeoutMs: seconds(lab, 60) });
    return ran.code === 0 ? ran.stdout : null;
  } catch (error) {
    if (error instanceof UnreachableError || error instanceof StepError) return null;
    throw error;
  }
}

export function kubectlArgv(args: readonly string[]): readonly string[] {
  return ['kubectl', '--kubeconfig', ADMIN_CONF, '--request-timeout=10s', ...args];
}

export interface NodeView {
  readonly name: string;
  readonly ready: boolean;
  readonly version: string;
  readonly controlPlane: boolean;
  readonly schedulable: boolean;
  /** Why it is not Ready, in the kubelet's words; empty when it is. */
  readonly message: string;
}

/** The nodes of `kubectl get nodes -o json`. */
export function parseNodes(json: string): readonly NodeView[] {
  const list = JSON.parse(json) as { readonly items: readonly RawNode[] };
  return list.items.map((node) => {
    const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
    return {
      name: node.metadata.name,
      ready: ready?.status === 'True',
      version: node.status?.nodeInfo?.kubeletVersion ?? '',
      controlPlane: node.metadata.labels?.['node-role.kubernetes.io/control-plane'] !== undefined,
      schedulable: node.spec?.unschedulable !== true,
      message: ready?.status === 'True' ? '' : (ready?.message ?? 'the kubelet has not reported yet'),
    };
  });
}

interface RawNode {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly unschedulable?: boolean };
  readonly status?: {
    readonly conditions?: readonly { type: string; status: string; message?: string }[];
    readonly nodeInfo?: { readonly kubeletVersion: string };
  };
}

/** Names of the DaemonSets and Deployments, out of `kubectl get daemonsets,deployments -o json`, that lack pods. */
export function unreadyWorkloads(json: string): readonly string[] {
  const { items } = JSON.parse(json) as { readonly items: readonly RawWorkload[] };
  return items
    .filter(({ kind, spec, status }) =>
      kind === 'DaemonSet'
        ? (status?.numberReady ?? 0) < (status?.desiredNumberScheduled ?? 1)
        : (status?.availableReplicas ?? 0) < (spec?.replicas ?? 1),
    )
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

interface RawWorkload {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly numberReady?: number;
    readonly desiredNumberScheduled?: number;
    readonly availableReplicas?: number;
  };
}

export function firstControlPlane(lab: LabSpec): string {
  return controlPlanes(lab)[0]?.name ?? '';
}

/**
 * A control plane that runs, so that kubectl can be started there: it asks the lab's endpoint, whatever its own API
 * server does. `last` is taken only when there is no other. Null when none runs.
 */
export async function workingControlPlane(
  context: StepContext,
  lab: LabSpec,
  last?: string,
): Promise<string | null> {
  const states = await context.provider.machines();
  const running = controlPlanes(lab)
    .map(({ name }) => name)
    .filter((name) => states.some((one) => one.name === name && one.state === 'running'));
  return running.find((name) => name !== last) ?? running[0] ?? null;
}

function stdinOf({ stdin }: KubectlOptions): { stdin?: string } {
  return stdin === undefined ? {} : { stdin };
}
