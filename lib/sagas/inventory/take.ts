/** Reads an inventory from a lab through its machines' shells. Changes nothing; what does not answer is null. */
import { addonReleases } from '../../generate/addons.js';
import type { StepContext } from '../../engine/saga.js';
import type {
  Inventory,
  InventoryBudget,
  InventoryMachine,
  InventoryWorkload,
} from '../../model/inventory.js';
import type { LabSpec } from '../../model/lab.js';
import { tagOf, type ClusterFacts } from '../facts/facts.js';
import { gatherFacts } from '../facts/gather.js';
import { askKubectl, workingControlPlane } from '../kubectl.js';

interface RawTemplate {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly containers?: readonly { readonly image?: string }[];
    readonly terminationGracePeriodSeconds?: number;
  };
}

interface RawWorkload extends RawTemplate {
  readonly kind: InventoryWorkload['kind'];
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: RawTemplate['spec'] & { readonly replicas?: number; readonly template?: RawTemplate };
}

interface RawBudget {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: {
    readonly minAvailable?: string | number;
    readonly maxUnavailable?: string | number;
    readonly selector?: {
      readonly matchLabels?: Readonly<Record<string, string>>;
      readonly matchExpressions?: readonly unknown[];
    };
  };
}

/** Kubernetes' default. */
const GRACE_SECONDS = 30;

export async function takeInventory(context: StepContext, lab: LabSpec): Promise<Inventory> {
  const facts = await gatherFacts(context, lab);
  const reasons = [...facts.reasons];
  const on = await workingControlPlane(context, lab);
  const ask = async <T>(
    what: string,
    kinds: string,
    read: (items: readonly never[]) => T,
  ): Promise<T | null> => {
    const json = on === null ? null : await askKubectl(context, lab, ['get', kinds, '-A', '-o', 'json'], on);
    if (json === null) reasons.push(`${what}: the API does not answer`);
    return json === null ? null : read((JSON.parse(json) as { readonly items: readonly never[] }).items);
  };
  const brought = new Set(['kube-system', ...addonReleases(lab).map(({ namespace }) => namespace)]);
  const isOwn = ({ metadata }: { readonly metadata: { readonly namespace?: string } }): boolean =>
    !brought.has(metadata.namespace ?? 'default');
  const bare = new Set((facts.barePods ?? []).map(({ namespace, name }) => `${namespace}/${name}`));
  const workloads = await ask('workloads', 'deployments,statefulsets,daemonsets,pods', (items) =>
    (items as readonly RawWorkload[])
      .filter(isOwn)
      .filter(
        ({ kind, metadata }) =>
          kind !== 'Pod' || bare.has(`${metadata.namespace ?? 'default'}/${metadata.name}`),
      )
      .map(workloadOf),
  );
  const budgets = await ask('budgets', 'poddisruptionbudgets', (items) => {
    const own = (items as readonly RawBudget[]).filter(isOwn);
    for (const { metadata, spec } of own) {
      if ((spec?.selector?.matchExpressions ?? []).length === 0) continue;
      const name = `${metadata.namespace ?? 'default'}/${metadata.name}`;
      reasons.push(`budget ${name}: its expressions are left out, its labels count`);
    }
    return own.map(budgetOf);
  });
  const machines = lab.machines.map((machine) => machineOf(machine, facts));
  const etcdBytes = facts.etcd?.dbBytes ?? null;
  const parts = { lab: lab.name, machines, etcdBytes, workloads, budgets, reasons: [...new Set(reasons)] };
  return { apiVersion: 'homelab/v1', kind: 'Inventory', ...parts };
}

function machineOf({ name, role }: LabSpec['machines'][number], facts: ClusterFacts): InventoryMachine {
  const own = facts.machines.find((one) => one.name === name);
  const node = facts.nodes?.find((one) => one.name === name);
  const server = facts.staticPods?.find((one) => one.node === name && one.component === 'kube-apiserver');
  const hours = (own?.certificates ?? []).map(({ hoursLeft }) => Math.round(hoursLeft * 10) / 10);
  return {
    ...{ name, role, state: own?.state ?? 'absent' },
    kubelet: node?.version ?? null,
    apiServer: server === undefined ? null : tagOf(server.image),
    schedulable: node?.schedulable ?? null,
    certificateHours: hours.length === 0 ? null : Math.min(...hours),
  };
}

function workloadOf({ kind, metadata, spec }: RawWorkload): InventoryWorkload {
  const pod: RawTemplate = kind === 'Pod' ? { metadata, spec: spec ?? {} } : (spec?.template ?? {});
  return {
    ...{ kind, namespace: metadata.namespace ?? 'default', name: metadata.name },
    replicas: kind === 'Pod' || kind === 'DaemonSet' ? 1 : (spec?.replicas ?? 1),
    labels: labelsOf(pod.metadata?.labels),
    images: (pod.spec?.containers ?? []).map(({ image }) => image ?? ''),
    graceSeconds: pod.spec?.terminationGracePeriodSeconds ?? GRACE_SECONDS,
  };
}

function budgetOf({ metadata, spec }: RawBudget): InventoryBudget {
  return {
    ...{ namespace: metadata.namespace ?? 'default', name: metadata.name },
    minAvailable: spec?.minAvailable === undefined ? null : String(spec.minAvailable),
    maxUnavailable: spec?.maxUnavailable === undefined ? null : String(spec.maxUnavailable),
    labels: labelsOf(spec?.selector?.matchLabels),
  };
}

function labelsOf(labels: Readonly<Record<string, string>> = {}): readonly string[] {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
}
