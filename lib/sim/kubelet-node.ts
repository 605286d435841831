/**
 * The kubelet's Node object: registering it, keeping its conditions, and the Lease that says the node is alive.
 * Periodic reports that change nothing (every five minutes) are not sent.
 */
import type { ApiClient } from './api-client.js';
import { noteEvent, type Kubelet } from './kubelet-state.js';
import { imagesStatus, nodeInfo, readyProblem, resources } from './kubelet-node-status.js';
import type { KubeObject } from './objects.js';
import { keepLeaseRenewed } from './lease.js';
import { sleep, waitFor, type Sim } from './task.js';
import { listAt, textAt } from './tree.js';

const REQUEST_TIMEOUT_MS = 10_000;
/** nodeStatusUpdateFrequency. */
const STATUS_EVERY_MS = 10_000;
const FIRST_REGISTER_RETRY_MS = 100;
const LONGEST_REGISTER_RETRY_MS = 7_000;
/** Lease of 40 s, renewed after a quarter of it. */
const LEASE_SECONDS = 40;
const LEASE_EVERY_MS = 10_000;

/** Registers the node once and keeps its status for as long as the kubelet runs. */
export function* keepNode(kubelet: Kubelet): Sim<never> {
  const startMs = kubelet.machine.world.nowMs;
  yield* register(kubelet);
  kubelet.machine.world.scheduler.spawn(kubelet.call.process.group, 'node lease', keepNodeLease(kubelet));
  let everReady = false;
  for (;;) {
    const problem = readyProblem(kubelet);
    if (yield* report(kubelet, problem)) everReady ||= problem === null;
    else {
      yield* sleep(STATUS_EVERY_MS);
      continue;
    }
    // What changed while the report was under way is told by the next one.
    if (readyProblem(kubelet) === problem) {
      yield* waitFor([
        kubelet.cni.changed,
        kubelet.machine.units.changed('containerd'),
        kubelet.ownNode.changed,
        kubelet.machine.disk.spaceChanged,
      ]);
    }
    // A young kubelet reports as soon as it becomes ready, later only at its ticks.
    const sinceMs = kubelet.machine.world.nowMs - startMs;
    yield* sleep(everReady ? STATUS_EVERY_MS - (sinceMs % STATUS_EVERY_MS) : 100);
  }
}

function* register(kubelet: Kubelet): Sim<void> {
  for (let retryMs = FIRST_REGISTER_RETRY_MS; ; retryMs = Math.min(2 * retryMs, LONGEST_REGISTER_RETRY_MS)) {
    const { client } = kubelet;
    if (client === null) {
      yield* waitFor([kubelet.clientChanged]);
      continue;
    }
    if (yield* tryRegister(kubelet, client)) break;
    yield* sleep(retryMs);
  }
  kubelet.machine.log('kubelet.service', `Successfully registered node node="${kubelet.node.name}"`);
}

function* tryRegister(kubelet: Kubelet, client: ApiClient): Sim<boolean> {
  const { name } = kubelet.node;
  const body = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
      labels: {
        'beta.kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
      },
    },
    spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] },
    status: status(kubelet, readyProblem(kubelet), null),
  };
  const answer = yield* client.request('POST', '/api/v1/nodes', body, REQUEST_TIMEOUT_MS);
  return answer.kind === 'ok' || (answer.kind === 'error' && answer.status.reason === 'AlreadyExists');
}

/** Tells the API server how the node is, unless it knows. False when it could not be told. */
function* report(kubelet: Kubelet, problem: string | null): Sim<boolean> {
  const { client, node } = kubelet;
  if (client === null) return false;
  const path = `/api/v1/nodes/${node.name}`;
  const known = yield* client.request('GET', path, undefined, REQUEST_TIMEOUT_MS);
  if (known.kind !== 'ok') return false;
  const object = known.body as KubeObject;
  if (isReported(kubelet, object, problem)) return true;
  const body = { status: status(kubelet, problem, object) };
  const answer = yield* client.request('PATCH', `${path}/status`, body, REQUEST_TIMEOUT_MS);
  if (answer.kind !== 'ok') return false;
  const was = readyStatus(object);
  const is = problem === null ? 'True' : 'False';
  if (was !== is) {
    const reason = problem === null ? 'NodeReady' : 'NodeNotReady';
    noteEvent(kubelet, object, {
      type: 'Normal',
      reason,
      message: `Node ${node.name} status is now: ${reason}`,
    });
    kubelet.machine.world.emit(kubelet.machine.name, 'kubelet', reason, { node: node.name });
  }
  return true;
}

function statusOf(node: KubeObject, type: string): string | null {
  const found = listAt(node, 'status', 'conditions').find((one) => textAt(one, 'type') === type);
  return textAt(found, 'status');
}

function readyCondition(node: KubeObject | null): unknown {
  return listAt(node, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Ready');
}

function readyStatus(node: KubeObject): string | null {
  return textAt(readyCondition(node), 'status');
}

function isReported(kubelet: Kubelet, node: KubeObject, problem: string | null): boolean {
  const ready = readyCondition(node);
  return (
    textAt(ready, 'status') === (problem === null ? 'True' : 'False') &&
    (problem === null || textAt(ready, 'message') === problem) &&
    textAt(node, 'status', 'nodeInfo', 'kubeletVersion') === kubelet.version &&
    statusOf(node, 'DiskPressure') === (kubelet.machine.disk.isTight ? 'True' : 'False')
  );
}

function status(kubelet: Kubelet, problem: string | null, before: KubeObject | null): unknown {
  const now = kubelet.machine.date();
  const condition = (type: string, value: string, reason: string, message: string): unknown => {
    const earlier = listAt(before, 'status', 'conditions').find((one) => textAt(one, 'type') === type);
    const kept = textAt(earlier, 'status') === value ? textAt(earlier, 'lastTransitionTime') : null;
    return { type, status: value, reason, message, lastHeartbeatTime: now, lastTransitionTime: kept ?? now };
  };
  const ready =
    problem === null
      ? condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status')
      : condition('Ready', 'False', 'KubeletNotReady', problem);
  return {
    addresses: [
      { address: kubelet.node.address, type: 'InternalIP' },
      { address: kubelet.node.name, type: 'Hostname' },
    ],
    ...resources(kubelet.machine),
    conditions: [
      condition(
        'MemoryPressure',
        'False',
        'KubeletHasSufficientMemory',
        'kubelet has sufficient memory available',
      ),
      kubelet.machine.disk.isTight
        ? condition('DiskPressure', 'True', 'KubeletHasDiskPressure', 'kubelet has disk pressure')
        : condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
      ready,
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    images: imagesStatus(kubelet.machine),
    nodeInfo: nodeInfo(kubelet),
  };
}

function* keepNodeLease(kubelet: Kubelet): Sim<never> {
  const { name } = kubelet.node;
  for (;;) {
    const { client } = kubelet;
    if (client === null) {
      yield* waitFor([kubelet.clientChanged]);
      continue;
    }
    yield* keepLeaseRenewed({
      client,
      process: kubelet.call.process,
      namespace: 'kube-node-lease',
      name,
      holder: name,
      durationSeconds: LEASE_SECONDS,
      everyMs: LEASE_EVERY_MS,
    });
    yield* sleep(LEASE_EVERY_MS);
  }
}
