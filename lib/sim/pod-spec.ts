/**
 * Reading a pod's spec into what the kubelet acts on. Resources, security contexts, lifecycle hooks, and volumes
 * other than host paths are read past: nothing in the simulated world depends on them.
 */
import type { ContainerSpec, Mount } from './container.js';
import type { KubeObject } from './objects.js';
import { at, listAt, mapAt, numberAt, textAt, textsAt } from './tree.js';

export interface Probe {
  readonly scheme: 'HTTP' | 'HTTPS';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
}

export interface ContainerPlan {
  readonly spec: ContainerSpec;
  readonly pullPolicy: string;
  readonly startup: Probe | null;
  readonly liveness: Probe | null;
  readonly readiness: Probe | null;
}

export interface HostPath {
  readonly volume: string;
  readonly path: string;
  /** `''` (no check), `File`, `Directory`, `DirectoryOrCreate`, `FileOrCreate`. */
  readonly type: string;
}

export interface PodPlan {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly hostNetwork: boolean;
  readonly restartPolicy: string;
  readonly graceMs: number;
  readonly initContainers: readonly ContainerPlan[];
  readonly containers: readonly ContainerPlan[];
  readonly hostPaths: readonly HostPath[];
}

/** Facts of the node that environment variables may refer to. */
export interface NodeFacts {
  readonly name: string;
  readonly address: string;
}

export function planPod(pod: KubeObject, node: NodeFacts, podAddress: string | null): PodPlan {
  const spec = mapAt(pod, 'spec');
  const meta = pod.metadata;
  const identity = { namespace: meta.namespace ?? 'default', name: meta.name, uid: meta.uid ?? '' };
  const hostPaths = listAt(spec, 'volumes').flatMap(readHostPath);
  const aliases = hostAliases(spec);
  const plan = (container: unknown): ContainerPlan =>
    planContainer(container, {
      identity,
      hostPaths,
      aliases,
      node,
      podAddress: at(spec, 'hostNetwork') === true ? node.address : (podAddress ?? ''),
    });
  return {
    ...identity,
    hostNetwork: at(spec, 'hostNetwork') === true,
    restartPolicy: textAt(spec, 'restartPolicy') ?? 'Always',
    graceMs: (numberAt(spec, 'terminationGracePeriodSeconds') ?? 30) * 1_000,
    initContainers: listAt(spec, 'initContainers').map(plan),
    containers: listAt(spec, 'containers').map(plan),
    hostPaths,
  };
}

interface PodContext {
  readonly identity: ContainerSpec['pod'];
  readonly hostPaths: readonly HostPath[];
  readonly aliases: Readonly<Record<string, string>>;
  readonly node: NodeFacts;
  readonly podAddress: string;
}

function planContainer(container: unknown, context: PodContext): ContainerPlan {
  const image = textAt(container, 'image') ?? '';
  return {
    spec: {
      pod: context.identity,
      name: textAt(container, 'name') ?? '',
      image,
      argv: [...textsAt(container, 'command'), ...textsAt(container, 'args')],
      ownCommand: textsAt(container, 'command').length > 0,
      env: environment(container, context),
      mounts: mounts(container, context.hostPaths),
      hostAliases: context.aliases,
    },
    pullPolicy: textAt(container, 'imagePullPolicy') ?? (/:latest$/.test(image) ? 'Always' : 'IfNotPresent'),
    startup: readProbe(mapAt(container, 'startupProbe'), context.podAddress),
    liveness: readProbe(mapAt(container, 'livenessProbe'), context.podAddress),
    readiness: readProbe(mapAt(container, 'readinessProbe'), context.podAddress),
  };
}

function environment(container: unknown, context: PodContext): Record<string, string> {
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': context.identity.name,
    'metadata.namespace': context.identity.namespace,
    'metadata.uid': context.identity.uid,
    'spec.nodeName': context.node.name,
    'status.hostIP': context.node.address,
    'status.podIP': context.podAddress,
  };
  const env: Record<string, string> = {};
  for (const entry of listAt(container, 'env')) {
    const field = textAt(entry, 'valueFrom', 'fieldRef', 'fieldPath');
    env[textAt(entry, 'name') ?? ''] =
      textAt(entry, 'value') ?? (field === null ? '' : (fields[field] ?? ''));
  }
  return env;
}

function mounts(container: unknown, hostPaths: readonly HostPath[]): Mount[] {
  return listAt(container, 'volumeMounts').flatMap((mount) => {
    const volume = hostPaths.find((one) => one.volume === textAt(mount, 'name'));
    const mountPath = textAt(mount, 'mountPath');
    return volume === undefined || mountPath === null ? [] : [{ hostPath: volume.path, mountPath }];
  });
}

function readHostPath(volume: unknown): HostPath[] {
  const path = textAt(volume, 'hostPath', 'path');
  if (path === null) return [];
  return [{ volume: textAt(volume, 'name') ?? '', path, type: textAt(volume, 'hostPath', 'type') ?? '' }];
}

function hostAliases(spec: unknown): Record<string, string> {
  const aliases: Record<string, string> = {};
  for (const entry of listAt(spec, 'hostAliases')) {
    for (const name of textsAt(entry, 'hostnames')) aliases[name] = textAt(entry, 'ip') ?? '';
  }
  return aliases;
}

/** Only probes over HTTP are known; Kubernetes' own defaults fill what is not said. */
function readProbe(probe: unknown, podAddress: string): Probe | null {
  const port = numberAt(probe, 'httpGet', 'port');
  if (port === null) return null;
  return {
    scheme: textAt(probe, 'httpGet', 'scheme') === 'HTTPS' ? 'HTTPS' : 'HTTP',
    host: textAt(probe, 'httpGet', 'host') ?? podAddress,
    port,
    path: textAt(probe, 'httpGet', 'path') ?? '/',
    initialDelayMs: (numberAt(probe, 'initialDelaySeconds') ?? 0) * 1_000,
    periodMs: (numberAt(probe, 'periodSeconds') ?? 10) * 1_000,
    timeoutMs: (numberAt(probe, 'timeoutSeconds') ?? 1) * 1_000,
    failureThreshold: numberAt(probe, 'failureThreshold') ?? 3,
  };
}
