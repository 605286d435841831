/**
 * What an onlooker sees of real machines, by asking them: libvirt for their power, kubectl and etcdctl on control
 * planes, ip for the floating address, curl from the workstation for the API. Nothing is changed by it; what
 * cannot be read is null, with a reason.
 */
import { messageOf } from '../../base/errors.js';
import { controlPlanes, type LabSpec, type MachineSpec } from '../../model/lab.js';
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

export async function observeLab(context: Context): Promise<Observation> {
  const { lab, clock } = context;
  const machines = await machineStates(context);
  const running = new Set(machines.filter(({ state }) => state === 'running').map(({ name }) => name));
  const planes = controlPlanes(lab).filter(({ name }) => running.has(name));
  const [cluster, etcd, vipHolders, api] = await Promise.all([
    observeCluster(context, planes),
    observeEtcd(context, planes),
    observeVip(context, machines),
    observeApi(context),
  ]);
  const { nodes, pods, reason } = cluster;
  const reasons = [
    ...(reason === null ? [] : [`nodes and pods: ${reason}`]),
    ...(etcd.reason === null ? [] : [`etcd: ${etcd.reason}`]),
  ];
  return {
    ...{ atMs: clock.nowMs(), machines, nodes, pods, vipHolders, api, reasons },
    etcd: { members: etcd.members, leader: etcd.leader, quorum: etcd.quorum, tolerance: etcd.tolerance },
  };
}

/** From the first control plane that answers: an API server without quorum answers no list. */
async function observeCluster(
  context: Context,
  planes: readonly MachineSpec[],
): Promise<Pick<Observation, 'nodes' | 'pods'> & { readonly reason: string | null }> {
  let reason = 'no control plane runs';
  for (const { name } of planes) {
    const shell = context.ssh.shell(name);
    const get = (...what: readonly string[]): Promise<Answer> =>
      ask(shell, context.lab, [
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
async function observeEtcd(context: Context, planes: readonly MachineSpec[]): Promise<EtcdSeen> {
  const { lab, ssh } = context;
  let reason = 'no control plane runs';
  for (const { name } of planes) {
    const listed = await ask(ssh.shell(name), lab, etcdctl('member', 'list', '-w', 'json'));
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

async function memberState({ lab, ssh }: Context, name: string): Promise<MemberState> {
  const [health, status] = await Promise.all([
    ask(ssh.shell(name), lab, etcdctl('endpoint', 'health', '-w', 'json')),
    ask(ssh.shell(name), lab, etcdctl('endpoint', 'status', '-w', 'json')),
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
  { lab, ssh }: Context,
  machines: readonly MachineState[],
): Promise<readonly string[] | null> {
  const { vip, network } = lab;
  if (vip === null) return null;
  const asked = machines
    .filter(({ state }) => state === 'running')
    .map(async ({ name }) => {
      const argv = ['ip', '-4', '-o', 'addr', 'show', 'dev', network.interface];
      const shown = await ask(ssh.shell(name), lab, argv);
      return 'text' in shown && shown.text.includes(` ${vip.address}/`) ? [name] : [];
    });
  return (await Promise.all(asked)).flat();
}

async function observeApi({ lab, run }: Context): Promise<Observation['api']> {
  const shell = hostShell(run);
  const { address, port } = lab.endpoint;
  const [endpoint, ...nodes] = await Promise.all(
    [address, ...controlPlanes(lab).map((plane) => plane.address)].map((host) =>
      isReady(shell, lab, host, port),
    ),
  );
  const names = controlPlanes(lab).map(({ name }) => name);
  return {
    endpoint: endpoint === true,
    nodes: Object.fromEntries(names.map((name, i) => [name, nodes[i] === true])),
  };
}

async function isReady(shell: Shell, lab: LabSpec, host: string, port: number): Promise<boolean> {
  const url = `https://${host}:${port}/readyz`;
  const argv = ['curl', '--silent', '--insecure', '--output', '/dev/null', '--write-out', '%{http_code}'];
  const seen = await ask(shell, lab, [...argv, '--max-time', String(Math.ceil(2 * lab.timeScale)), url]);
  return 'text' in seen && seen.text === '200';
}

async function ask(shell: Shell, lab: LabSpec, argv: readonly string[]): Promise<Answer> {
  try {
    const end = await shell.run({ argv, timeoutMs: scaled(lab, 15) });
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
