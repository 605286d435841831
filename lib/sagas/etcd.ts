/** etcd's members as etcdctl on a control plane shows them. Ids stay text: they do not fit into a number. */
import { StepError, type StepContext } from '../engine/saga.js';
import type { LabSpec } from '../model/lab.js';
import { UnreachableError } from '../provider/provider.js';
import { must, run } from './remote.js';
import { seconds } from './timing.js';

const PKI = '/etc/kubernetes/pki/etcd';

export interface EtcdMember {
  /** Hexadecimal, as etcdctl wants it for an argument. */
  readonly id: string;
  /** Empty when the member has never started. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly learner: boolean;
}

export function etcdctlArgv(...args: readonly string[]): readonly string[] {
  return [
    ...['etcdctl', '--endpoints', 'https://127.0.0.1:2379', '--cacert', `${PKI}/ca.crt`],
    ...['--cert', `${PKI}/healthcheck-client.crt`, '--key', `${PKI}/healthcheck-client.key`, ...args],
  ];
}

/** The members as the one on `machine` knows them; null when it does not answer. */
export async function etcdMembers(
  context: StepContext,
  lab: LabSpec,
  machine: string,
): Promise<readonly EtcdMember[] | null> {
  try {
    const argv = etcdctlArgv('member', 'list', '-w', 'json');
    const ran = await run(context, machine, argv, { timeoutMs: seconds(lab, 20) });
    return ran.code === 0 ? parseMembers(ran.stdout) : null;
  } catch (error) {
    if (error instanceof UnreachableError || error instanceof StepError) return null;
    throw error;
  }
}

/**
 * True when every one of `members` has started and answers a linearizable read. `--cluster` asks the client addresses
 * in the list, and a member that was added and has not started has none: etcdctl calls the cluster healthy without it.
 */
export async function etcdHealthy(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  members: readonly EtcdMember[],
): Promise<boolean> {
  if (members.some(({ name }) => name === '')) return false;
  const argv = etcdctlArgv('endpoint', 'health', '--cluster', '-w', 'json');
  const ran = await run(context, machine, argv, { timeoutMs: seconds(lab, 30) });
  return ran.code === 0;
}

export interface EtcdEndpoints {
  /** Client URLs whose member answers a linearizable read. */
  readonly healthy: readonly string[];
  /** Of the largest database, in bytes; null when nobody said. */
  readonly dbBytes: number | null;
}

/** How each member in the list is, as asked from `machine`. Without a quorum the list itself is not to be had. */
export async function etcdEndpoints(
  context: StepContext,
  lab: LabSpec,
  machine: string,
): Promise<EtcdEndpoints> {
  const ask = async (what: string): Promise<string> => {
    const argv = etcdctlArgv('endpoint', what, '--cluster', '-w', 'json');
    // One dead member is exit code 1, and the others are printed all the same.
    return (await run(context, machine, argv, { timeoutMs: seconds(lab, 30) })).stdout;
  };
  const health = parseList(await ask('health'));
  const status = parseList(await ask('status'));
  const sizes = status.flatMap((one) => one.Status?.dbSize ?? []);
  return {
    healthy: health.filter((one) => one.health === true).map((one) => one.endpoint ?? ''),
    dbBytes: sizes.length === 0 ? null : Math.max(...sizes),
  };
}

/** Empty for a program that printed nothing because it could not even ask. */
function parseList(json: string): readonly RawEndpoint[] {
  return json.trim() === '' ? [] : (JSON.parse(json) as readonly RawEndpoint[]);
}

interface RawEndpoint {
  readonly endpoint?: string;
  readonly health?: boolean;
  readonly Status?: { readonly dbSize?: number };
}

export async function removeEtcdMember(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  id: string,
): Promise<void> {
  await must(context, machine, etcdctlArgv('member', 'remove', id), { timeoutMs: seconds(lab, 30) });
}

export function parseMembers(json: string): readonly EtcdMember[] {
  // Ids are uint64 in decimal: as JavaScript numbers they would be rounded, so they are quoted first.
  const quoted = json.replace(/"(ID|cluster_id|member_id)":(\d+)/g, '"$1":"$2"');
  const { members } = JSON.parse(quoted) as { readonly members?: readonly RawMember[] };
  return (members ?? []).map((member) => ({
    id: BigInt(member.ID).toString(16),
    name: member.name ?? '',
    peerUrls: member.peerURLs ?? [],
    learner: member.isLearner === true,
  }));
}

interface RawMember {
  readonly ID: string;
  readonly name?: string;
  readonly peerURLs?: readonly string[];
  readonly isLearner?: boolean;
}
