/** What must be true before a control plane is touched, asked of the cluster and not of a record. */
import { StepError, type Guard, type StepContext } from '../engine/saga.js';
import { API_PORT } from '../generate/kubeadm.js';
import { controlPlanes, loadBalancers, type LabSpec, type MachineSpec } from '../model/lab.js';
import { forecastQuorum, quorumSize, quorumText } from '../model/quorum.js';
import { HOST, UnreachableError } from '../provider/provider.js';
import { etcdHealthy, etcdMembers, type EtcdMember } from './etcd.js';
import { etcdFacts } from './facts/gather.js';
import { askKubectl, firstControlPlane, parseNodes, workingControlPlane } from './kubectl.js';
import { isOf } from './membership.js';
import { holdsVip } from './node.js';
import { run, succeeds } from './remote.js';
import { minutes, poll, seconds } from './timing.js';

/** etcd accepts the next change of membership once every voter has been connected for this long (HealthInterval). */
const HEALTH_INTERVAL_SECONDS = 5;

/**
 * A guard for adding a member: etcd must have a leader, no learner, and every member must answer, because
 * kubeadm's own check-etcd asks them all and needs two minutes to say no.
 */
export function membershipMayGrow(lab: LabSpec, joining: MachineSpec): Guard {
  return async (context) => {
    const problem = await poll(context, { timeoutMs: minutes(lab, 2), everyMs: seconds(lab, 3) }, async () =>
      (await growthProblem(context, lab, joining)) === null ? 'none' : null,
    );
    return problem === null ? await growthProblem(context, lab, joining) : null;
  };
}

async function growthProblem(
  context: StepContext,
  lab: LabSpec,
  joining: MachineSpec,
): Promise<string | null> {
  const first = firstControlPlane(lab);
  const members = await etcdMembers(context, lab, first);
  if (members === null) return `etcd on ${first} does not answer`;
  // What an earlier attempt of this join left behind is removed by the next one.
  const others = members.filter((member) => !isOf(member, joining));
  const learner = others.find((member) => member.learner);
  if (learner !== undefined) return `etcd member ${learner.name || learner.id} is still a learner`;
  if (others.length < members.length || (await etcdHealthy(context, lab, first, members))) return null;
  const voters = others.length;
  const quorum = `${quorumSize(voters)} of ${voters} voters are a quorum`;
  return `not every etcd member answers; ${quorum}, but a join needs them all`;
}

/**
 * The gate after a control plane has joined: a started voter, all members healthy, at least five seconds since
 * the membership changed, the node's own API server live, and its Node marked as a control plane.
 */
export async function controlPlaneJoined(
  context: StepContext,
  lab: LabSpec,
  machine: MachineSpec,
): Promise<void> {
  let missing = 'nothing was asked';
  const joined = await poll(context, { timeoutMs: minutes(lab, 5), everyMs: seconds(lab, 2) }, async () => {
    const problem = await joinProblem(context, lab, machine);
    missing = problem ?? missing;
    return problem === null ? true : null;
  });
  if (joined === null) {
    throw new StepError({
      code: 'join-gate',
      message: `${machine.name} has joined, but is not whole: ${missing}`,
      remedy: 'Look at it with: homelab etcd status',
      retryable: true,
    });
  }
  await context.clock.sleep(seconds(lab, HEALTH_INTERVAL_SECONDS), context.signal);
}

/** What is still missing of a control plane; null when it is whole. */
export async function joinProblem(
  context: StepContext,
  lab: LabSpec,
  machine: MachineSpec,
): Promise<string | null> {
  const first = firstControlPlane(lab);
  const members = await etcdMembers(context, lab, first);
  if (members === null) return `etcd on ${first} does not answer`;
  const problem = memberProblem(members, machine);
  if (problem !== null) return problem;
  if (!(await etcdHealthy(context, lab, first, members))) return 'not every etcd member is healthy';
  if (!(await isLive(context, lab, machine))) return `the API server of ${machine.name} is not live`;
  const nodes = await askKubectl(context, lab, ['get', 'nodes', '-o', 'json']);
  if (nodes === null) return 'the API does not answer';
  const node = parseNodes(nodes).find((one) => one.name === machine.name);
  return node?.controlPlane === true ? null : `the Node ${machine.name} is not marked as a control plane`;
}

function memberProblem(members: readonly EtcdMember[], machine: MachineSpec): string | null {
  const member = members.find((one) => isOf(one, machine));
  if (member === undefined) return `etcd has no member ${machine.name}`;
  if (member.name === '') return `the etcd member of ${machine.name} has not started`;
  return member.learner ? `the etcd member ${machine.name} is still a learner` : null;
}

async function isLive(context: StepContext, lab: LabSpec, machine: MachineSpec): Promise<boolean> {
  const url = `https://${machine.address}:${API_PORT}/livez`;
  return succeeds(context, machine.name, ['curl', '-k', '-s', '-f', '-m', '10', url], {
    timeoutMs: seconds(lab, 30),
  });
}

/**
 * The quorum gate: a guard for a step that takes voters down. Counts live members, waits a while for one that is just
 * coming back, and says the arithmetic when it refuses.
 */
export function keepsQuorum(lab: LabSpec, takesDown: readonly string[]): Guard {
  return async (context) => {
    let problem: string | null = null;
    const times = { timeoutMs: minutes(lab, 3), everyMs: seconds(lab, 3) };
    await poll(context, times, async () => {
      problem = await quorumProblem(context, lab, takesDown);
      return problem === null ? true : null;
    });
    return problem;
  };
}

async function quorumProblem(
  context: StepContext,
  lab: LabSpec,
  takesDown: readonly string[],
): Promise<string | null> {
  // Asked where it will still be up: the voter that goes down may be away already.
  const on = await workingControlPlane(context, lab, takesDown[0]);
  const etcd = on === null ? null : await etcdFacts(context, lab, on);
  if (etcd === null) return `etcd on ${on ?? 'any control plane'} does not answer`;
  const learner = etcd.members.find((member) => member.learner);
  if (learner !== undefined) return `etcd member ${learner.name || 'without a name'} is still a learner`;
  const voters = etcd.members.map(({ name, healthy }) => ({ name, up: healthy }));
  const forecast = forecastQuorum(voters, takesDown);
  return forecast.keepsQuorum ? null : quorumText(forecast, takesDown);
}

/**
 * What is missing of a control plane that has just been restarted, and of what it must not have disturbed: etcd as a
 * whole, its own API server, the API's address. Null when nothing is.
 */
export async function controlPlaneProblem(
  context: StepContext,
  lab: LabSpec,
  machine: MachineSpec,
): Promise<string | null> {
  const etcd = await etcdFacts(context, lab, machine.name);
  if (etcd === null) return `etcd on ${machine.name} does not answer`;
  const learner = etcd.members.find((member) => member.learner);
  if (learner !== undefined) return `etcd member ${learner.name || 'without a name'} is still a learner`;
  const sick = etcd.members.filter(({ healthy }) => !healthy).map(({ name }) => name || 'without a name');
  if (sick.length > 0) return `etcd member ${sick.join(' and ')} is not healthy`;
  if (!(await isLive(context, lab, machine))) return `the API server of ${machine.name} is not live`;
  const holders = await vipHolders(context, lab);
  if (holders === null || holders.length === 1) return null;
  return `${lab.vip?.address ?? ''} is held by ${holders.length === 0 ? 'no machine' : holders.join(' and ')}`;
}

/** Machines that carry the API's address now, those that answer; null where the lab has no such address. */
export async function vipHolders(context: StepContext, lab: LabSpec): Promise<readonly string[] | null> {
  if (lab.vip === null) return null;
  const found: string[] = [];
  for (const { name } of [...loadBalancers(lab), ...controlPlanes(lab)]) {
    try {
      if (await holdsVip(context, lab, name)) found.push(name);
    } catch (error) {
      // Who cannot be reached is judged elsewhere; a machine without power holds nothing.
      if (!(error instanceof UnreachableError)) throw error;
    }
  }
  return found;
}

/** HTTP status of a path at `host` as the workstation sees it, certificate not looked at; null when nothing answers. */
export async function statusFromOutside(
  context: StepContext,
  lab: LabSpec,
  host: string,
  path: string,
): Promise<number | null> {
  const url = `https://${host}:${lab.endpoint.port}${path}`;
  const argv = ['curl', '-k', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-m', '10', url];
  const ran = await run(context, HOST, argv, { timeoutMs: seconds(lab, 30) });
  return ran.code === 0 ? Number(ran.stdout.trim()) : null;
}
