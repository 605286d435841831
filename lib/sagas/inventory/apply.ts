/**
 * Makes a new cluster what an inventory says, by what a person would type: objects, certificates that age, programs of
 * other versions, cordons, and power that is off at last. For copies that are thrown away.
 */
import { stringify } from 'yaml';
import { StepError, type StepContext } from '../../engine/saga.js';
import { MANIFESTS_DIR } from '../../generate/paths.js';
import type { Inventory, InventoryMachine, InventoryWorkload } from '../../model/inventory.js';
import type { LabSpec } from '../../model/lab.js';
import { fileText } from '../facts/machine.js';
import { mustKubectl } from '../kubectl.js';
import { must } from '../remote.js';
import { minutes, seconds } from '../timing.js';
import { install, setSource } from '../upgrade/packages.js';

const HOUR_MS = 3_600_000;
/** kubeadm's certificates live for a year. */
const YEAR_HOURS = 365 * 24;
/** Less than this apart nothing is aged for: everybody's warnings begin later. */
const CLOSE_HOURS = 48;

export async function applyInventory(
  context: StepContext,
  lab: LabSpec,
  inventory: Inventory,
): Promise<void> {
  const known = new Set(lab.machines.map(({ name }) => name));
  const machines = inventory.machines.filter(({ name }) => known.has(name));
  await applyObjects(context, lab, inventory);
  await age(context, lab, machines);
  for (const machine of machines) await bringVersions(context, lab, machine);
  for (const { name, schedulable } of machines) {
    if (schedulable === false) await mustKubectl(context, lab, ['cordon', name]);
  }
  await context.clock.sleep(minutes(lab, 2), context.signal);
  for (const { name, state } of machines) {
    if (state === 'running' || state === 'booting') continue;
    await context.provider.power(name, 'halt');
  }
  await context.clock.sleep(minutes(lab, 2), context.signal);
}

async function applyObjects(context: StepContext, lab: LabSpec, inventory: Inventory): Promise<void> {
  const workloads = inventory.workloads ?? [];
  const budgets = inventory.budgets ?? [];
  const namespaces = new Set([...workloads, ...budgets].map(({ namespace }) => namespace));
  const objects: readonly object[] = [
    ...[...namespaces].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    ...workloads.map(workloadObject),
    ...budgets.map(({ namespace, name, minAvailable, maxUnavailable, labels }) => ({
      ...{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { namespace, name } },
      spec: {
        selector: { matchLabels: labelMap(labels) },
        ...(minAvailable === null ? {} : { minAvailable: amount(minAvailable) }),
        ...(maxUnavailable === null ? {} : { maxUnavailable: amount(maxUnavailable) }),
      },
    })),
  ];
  if (objects.length === 0) return;
  const stdin = objects.map((object) => stringify(object)).join('---\n');
  await mustKubectl(context, lab, ['apply', '-f', '-'], { stdin });
  await context.clock.sleep(minutes(lab, 2), context.signal);
}

/** The simulator has no controller for StatefulSets; drains and budgets treat their pods as those of a Deployment. */
function workloadObject(workload: InventoryWorkload): object {
  const { kind, namespace, name, replicas, images, graceSeconds } = workload;
  const labels = labelMap(workload.labels);
  const containers = images.map((image, index) => ({ name: `c${index + 1}`, image }));
  const spec = { terminationGracePeriodSeconds: graceSeconds, containers };
  const metadata = { namespace, name };
  if (kind === 'Pod') return { apiVersion: 'v1', kind, metadata: { ...metadata, labels }, spec };
  const own = kind === 'DaemonSet' ? {} : { replicas };
  const template = { metadata: { labels }, spec };
  return {
    ...{ apiVersion: 'apps/v1', kind: kind === 'StatefulSet' ? 'Deployment' : kind, metadata },
    spec: { ...own, selector: { matchLabels: labels }, template },
  };
}

function labelMap(labels: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    labels.map((label) => [label.slice(0, label.indexOf('=')), label.slice(label.indexOf('=') + 1)]),
  );
}

function amount(text: string): string | number {
  return /^\d+$/.test(text) ? Number(text) : text;
}

/**
 * Lets as much time pass as the oldest certificates have lived. Machines whose certificates are younger get new ones
 * on the way, at their time.
 */
async function age(context: StepContext, lab: LabSpec, machines: readonly InventoryMachine[]): Promise<void> {
  const aged = machines.flatMap(({ name, certificateHours }) =>
    certificateHours === null ? [] : [{ name, livedHours: Math.max(0, YEAR_HOURS - certificateHours) }],
  );
  const oldest = Math.max(0, ...aged.map(({ livedHours }) => livedHours));
  if (oldest < CLOSE_HOURS) return;
  const beganMs = context.clock.nowMs();
  const until = async (hours: number): Promise<void> => {
    const leftMs = beganMs + Math.round(hours * HOUR_MS) - context.clock.nowMs();
    if (leftMs > 0) await context.clock.sleep(leftMs, context.signal);
  };
  for (const { name, livedHours } of [...aged].sort((a, b) => b.livedHours - a.livedHours)) {
    if (oldest - livedHours < CLOSE_HOURS) continue;
    await until(oldest - livedHours);
    await must(context, name, ['kubeadm', 'certs', 'renew', 'all'], { timeoutMs: minutes(lab, 5) });
    // Its programs read certificates when they start.
    await context.provider.power(name, 'reboot');
    await context.clock.sleep(minutes(lab, 5), context.signal);
  }
  await until(oldest);
}

const SERVERS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

async function bringVersions(context: StepContext, lab: LabSpec, machine: InventoryMachine): Promise<void> {
  const { name, kubelet, apiServer } = machine;
  const { version } = lab.kubernetes;
  const short = { timeoutMs: seconds(lab, 60) };
  if (apiServer !== null && apiServer !== version) {
    for (const component of SERVERS) {
      const path = `${MANIFESTS_DIR}/${component}.yaml`;
      const text = await fileText(context, lab, name, path);
      if (text === null) throw noManifest(name, path);
      const next = text.replaceAll(`/${component}:${version}`, `/${component}:${apiServer}`);
      await context.shell(name).writeFile(path, next, { mode: 0o600, ...short });
      await context.clock.sleep(minutes(lab, 1), context.signal);
    }
  }
  if (kubelet === null || kubelet === version) return;
  if (lab.bundle === null) {
    await setSource(context, lab, name, kubelet);
    await install(context, lab, name, kubelet, ['kubelet', 'kubectl'], 'older-too');
  } else {
    for (const program of ['kubelet', 'kubectl']) {
      const content = { program, version: kubelet };
      const file = { sha256: '', size: 0, content, read: () => new Uint8Array() };
      await context.shell(name).sendFile(`/usr/bin/${program}`, file, { mode: 0o755, ...short });
    }
  }
  await must(context, name, ['systemctl', 'restart', 'kubelet'], short);
  await context.clock.sleep(minutes(lab, 2), context.signal);
}

function noManifest(machine: string, path: string): StepError {
  return new StepError({
    code: 'wrong-image',
    message: `${machine} has no ${path}`,
    remedy: 'Take the inventory again.',
    retryable: false,
  });
}
