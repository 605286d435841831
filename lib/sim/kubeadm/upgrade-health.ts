/**
 * The health checks before `upgrade plan` and `upgrade apply`: a Job that must complete within 15 s, Ready control
 * planes, and the static pod manifests of this node. The checks of CoreDNS's migration (CoreDNSUnsupportedPlugins,
 * CoreDNSMigration) are left out: the simulated CoreDNS has no Corefile to migrate.
 */
import { itemsOf, type ApiClient } from '../api-client.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { sleep, type Sim } from '../task.js';
import { at, listAt, textAt } from '../tree.js';
import { explain, request } from './api.js';
import type { ClusterConfig } from './config-model.js';
import { MANIFESTS_FOLDER, say, warn, type Kubeadm } from './context.js';
import { pauseImage } from './images.js';
import { error, report, type Finding } from './preflight.js';

const JOBS = '/apis/batch/v1/namespaces/kube-system/jobs';
const JOB_TIMEOUT_MS = 15_000;
const POLL_MS = 1_000;
/** How long the finished Job stays for somebody to look at. */
const JOB_TTL_SECONDS = 20;
const CONTROL_PLANE_LABEL = 'node-role.kubernetes.io/control-plane';

/** Runs all checks, and throws what they found and nobody ignores. */
export function* checkClusterHealth(
  kubeadm: Kubeadm,
  client: ApiClient,
  cluster: ClusterConfig,
  ignored: ReadonlySet<string>,
): Sim<void> {
  say(kubeadm, '[upgrade] Running cluster health checks');
  const checks: readonly (readonly [string, Sim<string | null>])[] = [
    ['CreateJob', createJob(kubeadm, client, cluster)],
    ['ControlPlaneNodesReady', controlPlanesReady(kubeadm, client)],
    ['StaticPodManifest', manifestsThere(kubeadm)],
  ];
  const findings: Finding[] = [];
  for (const [name, check] of checks) {
    const problem = yield* check;
    if (problem !== null) findings.push(error(name, problem));
  }
  report(kubeadm, findings, ignored);
}

/** A Job of the pause image must run somewhere and end: it needs a controller manager, a scheduler and a network. */
function* createJob(kubeadm: Kubeadm, client: ApiClient, cluster: ClusterConfig): Sim<string | null> {
  const { world } = kubeadm.call;
  const nodes = yield* request(client, 'GET', '/api/v1/nodes');
  if (nodes.kind !== 'ok') {
    const why = explain(kubeadm, nodes, 'GET', '/api/v1/nodes');
    return `could not check if there are schedulable Nodes in the cluster: ${why}`;
  }
  if (itemsOf(nodes).every((node) => at(node, 'spec', 'unschedulable') === true)) {
    const skipped =
      'The preflight check "CreateJob" was skipped because there are no schedulable Nodes in the cluster.';
    warn(kubeadm, 'health.go:132', skipped);
    return null;
  }
  const name = `upgrade-health-check-${EPOCH_UNIX_MS + world.nowMs}`;
  const inNamespace = `Job "${name}" in the namespace "kube-system"`;
  const started = yield* poll(kubeadm, function* create(leftMs) {
    const outcome = yield* request(client, 'POST', JOBS, jobObject(name, pauseImage(cluster)), leftMs);
    return outcome.kind === 'ok' ? null : explain(kubeadm, outcome, 'POST', JOBS);
  });
  if (started !== null) return `could not create ${inNamespace}: ${started}`;
  const ended = yield* poll(kubeadm, function* completed(leftMs) {
    const path = `${JOBS}/${name}`;
    const outcome = yield* request(client, 'GET', path, undefined, leftMs);
    if (outcome.kind !== 'ok') return explain(kubeadm, outcome, 'GET', path);
    const done = listAt(outcome.body, 'status', 'conditions').some(
      (one) => textAt(one, 'type') === 'Complete',
    );
    return done ? null : 'no condition of type Complete';
  });
  return ended === null ? null : `${inNamespace} did not complete in 15s: ${ended}`;
}

/** Tries every second for 15 s; null, or what the last try said. */
function* poll(kubeadm: Kubeadm, attempt: (leftMs: number) => Sim<string | null>): Sim<string | null> {
  const { world } = kubeadm.call;
  const deadlineMs = world.nowMs + JOB_TIMEOUT_MS;
  for (;;) {
    const problem = yield* attempt(deadlineMs - world.nowMs);
    if (problem === null) return null;
    const leftMs = deadlineMs - world.nowMs;
    if (leftMs <= POLL_MS) {
      yield* sleep(Math.max(0, leftMs));
      return problem;
    }
    yield* sleep(POLL_MS);
  }
}

function jobObject(name: string, image: string): unknown {
  const tolerations = [{ key: CONTROL_PLANE_LABEL, effect: 'NoSchedule' }];
  const user = { runAsUser: 999, runAsGroup: 999, runAsNonRoot: true };
  const containers = [{ name, image, args: ['-v'] }];
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'kube-system' },
    spec: {
      backoffLimit: 0,
      ttlSecondsAfterFinished: JOB_TTL_SECONDS,
      template: { spec: { restartPolicy: 'Never', securityContext: user, tolerations, containers } },
    },
  };
}

/** Believes the API: while no controller manager leads, a dead node still says Ready. */
function* controlPlanesReady(kubeadm: Kubeadm, client: ApiClient): Sim<string | null> {
  const path = `/api/v1/nodes?labelSelector=${CONTROL_PLANE_LABEL}%3D`;
  const outcome = yield* request(client, 'GET', path);
  if (outcome.kind !== 'ok') {
    const why = explain(kubeadm, outcome, 'GET', path);
    return `could not list nodes labeled with "${CONTROL_PLANE_LABEL}": ${why}`;
  }
  const notReady = itemsOf(outcome)
    .filter((node) =>
      listAt(node, 'status', 'conditions').some(
        (one) => textAt(one, 'type') === 'Ready' && textAt(one, 'status') !== 'True',
      ),
    )
    .map((node) => node.metadata.name);
  return notReady.length === 0
    ? null
    : `there are NotReady control-planes in the cluster: [${notReady.join(' ')}]`;
}

function* manifestsThere(kubeadm: Kubeadm): Sim<string | null> {
  yield* [];
  const missing = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']
    .map((name) => `${MANIFESTS_FOLDER}/${name}.yaml`)
    .filter((path) => !kubeadm.call.machine.disk.isFile(path));
  return missing.length === 0
    ? null
    : "The control plane seems to be Static Pod-hosted, but some of the manifests don't seem to exist on disk. " +
        "This probably means you're running 'kubeadm upgrade' on a remote machine, which is not supported for a " +
        `Static Pod-hosted cluster. Manifest files not found: [${missing.join(' ')}]`;
}
