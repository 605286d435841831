/**
 * kubeadm's etcd client: the endpoints come from the etcd pods of the cluster and then from etcd itself, every call
 * has two seconds, and changes are tried again every half second until the `etcdAPICall` budget is spent.
 */
import { must } from '../../base/errors.js';
import { itemsOf, type ApiClient } from '../api-client.js';
import {
  etcdPath,
  type EtcdAnswers,
  type EtcdMethod,
  type EtcdParameters,
  type EtcdReply,
} from '../etcd-api.js';
import type { EtcdMember } from '../etcd-cluster.js';
import { checkServer, parseCertificate } from '../pki.js';
import { sleep, waitFor, type Sim, type Task } from '../task.js';
import type { ControlPlane, Timeouts } from './config-model.js';
import { KubeadmFailure, type Kubeadm } from './context.js';
import { CLIENT_URL_ANNOTATION } from './etcd-manifest.js';
import { explain, kubeSystem, request, retry } from './api.js';

const CALL_MS = 2_000;
const DEADLINE = 'context deadline exceeded';
const HEALTH_ROUNDS = 8;
const HEALTH_PAUSE_MS = 5_000;

export interface EtcdAccess {
  readonly kubeadm: Kubeadm;
  readonly certificatesDir: string;
  readonly timeouts: Timeouts;
  /** `https://192.168.62.11:2379`; changed when the member list changes. */
  endpoints: string[];
}

type Answer<M extends EtcdMethod> =
  { readonly ok: true; readonly value: EtcdAnswers[M] } | { readonly ok: false; readonly error: string };

/** A client for all members of the cluster. Throws a `KubeadmFailure` when they cannot be found or asked. */
export function* connectEtcd(
  kubeadm: Kubeadm,
  api: ApiClient,
  plane: Pick<ControlPlane, 'cluster' | 'timeouts'>,
): Sim<EtcdAccess> {
  const { timeouts } = plane;
  const access: EtcdAccess = {
    kubeadm,
    certificatesDir: plane.cluster.certificatesDir,
    timeouts,
    endpoints: [],
  };
  const path = kubeSystem('pods?labelSelector=component%3Detcd%2Ctier%3Dcontrol-plane');
  yield* retry(kubeadm, timeouts.etcdAPICall, function* attempt(leftMs): Sim<string | null> {
    const outcome = yield* request(api, 'GET', path, undefined, leftMs);
    if (outcome.kind !== 'ok') {
      return `could not retrieve the list of etcd endpoints: ${explain(kubeadm, outcome, 'GET', path)}`;
    }
    const urls = itemsOf(outcome).map((pod) => pod.metadata.annotations?.[CLIENT_URL_ANNOTATION] ?? '');
    access.endpoints = urls.filter((url) => url !== '');
    return access.endpoints.length > 0
      ? null
      : 'could not retrieve the list of etcd endpoints: no etcd pods found';
  });
  const members = yield* repeat(access, 'Cluster/MemberList', {}, 'error syncing endpoints with etcd: ');
  access.endpoints = members.members.flatMap((member) => member.clientUrls);
  return access;
}

/** Asks every member for its status, each for as long as the budget lasts: one dead member fails the whole check. */
export function* checkEtcdHealth(access: EtcdAccess): Sim<void> {
  for (const endpoint of access.endpoints) {
    yield* retry(access.kubeadm, access.timeouts.etcdAPICall, function* attempt(): Sim<string | null> {
      const answer = yield* callOne(access, endpoint, 'Maintenance/Status', {});
      if (answer.ok) return null;
      return `failed to dial endpoint ${endpoint} with maintenance client: ${answer.error}`;
    });
  }
}

/** Until every member answers; after a member was added, up to eight rounds, five seconds apart. */
export function* waitEtcdAvailable(
  access: EtcdAccess,
  rounds = HEALTH_ROUNDS,
  pauseMs = HEALTH_PAUSE_MS,
): Sim<void> {
  for (let round = 0; round < rounds; round += 1) {
    if (round > 0) yield* sleep(pauseMs);
    try {
      yield* checkEtcdHealth(access);
      return;
    } catch (error) {
      if (!(error instanceof KubeadmFailure)) throw error;
    }
  }
  throw new KubeadmFailure('timeout waiting for etcd cluster to be available');
}

export function* listMembers(access: EtcdAccess): Sim<readonly EtcdMember[]> {
  return (yield* repeat(access, 'Cluster/MemberList', {}, '')).members;
}

/** Adds a learner. When a member with that peer URL exists already, kubeadm takes it for its own and goes on. */
export function* addLearner(access: EtcdAccess, peerUrl: string): Sim<readonly EtcdMember[]> {
  let members: readonly EtcdMember[] = [];
  yield* retry(access.kubeadm, access.timeouts.etcdAPICall, function* attempt(): Sim<string | null> {
    const wanted = { peerUrls: [peerUrl], isLearner: true };
    const answer = yield* callAny(access, 'Cluster/MemberAdd', wanted);
    if (answer.ok) {
      members = answer.value.members;
      return null;
    }
    if (answer.error !== 'etcdserver: Peer URLs already exists') return answer.error;
    members = yield* listMembers(access);
    return null;
  });
  return members;
}

/** Promotes a learner once it has caught up. A member that is a voter already needs nothing. */
export function* promoteMember(access: EtcdAccess, id: string): Sim<void> {
  yield* retry(access.kubeadm, access.timeouts.etcdAPICall, function* attempt(): Sim<string | null> {
    const member = (yield* listMembers(access)).find((one) => one.id === id);
    if (member?.isLearner === false) return null;
    // 1.32 first waits for the learner's name, which it publishes when it has started.
    if (access.kubeadm.flavour === 32 && member?.name === '') return `the etcd member ${id} is not started`;
    const answer = yield* callAny(access, 'Cluster/MemberPromote', { id });
    return answer.ok ? null : answer.error;
  });
}

export function* removeMember(access: EtcdAccess, id: string): Sim<void> {
  yield* retry(access.kubeadm, access.timeouts.etcdAPICall, function* attempt(): Sim<string | null> {
    const answer = yield* callAny(access, 'Cluster/MemberRemove', { id });
    if (answer.ok || answer.error === 'etcdserver: member not found') return null;
    return answer.error;
  });
}

function* repeat<M extends EtcdMethod>(
  access: EtcdAccess,
  method: M,
  parameters: EtcdParameters,
  prefix: string,
): Sim<EtcdAnswers[M]> {
  const found: EtcdAnswers[M][] = [];
  yield* retry(access.kubeadm, access.timeouts.etcdAPICall, function* attempt(): Sim<string | null> {
    const answer = yield* callAny(access, method, parameters);
    if (!answer.ok) return `${prefix}${answer.error}`;
    found.push(answer.value);
    return null;
  });
  return must(found[0], 'retry returns only after a success');
}

/** One call at the first endpoint that a connection can be made to. */
function* callAny<M extends EtcdMethod>(
  access: EtcdAccess,
  method: M,
  parameters: EtcdParameters,
): Sim<Answer<M>> {
  const endpoint = yield* dial(access);
  if (endpoint === null) return { ok: false, error: DEADLINE };
  const answer = yield* callOne(access, endpoint, method, parameters);
  if (!answer.ok) logFailedCall(access.kubeadm, endpoint, answer.error);
  return answer;
}

/** Connects to all endpoints at once; the first that answers is used, null when none did in time. */
function* dial(access: EtcdAccess): Sim<string | null> {
  const { call } = access.kubeadm;
  const { scheduler } = call.world;
  const deadlineMs = scheduler.nowMs + CALL_MS;
  const tries = access.endpoints.map((endpoint): [string, Task<Answer<'Maintenance/Status'>>] => [
    endpoint,
    scheduler.spawn(
      call.process.group,
      `dial ${endpoint}`,
      callOne(access, endpoint, 'Maintenance/Status', {}),
    ),
  ]);
  for (;;) {
    const connected = tries.find(([, task]) => task.state === 'ended' && task.result?.ok === true);
    if (connected !== undefined) return connected[0];
    const open = tries.filter(([, task]) => task.state === 'running').map(([, task]) => task.ended);
    const leftMs = deadlineMs - scheduler.nowMs;
    if (leftMs <= 0) return null;
    if (open.length === 0) yield* sleep(leftMs);
    else yield* waitFor(open, leftMs);
  }
}

function* callOne<M extends EtcdMethod>(
  access: EtcdAccess,
  endpoint: string,
  method: M,
  parameters: EtcdParameters,
): Sim<Answer<M>> {
  const { machine, world } = access.kubeadm.call;
  const match = /^https:\/\/(.+):(\d+)$/.exec(endpoint);
  const host = match?.[1] ?? '';
  const startMs = world.nowMs;
  const folder = `${access.certificatesDir}/etcd`;
  const client = parseCertificate(machine.disk.read(`${folder}/healthcheck-client.crt`) ?? '');
  const authority = parseCertificate(machine.disk.read(`${folder}/ca.crt`) ?? '');
  const outcome = yield* world.network.exchange(
    machine,
    host,
    Number(match?.[2]),
    {
      method: 'POST',
      path: etcdPath(method),
      body: parameters,
      ...(client === null ? {} : { clientCertificate: client }),
    },
    CALL_MS,
  );
  const certificate = outcome.kind === 'response' ? outcome.certificate : null;
  const trusted =
    authority !== null &&
    (certificate === null || checkServer(certificate, authority, host, machine.wallMs) === null);
  if (outcome.kind === 'response' && outcome.status === 200 && trusted) {
    const reply = outcome.body as EtcdReply<M>;
    return reply.ok ? { ok: true, value: reply.value } : reply;
  }
  // The client goes on connecting until its time is over, whatever the reason was.
  yield* sleep(Math.max(0, startMs + CALL_MS - world.nowMs));
  return { ok: false, error: DEADLINE };
}

const CODES: Readonly<Record<string, string>> = {
  'etcdserver: unhealthy cluster': 'Unavailable',
  'etcdserver: request timed out': 'Unavailable',
  'etcdserver: no leader': 'Unavailable',
  'etcdserver: leader changed': 'Unavailable',
  'etcdserver: member not found': 'NotFound',
  [DEADLINE]: 'DeadlineExceeded',
};

/** The etcd library writes a JSON line to stderr for every failed call; a slow promotion makes dozens of them. */
function logFailedCall(kubeadm: Kubeadm, endpoint: string, error: string): void {
  const { call } = kubeadm;
  const library = kubeadm.flavour === 31 ? 'v3@v3.5.14' : 'v3@v3.5.16';
  call.printError(
    `${JSON.stringify({
      level: 'warn',
      ts: call.machine.date(true),
      logger: 'etcd-client',
      caller: `${library}/retry_interceptor.go:63`,
      msg: 'retrying of unary invoker failed',
      target: `etcd-endpoints://0xc000600780/${endpoint.replace('https://', '')}`,
      attempt: 0,
      error: `rpc error: code = ${CODES[error] ?? 'FailedPrecondition'} desc = ${error}`,
    })}\n`,
  );
}
