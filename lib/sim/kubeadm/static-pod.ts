/** The common shape of the static pods that kubeadm writes: flags, probes, volumes, and the file. */
import { stringify } from 'yaml';
import type { Tree } from '../tree.js';
import type { Arg, Component, ControlPlane } from './config-model.js';
import { KubeadmFailure, MANIFESTS_FOLDER, type Kubeadm } from './context.js';

export interface HostMount {
  readonly name: string;
  readonly path: string;
  readonly type: string;
  readonly readOnly: boolean;
  /** Where the container sees it; the same path when absent. */
  readonly mountPath?: string;
}

export interface StaticPod {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly cpu: string;
  readonly memory: string | null;
  readonly mounts: readonly HostMount[];
  readonly env: readonly Tree[];
  readonly liveness: Tree;
  readonly readiness: Tree | null;
  readonly startup: Tree;
}

export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly scheme: 'HTTP' | 'HTTPS';
}

export function livenessProbe(target: ProbeTarget): Tree {
  return probe(target, { failureThreshold: 8, initialDelaySeconds: 10, periodSeconds: 10 });
}

export function readinessProbe(target: ProbeTarget): Tree {
  return probe(target, { failureThreshold: 3, periodSeconds: 1 });
}

/** As many tries of ten seconds as the component health time-out has room for. */
export function startupProbe(target: ProbeTarget, plane: ControlPlane): Tree {
  const tries = Math.ceil(plane.timeouts.controlPlaneComponentHealthCheck / 10_000);
  return probe(target, { failureThreshold: tries, initialDelaySeconds: 10, periodSeconds: 10 });
}

function probe(target: ProbeTarget, numbers: Readonly<Record<string, number>>): Tree {
  return { ...numbers, httpGet: { ...target }, timeoutSeconds: 15 };
}

/**
 * Arguments of a component. A user's argument replaces the default of that name. Up to 1.31 all are sorted
 * together; since 1.32 the user's come after the defaults, in the order they were written.
 */
export function commandLine(
  kubeadm: Kubeadm,
  program: string,
  defaults: Readonly<Record<string, string>>,
  extra: readonly Arg[],
): string[] {
  const replaced = new Set(extra.map((arg) => arg.name));
  const kept = Object.entries(defaults)
    .filter(([name]) => !replaced.has(name))
    .map(([name, value]): Arg => ({ name, value }));
  const byName = (a: Arg, b: Arg): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const all = kubeadm.flavour === 31 ? [...kept, ...extra].sort(byName) : [...kept.sort(byName), ...extra];
  return [program, ...all.map(({ name, value }) => `--${name}=${value}`)];
}

export function extraMounts(component: Component): HostMount[] {
  return component.extraVolumes.map((volume) => ({
    name: volume.name,
    path: volume.hostPath,
    mountPath: volume.mountPath,
    type: volume.pathType,
    readOnly: volume.readOnly,
  }));
}

/** Throws a `KubeadmFailure` when the disk takes no more. */
export function writeStaticPod(kubeadm: Kubeadm, pod: StaticPod, folder = MANIFESTS_FOLDER): void {
  const { disk } = kubeadm.call.machine;
  disk.makeDirectories(folder, 0o700);
  const text = stringify(manifestOf(pod), { sortMapEntries: true, lineWidth: 0, nullStr: 'null' });
  const path = `${folder}/${pod.name}.yaml`;
  if (disk.write(path, text, { mode: 0o600 }) === null) return;
  throw new KubeadmFailure(
    `failed to create static pod manifest file for "${pod.name}": failed to write static pod manifest file ` +
      `"${path}": write ${path}: no space left on device`,
  );
}

function manifestOf(pod: StaticPod): Tree {
  const mounts = [...pod.mounts].sort((a, b) => (a.name < b.name ? -1 : 1));
  const container = {
    command: pod.command,
    ...(pod.env.length === 0 ? {} : { env: pod.env }),
    image: pod.image,
    imagePullPolicy: 'IfNotPresent',
    livenessProbe: pod.liveness,
    name: pod.name,
    ...(pod.readiness === null ? {} : { readinessProbe: pod.readiness }),
    resources: { requests: { cpu: pod.cpu, ...(pod.memory === null ? {} : { memory: pod.memory }) } },
    startupProbe: pod.startup,
    volumeMounts: mounts.map((mount) => ({
      mountPath: mount.mountPath ?? mount.path,
      name: mount.name,
      ...(mount.readOnly ? { readOnly: true } : {}),
    })),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(Object.keys(pod.annotations).length === 0 ? {} : { annotations: pod.annotations }),
      creationTimestamp: null,
      labels: { component: pod.name, tier: 'control-plane' },
      name: pod.name,
      namespace: 'kube-system',
    },
    spec: {
      containers: [container],
      hostNetwork: true,
      priority: 2_000_001_000,
      priorityClassName: 'system-node-critical',
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      volumes: mounts.map((mount) => ({
        hostPath: { path: mount.path, ...(mount.type === '' ? {} : { type: mount.type }) },
        name: mount.name,
      })),
    },
    status: {},
  };
}
