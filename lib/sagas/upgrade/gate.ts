/** Between the control planes of an upgrade: may this one go down, and is it whole again? */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { controlPlanes, type LabSpec, type MachineSpec } from '../../model/lab.js';
import { controlPlaneProblem, keepsQuorum } from '../gates.js';
import { minutes, patient, poll, seconds } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { TYPICAL } from './typical.js';

/** What a step that restarts a control plane's static pods says of it. A lab of one control plane has no choice. */
export function quorumGate(
  lab: LabSpec,
  machine: MachineSpec,
): Pick<Step, 'takesDown' | 'guards' | 'waived'> {
  const takesDown = [machine.name];
  if (controlPlanes(lab).length > 1) return { takesDown, guards: [keepsQuorum(lab, takesDown)] };
  return { takesDown, waived: 'it is the only control plane: the API is away while it is upgraded' };
}

/** etcd takes a change as settled after this long without another one (its HealthInterval). */
const QUIET_SECONDS = 5;

/** The gate after each of the two restarts of a control plane's static pods. */
export function wholeAgain({ lab }: Upgrade, machine: MachineSpec, after: 'control-plane' | 'kubelet'): Step {
  const what = after === 'kubelet' ? 'its new kubelet' : 'its new control plane';
  return {
    key: `gate-${after}:${machine.name}`,
    title: `${machine.name} is whole again with ${what}`,
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 12),
    typicalMs: TYPICAL.gate,
    commands: ['etcdctl endpoint health --cluster', `curl -k https://${machine.address}:6443/livez`],
    run: (context) => awaitWhole(context, lab, machine),
  };
}

async function awaitWhole(context: StepContext, lab: LabSpec, machine: MachineSpec): Promise<void> {
  let problem = 'nothing was asked';
  const times = { timeoutMs: minutes(lab, 10), everyMs: seconds(lab, 2) };
  const whole = await poll(context, times, async () => {
    const before = await controlPlaneProblem(context, lab, machine);
    problem = before ?? problem;
    if (before !== null) return null;
    await context.clock.sleep(seconds(lab, QUIET_SECONDS), context.signal);
    const still = await controlPlaneProblem(context, lab, machine);
    problem = still ?? problem;
    return still === null ? true : null;
  });
  if (whole !== null) return;
  throw new StepError({
    code: 'upgrade-gate',
    message: `${machine.name} is not whole again: ${problem}`,
    remedy: 'Look at it with `homelab etcd status`, mend it, then type: homelab resume',
    retryable: true,
  });
}
