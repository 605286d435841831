/** What one machine says of itself: its kubeadm, its disk, its certificates and manifests. */
import { sha256Hex } from '../../base/digest.js';
import { StepError, type StepContext } from '../../engine/saga.js';
import { KUBE_VIP_MANIFEST, MANIFESTS_DIR, SUPER_ADMIN_CONF } from '../../generate/paths.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import { FileError, UnreachableError, type PowerState } from '../../provider/provider.js';
import { run } from '../remote.js';
import { seconds } from '../timing.js';
import type { CertificateFacts, MachineFacts } from './facts.js';

export async function machineFacts(
  context: StepContext,
  lab: LabSpec,
  machine: MachineSpec,
  state: PowerState,
): Promise<MachineFacts> {
  const { name, role } = machine;
  const isNode = role !== 'load-balancer' && state === 'running';
  const isControlPlane = isNode && role === 'control-plane';
  const usesKubeVip = isControlPlane && lab.vip?.provider === 'kube-vip';
  return {
    name,
    role,
    state,
    kubeadm: isNode ? await kubeadmVersion(context, lab, name) : null,
    freeBytes: isNode ? await freeBytes(context, lab, name) : null,
    certificates: isControlPlane ? await certificates(context, lab, name) : null,
    manifests: isControlPlane ? await manifestDigests(context, lab, name) : null,
    mountsSuperAdmin: usesKubeVip ? await mountsSuperAdmin(context, lab, name) : null,
  };
}

/** `v1.31.4`; null when there is none or the machine does not answer. */
export async function kubeadmVersion(
  context: StepContext,
  lab: LabSpec,
  machine: string,
): Promise<string | null> {
  const text = await output(context, lab, machine, ['kubeadm', 'version', '-o', 'short']);
  return text === null ? null : text.trim();
}

export async function freeBytes(context: StepContext, lab: LabSpec, machine: string): Promise<number | null> {
  const text = await output(context, lab, machine, ['df', '-B1', '--output=avail', '/var/lib']);
  const number = Number(text?.trim().split('\n').at(-1)?.trim() ?? 'none');
  return Number.isSafeInteger(number) ? number : null;
}

async function certificates(
  context: StepContext,
  lab: LabSpec,
  machine: string,
): Promise<readonly CertificateFacts[] | null> {
  const text = await output(context, lab, machine, ['kubeadm', 'certs', 'check-expiration']);
  return text === null ? null : parseExpiration(text);
}

const HOURS: Readonly<Record<string, number>> = { y: 24 * 365, d: 24, h: 1, m: 1 / 60, s: 1 / 3600 };

/** The rows of `kubeadm certs check-expiration`: leaves and authorities. */
export function parseExpiration(text: string): readonly CertificateFacts[] {
  const rows = text.matchAll(/^(\S+)\s+[A-Z][a-z]{2} \d\d, \d{4} \d\d:\d\d \S+\s+(<invalid>|\d+[ydhms])\s/gm);
  return [...rows].map(([, name = '', residual = '']) => ({
    name,
    residual,
    hoursLeft:
      residual === '<invalid>' ? -1 : Number.parseInt(residual, 10) * (HOURS[residual.slice(-1)] ?? 0),
  }));
}

const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/** Of kubeadm's own static pods; null when one cannot be read. */
export async function manifestDigests(
  context: StepContext,
  lab: LabSpec,
  machine: string,
): Promise<Readonly<Record<string, string>> | null> {
  const found: [string, string][] = [];
  for (const component of COMPONENTS) {
    const text = await fileText(context, lab, machine, `${MANIFESTS_DIR}/${component}.yaml`);
    if (text === null) return null;
    found.push([component, sha256Hex(text)]);
  }
  return Object.fromEntries(found);
}

async function mountsSuperAdmin(
  context: StepContext,
  lab: LabSpec,
  machine: string,
): Promise<boolean | null> {
  const text = await fileText(context, lab, machine, KUBE_VIP_MANIFEST);
  return text === null ? null : text.includes(SUPER_ADMIN_CONF);
}

/** Null when there is no such file, or when the machine does not answer. */
export async function fileText(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  path: string,
): Promise<string | null> {
  try {
    const bytes = await context.shell(machine).readFile(path, { timeoutMs: seconds(lab, 30) });
    return bytes === null ? null : new TextDecoder().decode(bytes);
  } catch (error) {
    if (error instanceof UnreachableError || error instanceof FileError) return null;
    throw error;
  }
}

/** Standard output of a program that ended well; null otherwise. */
async function output(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  argv: readonly string[],
): Promise<string | null> {
  try {
    const ran = await run(context, machine, argv, { timeoutMs: seconds(lab, 60) });
    return ran.code === 0 ? ran.stdout : null;
  } catch (error) {
    if (error instanceof UnreachableError || error instanceof StepError) return null;
    throw error;
  }
}
