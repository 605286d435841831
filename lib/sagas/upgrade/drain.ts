/**
 * Emptying a node before its kubelet is exchanged, and letting it take pods again. A drain that a budget holds up for
 * good gives the node back and says which budget it was.
 */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import { budgetRule } from '../facts/findings.js';
import { parseBudgets, parsePods } from '../facts/parse.js';
import {
  askKubectl,
  kubectl,
  mustKubectl,
  parseNodes,
  workingControlPlane,
  type NodeView,
} from '../kubectl.js';
import { commandFailed, type Ran } from '../remote.js';
import { minutes, patient } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { TYPICAL } from './typical.js';

export function drainNode(upgrade: Upgrade, machine: MachineSpec): Step {
  const { lab, input } = upgrade;
  return {
    key: `drain:${machine.name}`,
    title: `Drain ${machine.name}`,
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: input.drainTimeoutMs + minutes(lab, 10),
    typicalMs: TYPICAL.drain,
    commands: [`kubectl ${drainArgs(upgrade, machine.name).join(' ')}`],
    run: (context) => drain(context, upgrade, machine.name),
  };
}

export function uncordonNode(upgrade: Upgrade, machine: MachineSpec): Step {
  const { lab, input } = upgrade;
  const stays = input.cordoned.includes(machine.name);
  return {
    key: `uncordon:${machine.name}`,
    title: stays ? `${machine.name} stays cordoned, as it was` : `Let ${machine.name} take pods again`,
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 5),
    typicalMs: TYPICAL.uncordon,
    commands: stays ? [] : [`kubectl uncordon ${machine.name}`],
    run: (context) => uncordon(context, upgrade, machine.name),
  };
}

function drainArgs({ input }: Upgrade, node: string): readonly string[] {
  const seconds = Math.ceil(input.drainTimeoutMs / 1_000);
  return ['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', `--timeout=${seconds}s`];
}

/** Throws a failure that no retry mends when the node could not be emptied; the node takes pods again by then. */
export async function drain(context: StepContext, upgrade: Upgrade, node: string): Promise<void> {
  const { lab, input } = upgrade;
  const on = await anyControlPlane(context, lab, node);
  const args = drainArgs(upgrade, node);
  const ran = await kubectl(context, lab, args, { on, timeoutMs: input.drainTimeoutMs + minutes(lab, 2) });
  if (ran.code === 0) return;
  const why = await whyBlocked(context, lab, on, node, ran);
  await uncordon(context, upgrade, node);
  const after = input.cordoned.includes(node) ? 'stays cordoned' : 'takes pods again';
  throw new StepError({
    code: 'drain-blocked',
    message: `${node} cannot be drained: ${why}. It ${after}.`,
    remedy: 'Let the budget allow one pod to be away, or run one more, then type: homelab resume',
    retryable: false,
  });
}

export async function uncordon(context: StepContext, { lab, input }: Upgrade, node: string): Promise<void> {
  if (input.cordoned.includes(node)) return;
  const on = await anyControlPlane(context, lab, node);
  await mustKubectl(context, lab, ['uncordon', node], { on });
}

export async function anyControlPlane(context: StepContext, lab: LabSpec, last: string): Promise<string> {
  const on = await workingControlPlane(context, lab, last);
  if (on !== null) return on;
  throw new StepError({
    code: 'no-control-plane',
    message: 'no control plane runs',
    remedy: 'Start one with `homelab machine start`, then type: homelab resume',
    retryable: true,
  });
}

/** The Node as the API shows it; null when the API does not answer or has no such node. */
export async function nodeView(context: StepContext, lab: LabSpec, node: string): Promise<NodeView | null> {
  const on = await anyControlPlane(context, lab, node);
  const json = await askKubectl(context, lab, ['get', 'nodes', '-o', 'json'], on);
  return json === null ? null : (parseNodes(json).find((one) => one.name === node) ?? null);
}

/** The budgets that kept pods from going, by name; else what kubectl said. */
async function whyBlocked(
  context: StepContext,
  lab: LabSpec,
  on: string,
  node: string,
  ran: Ran,
): Promise<string> {
  const kept = [...ran.stderr.matchAll(/error when evicting pods\/"([^"]+)" -n "([^"]+)"/g)];
  const pods = new Set(kept.map(([, name = '', namespace = '']) => `${namespace}/${name}`));
  const [all, budgets] = [
    await askKubectl(context, lab, ['get', 'pods', '-A', '-o', 'json'], on),
    await askKubectl(context, lab, ['get', 'poddisruptionbudgets', '-A', '-o', 'json'], on),
  ];
  if (pods.size > 0 && all !== null && budgets !== null) {
    const holding = parseBudgets(budgets, parsePods(all)).filter(({ namespace, pods: covered }) =>
      covered.some((name) => pods.has(`${namespace}/${name}`)),
    );
    if (holding.length > 0) {
      const names = holding.map(
        (one) =>
          `PodDisruptionBudget ${one.namespace}/${one.name} (${budgetRule(one)}; ${one.currentHealthy} of ` +
          `${one.expectedPods} pods are healthy, ${one.desiredHealthy} must be)`,
      );
      return `${names.join(' and ')} does not let ${[...pods].join(' and ')} go`;
    }
  }
  return commandFailed(on, ['kubectl', 'drain', node], ran).message;
}
