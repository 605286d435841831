/**
 * What every kubeadm command works with: the call, the version whose words it speaks, its failures and klog lines.
 * The words of 1.31 and 1.32 are modelled; an older minor speaks as 1.31, a newer one as 1.32.
 */
import type { KubernetesVersion } from '../../model/version.js';
import type { Invocation } from '../process.js';

export interface Kubeadm {
  readonly call: Invocation;
  readonly version: KubernetesVersion;
  /** `v1.31.4`. */
  readonly versionText: string;
  readonly flavour: 31 | 32;
}

/** Ends the command: the message goes to stderr with kubeadm's closing hint. */
export class KubeadmFailure extends Error {
  override readonly name = 'KubeadmFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

export const KUBERNETES_FOLDER = '/etc/kubernetes';
export const MANIFESTS_FOLDER = '/etc/kubernetes/manifests';
export const ADMIN_CONF = '/etc/kubernetes/admin.conf';
export const SUPER_ADMIN_CONF = '/etc/kubernetes/super-admin.conf';
export const KUBELET_CONF = '/etc/kubernetes/kubelet.conf';
export const BOOTSTRAP_KUBELET_CONF = '/etc/kubernetes/bootstrap-kubelet.conf';
export const KUBELET_FOLDER = '/var/lib/kubelet';
export const CRI_SOCKET = 'unix:///var/run/containerd/containerd.sock';

/** One line of progress on stdout. */
/** Writes a file; a full disk ends the phase. */
export function save(
  kubeadm: Kubeadm,
  path: string,
  content: string,
  options: { readonly mode?: number } = {},
): void {
  if (kubeadm.call.machine.disk.write(path, content, options) === 'no-space')
    throw new KubeadmFailure(`write ${path}: no space left on device`);
}

export function say(kubeadm: Kubeadm, line: string): void {
  kubeadm.call.print(`${line}\n`);
}

/** A klog line on stderr, such as `W1121 00:17:39.649605    1763 version.go:109] text`. */
export function warn(kubeadm: Kubeadm, source: string, text: string): void {
  const { call } = kubeadm;
  const date = call.machine.date(true);
  const stamp = `W${date.slice(5, 7)}${date.slice(8, 10)} ${date.slice(11, 23)}000`;
  call.printError(`${stamp} ${String(call.process.pid).padStart(7)} ${source}] ${text}\n`);
}

/** Leaves a trace when another minor's kubeadm speaks with the words of 1.31 or 1.32. */
export function noteFlavour({ call, version, flavour, versionText }: Kubeadm): void {
  if (version.minor === flavour) return;
  const detail = { version: versionText, speaksAs: `1.${flavour}` };
  call.world.emit(call.machine.name, 'kubeadm', 'minor without a flavour of its own', detail);
}

/** Adds the phase to a failure, as kubeadm's workflow runner does. A failed phase always ends with exit code 1. */
export function phaseFailure(phase: string, error: unknown): unknown {
  return error instanceof KubeadmFailure
    ? new KubeadmFailure(`error execution phase ${phase}: ${error.message}`)
    : error;
}

/** A failure inside another one: `doing it: why not`. */
export function wrapFailure(what: string, error: unknown): unknown {
  return error instanceof KubeadmFailure
    ? new KubeadmFailure(`${what}: ${error.message}`, error.exitCode)
    : error;
}

/** Go's way to print a duration of whole milliseconds: `500ms`, `1.5s`, `4m0s`, `2h0m0s`. */
export function goDuration(ms: number): string {
  if (ms === 0) return '0s';
  if (ms < 1_000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const rest = ms % 60_000;
  const fraction =
    rest % 1_000 === 0
      ? ''
      : `.${String(rest % 1_000)
          .padStart(3, '0')
          .replace(/0+$/, '')}`;
  const seconds = `${Math.floor(rest / 1_000)}${fraction}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Milliseconds of a Go duration; null when the text is none. */
export function parseGoDuration(text: string): number | null {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|h|m|s))+$/.test(text)) return null;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)) {
    ms += Number(amount) * (UNITS[unit ?? ''] ?? 0);
  }
  return Math.round(ms);
}
