/**
 * What an onlooker sees of real machines, by asking them: libvirt for their power, kubectl and etcdctl on control
 * planes, ip for the floating address, curl from the workstation for the API. Nothing is changed by it; what
 * cannot be read is null, with a reason.
 */
import { messageOf } from '../../base/errors.js';
import { controlPlanes, type MachineSpec } from '../../model/lab.js';
import { tolerance } from '../../model/quorum.js';
import { ADMIN_CONF } from '../../generate/paths.js';
import {
  UnreachableError,
  type EtcdObservation,
  type MachineState,
  type Observation,
  type Shell,
} from '../provider.js';
import { scaled, type Context } from './context.js';
import { hostShell } from './host-shell.js';
import {
  readHealth,
  readMembers,
  readNodes,
  readPods,
  readStatus,
  type EtcdMember,
} from './observe-parse.js';
import { machineStates } from './power.js';

const PKI = '/etc/kubernetes/pki/etcd';

/** Of one program on one machine: what it printed, or why there is nothing. */
type Answer = { readonly text: string } | { readonly why: string };

/** What is asked of this computer, or costs a guest next to nothing. */
export type Outside = Pick<Observation, 'atMs' | 'machines' | 'vipHolders' | 'api'>;
/** What takes programs on the control planes. */
export type Inside = Omit<Observation, keyof Outside>;

/** Whoever asks may be told to stop. */
interface Asking extends Context {
  readonly signal: AbortSignal | undefined;
}

export async function observeLab(context: Context): Promise<Observation> {
  const asking = { ...context, signal: undefined };
  const machines = await machineStates(context);
  const [outside, inside] = await Promise.all([lookOutside(asking, machines), lookInside(asking, machines)]);
  return { ...outside, ...inside };
}

export async function observeOutside(context: Context, signal: AbortSignal): Promise<Outside> {
  return lookOutside({ ...context, signal }, await machineStates(context));
}

export function observeInside(context: Context, { machines }: Outside, signal: AbortSignal): Promise<Inside> {
  return lookInside({ ...context, signal }, machines);
}

async function lookOutside(asking: Asking, machines: readonly MachineState[]): Promise<Outside> {
  const [vipHolders, api] = await Promise.all([observeVip(asking, machines), observeApi(asking, machines)]);
  return { atMs: asking.clock.nowMs(), machines, vipHolders, api };
}

async function lookInside(asking: Asking, machines: readonly MachineState[]): Promise<Inside> {
  const running = new Set(machines.filter(({ state }) => state === 'running').map(({ name }) => name));
  const planes = controlPlanes(asking.lab).filter(({ name }) => running.has(name));
  const [cluster, seen] = await Promise.all([observeCluster(asking, planes), observeEtcd(asking, planes)]);
  const { nodes, pods, reason } = cluster;
  const { reason: why, ...etcd } = seen;
  const reasons = [
    ...(reason === null ? [] : [`nodes and pods: ${reason}`]),
    ...(why === null ? [] : [`etcd: ${why}`]),
  ];
  return { nodes, pods, reasons, etcd, truth: null };
}

/** From the first control plane that answers: an API server without quorum answers no list. */
async function observeCluster(
  context: Asking,
  planes: readonly MachineSpec[],
): Promise<Pick<Observation, 'nodes' | 'pods'> & { readonly reason: string | null }> {
  let reason = 'no control plane runs';
  for (const { name } of planes) {
    const shell = context.ssh.shell(name);
    const get = (...what: readonly string[]): Promise<Answer> =>
      ask(shell, context, [
        ...['kubectl', '--kubeconfig', ADMIN_CONF, `--server=https://127.0.0.1:${context.lab.endpoint.port}`],
        ...[`--tls-server-name=${name}`, '--request-timeout=5s', 'get', ...what, '-o', 'json'],
      ]);
    const [nodes, pods] = await Promise.all([get('nodes'), get('pods', '--all-namespaces')]);
    if ('text' in nodes && 'text' in pods) {
      return { nodes: readNodes(nodes.text), pods: readPods(pods.text), reason: null };
    }
    reason = 'why' in nodes ? nodes.why : 'why' in pods ? pods.why : reason;
  }
  return { nodes: null, pods: null, reason };
}

interface EtcdSeen extends Omit<Observation['etcd'], never> {
  readonly reason: string | null;
}

const NO_ETCD = { members: null, leader: null, quorum: false, tolerance: -1 } as const;

/** The list from the first member that answers; the health of each from its own machine. */
async function observeEtcd(context: Asking, planes: readonly MachineSpec[]): Promise<EtcdSeen> {
  const { ssh } = context;
  let reason = 'no control plane runs';
  for (const { name } of planes) {
    const listed = await ask(ssh.shell(name), context, etcdctl('member', 'list', '-w', 'json'));
    if ('why' in listed) {
      reason = listed.why;
      continue;
    }
    const members = readMembers(listed.text);
    const states = await Promise.all(planes.map((plane) => memberState(context, plane.name)));
    const seen = new Map(states.map((state, i) => [planes[i]?.name ?? '', state]));
    return { ...judge(members, seen), reason: null };
  }
  return { ...NO_ETCD, reason };
}

interface MemberState {
  readonly healthy: boolean;
  /** Of the member that this one takes for the leader; null when it knows of none. */
  readonly leaderId: string | null;
}

async function memberState(asking: Asking, name: string): Promise<MemberState> {
  const shell = asking.ssh.shell(name);
  const [health, status] = await Promise.all([
    ask(shell, asking, etcdctl('endpoint', 'health', '-w', 'json')),
    ask(shell, asking, etcdctl('endpoint', 'status', '-w', 'json')),
  ]);
  return {
    healthy: 'text' in health && readHealth(health.text),
    leaderId: 'text' in status ? readStatus(status.text) : null,
  };
}

/** Static pods of etcd are named after their machines, and so are the members. */
function judge(members: readonly EtcdMember[], seen: ReadonlyMap<string, MemberState>): Observation['etcd'] {
  const observed = members.map(({ name, learner }): EtcdObservation => {
    const healthy = seen.get(name)?.healthy === true;
    return { name, started: name !== '', learner, healthy };
  });
  const voters = observed.filter(({ learner }) => !learner);
  const up = voters.filter(({ healthy }) => healthy).length;
  const leaderId = [...seen.values()].find((state) => state.healthy && state.leaderId !== null)?.leaderId;
  return {
    members: observed,
    leader: members.find(({ id }) => id === leaderId)?.name ?? null,
    // One healthy member has had a linearizable read answered, which takes a majority.
    quorum: up > 0,
    tolerance: tolerance(voters.length, up),
  };
}

function etcdctl(...args: readonly string[]): readonly string[] {
  return [
    ...['etcdctl', '--endpoints', 'https://127.0.0.1:2379', '--cacert', `${PKI}/ca.crt`],
    ...['--cert', `${PKI}/healthcheck-client.crt`, '--key', `${PKI}/healthcheck-client.key`, ...args],
  ];
}

async function observeVip(
  asking: Asking,
  machines: readonly MachineState[],
): Promise<readonly string[] | null> {
  const { lab, ssh } = asking;
  const { vip, network } = lab;
  if (vip === null) return null;
  const asked = machines
    .filter(({ state }) => state === 'running')
    .map(async ({ name }) => {
      const argv = ['ip', '-4', '-o', 'addr', 'show', 'dev', network.interface];
      const shown = await ask(ssh.shell(name), asking, argv);
      return 'text' in shown && shown.text.includes(` ${vip.address}/`) ? [name] : [];
    });
  return (await Promise.all(asked)).flat();
}

/** Of a machine that does not run there is no answer to wait for. */
async function observeApi(asking: Asking, machines: readonly MachineState[]): Promise<Observation['api']> {
  const { lab, run } = asking;
  const shell = hostShell(run);
  const { address, port } = lab.endpoint;
  const runs = (name: string): boolean =>
    machines.some((machine) => machine.name === name && machine.state === 'running');
  const [endpoint, ...nodes] = await Promise.all([
    isReady(shell, asking, address, port),
    ...controlPlanes(lab).map(async (plane) =>
      runs(plane.name) ? isReady(shell, asking, plane.address, port) : false,
    ),
  ]);
  const names = controlPlanes(lab).map(({ name }) => name);
  return {
    endpoint,
    nodes: Object.fromEntries(names.map((name, i) => [name, nodes[i] === true])),
  };
}

async function isReady(shell: Shell, asking: Asking, host: string, port: number): Promise<boolean> {
  const { lab } = asking;
  const url = `https://${host}:${port}/readyz`;
  const argv = ['curl', '--silent', '--insecure', '--output', '/dev/null', '--write-out', '%{http_code}'];
  const seen = await ask(shell, asking, [...argv, '--max-time', String(Math.ceil(2 * lab.timeScale)), url]);
  return 'text' in seen && seen.text === '200';
}

async function ask(shell: Shell, { lab, signal }: Asking, argv: readonly string[]): Promise<Answer> {
  try {
    const stop = signal === undefined ? {} : { signal };
    const end = await shell.run({ argv, timeoutMs: scaled(lab, 15), ...stop });
    const decoder = new TextDecoder();
    if (end.kind === 'exited' && end.code === 0) return { text: decoder.decode(end.stdout) };
    const said = decoder.decode(end.stderr).trim().split('\n').at(-1) ?? '';
    const how =
      end.kind === 'exited' ? said : end.kind === 'lost' ? 'the connection was lost' : 'no answer in time';
    return { why: `${argv[0] ?? ''} on ${shell.machine}: ${how}` };
  } catch (error) {
    if (error instanceof UnreachableError) return { why: messageOf(error) };
    throw error;
  }
}
