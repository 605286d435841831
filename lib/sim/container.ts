/**
 * What a container is started with, resolved from a pod: arguments, environment, host paths and host names. The
 * program of the image runs as a process of the machine; images, cgroups and isolation are not modelled further.
 */
import { isLoopback } from './connection.js';
import type { Machine } from './machine.js';
import type { Invocation } from './process.js';

export interface Mount {
  readonly hostPath: string;
  readonly mountPath: string;
}

export interface ContainerSpec {
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly name: string;
  readonly image: string;
  /** Command and arguments. */
  readonly argv: readonly string[];
  /** False when the image's own program is run, and `argv` holds its arguments only. */
  readonly ownCommand: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  /** Names that the pod's own hosts file adds. */
  readonly hostAliases: Readonly<Record<string, string>>;
}

/** Where a path inside the container is on the host; null for a path that nothing mounts. */
export function hostPathOf(container: ContainerSpec, path: string): string | null {
  const mounts = [...container.mounts].sort((a, b) => b.mountPath.length - a.mountPath.length);
  for (const { mountPath, hostPath } of mounts) {
    if (path === mountPath) return hostPath;
    if (path.startsWith(`${mountPath}/`)) return hostPath + path.slice(mountPath.length);
  }
  return null;
}

/** Reads a file as the program sees it: through the container's mounts, or the machine's disk outside of one. */
export function readAs(call: Invocation, path: string): string | null {
  const at = call.container === null ? path : hostPathOf(call.container, path);
  return at === null ? null : call.machine.disk.read(at);
}

/** Looks a host name up as the program sees it. */
export function lookupAs(machine: Machine, container: ContainerSpec | null, host: string): string | null {
  if (isLoopback(host)) return host;
  return container?.hostAliases[host] ?? machine.lookup(host);
}

/** `--name=value` arguments by name, as the control plane's programs are given them. */
export function flagsOf(argv: readonly string[]): Map<string, string> {
  const flags = new Map<string, string>();
  for (const argument of argv) {
    const match = /^--([^=]+)=(.*)$/.exec(argument);
    if (match !== null) flags.set(match[1] ?? '', match[2] ?? '');
    else if (argument.startsWith('--')) flags.set(argument.slice(2), 'true');
  }
  return flags;
}
