/** A pod's status as the kubelet reports it. */
import type { ContainerReport, ContainerState, Kubelet, PodEntry } from './kubelet-state.js';
import type { KubeObject } from './objects.js';
import type { World } from './world.js';
import { listAt, textAt } from './tree.js';

export function podStatus(kubelet: Kubelet, entry: PodEntry, object: KubeObject): Record<string, unknown> {
  const { world } = kubelet.machine;
  const containers = entry.containers.filter((one) => !one.init);
  const inits = entry.containers.filter((one) => one.init);
  const initialized = inits.every((one) => one.state.kind === 'terminated' && one.state.exitCode === 0);
  const ready = containers.length > 0 && containers.every((one) => one.ready);
  const condition = (type: string, holds: boolean): unknown => {
    const earlier = listAt(object, 'status', 'conditions').find((one) => textAt(one, 'type') === type);
    const status = holds ? 'True' : 'False';
    const kept = textAt(earlier, 'status') === status ? textAt(earlier, 'lastTransitionTime') : null;
    return { type, status, lastProbeTime: null, lastTransitionTime: kept ?? kubelet.machine.date() };
  };
  return {
    phase: phaseOf(entry, containers),
    startTime: textAt(object, 'status', 'startTime') ?? world.date(entry.firstSeenMs),
    hostIP: kubelet.node.address,
    hostIPs: [{ ip: kubelet.node.address }],
    ...(entry.address === null ? {} : { podIP: entry.address, podIPs: [{ ip: entry.address }] }),
    qosClass: 'Burstable',
    conditions: [
      condition('PodReadyToStartContainers', entry.address !== null),
      condition('Initialized', initialized),
      condition('Ready', ready),
      condition('ContainersReady', ready),
      condition('PodScheduled', true),
    ],
    ...(inits.length === 0 ? {} : { initContainerStatuses: inits.map((one) => containerStatus(world, one)) }),
    containerStatuses: containers.map((one) => containerStatus(world, one)),
  };
}

function phaseOf(entry: PodEntry, containers: readonly ContainerReport[]): string {
  const policy = textAt(entry.pod, 'spec', 'restartPolicy') ?? 'Always';
  const ended = containers.every((one) => one.state.kind === 'terminated');
  if (containers.length > 0 && ended && policy !== 'Always') {
    const failed = containers.some((one) => one.state.kind === 'terminated' && one.state.exitCode !== 0);
    if (!failed) return 'Succeeded';
    if (policy === 'Never') return 'Failed';
  }
  const started = containers.some((one) => one.state.kind !== 'waiting' || one.last !== null);
  return started ? 'Running' : 'Pending';
}

function containerStatus(world: World, report: ContainerReport): unknown {
  const running = report.state.kind === 'running';
  return {
    name: report.name,
    image: report.image,
    imageID: report.imageId,
    containerID: report.containerId,
    ready: report.ready,
    started: running,
    restartCount: report.restarts,
    state: stateOf(world, report.state),
    lastState: report.last === null || report.last === report.state ? {} : stateOf(world, report.last),
  };
}

function stateOf(world: World, state: ContainerState): unknown {
  if (state.kind === 'running') return { running: { startedAt: world.date(state.sinceMs) } };
  if (state.kind === 'waiting') {
    const { reason, message } = state;
    return { waiting: message === undefined ? { reason } : { reason, message } };
  }
  const { exitCode, startedMs, finishedMs } = state;
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  const times = { startedAt: world.date(startedMs), finishedAt: world.date(finishedMs) };
  return { terminated: { exitCode, reason, ...times } };
}
