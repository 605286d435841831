/** Between the control planes of an upgrade: may this one go down, and is it whole again? */
import { parseRfc3339 } from '../../base/calendar.js';
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { controlPlanes, type LabSpec, type MachineSpec } from '../../model/lab.js';
import { parseVersion } from '../../model/version.js';
import { parsePods, type RawPod } from '../facts/parse.js';
import { controlPlaneProblem, keepsQuorum } from '../gates.js';
import { askKubectl, workingControlPlane } from '../kubectl.js';
import { run } from '../remote.js';
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
export function wholeAgain(upgrade: Upgrade, machine: MachineSpec, after: 'control-plane' | 'kubelet'): Step {
  const { lab } = upgrade;
  const what = after === 'kubelet' ? 'its new kubelet' : 'its new control plane';
  return {
    key: `gate-${after}:${machine.name}`,
    title: `${machine.name} is whole again with ${what}`,
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 12),
    typicalMs: after === 'kubelet' ? TYPICAL.gateAfterKubelet : TYPICAL.gate,
    commands: ['etcdctl endpoint health --cluster', `curl -k https://${machine.address}:6443/livez`],
    run: (context) => awaitWhole(context, upgrade, machine, after),
  };
}

/**
 * A kubelet of another minor looks at its static pods some ten seconds after it has become Ready, and makes them anew
 * then. One that leaves them as they are is not waited for longer than this.
 */
const RENEWAL_SECONDS = 90;

async function awaitWhole(
  context: StepContext,
  upgrade: Upgrade,
  machine: MachineSpec,
  after: 'control-plane' | 'kubelet',
): Promise<void> {
  const { lab, input } = upgrade;
  const isRenewed = after === 'kubelet' && minorOf(input.from) !== minorOf(input.to);
  const insistsUntilMs = isRenewed ? context.clock.nowMs() + seconds(lab, RENEWAL_SECONDS) : 0;
  let problem = 'nothing was asked';
  const times = { timeoutMs: minutes(lab, 10), everyMs: seconds(lab, 2) };
  const whole = await poll(context, times, async () => {
    const old =
      context.clock.nowMs() < insistsUntilMs ? await oldPodsProblem(context, lab, machine.name) : null;
    problem = old ?? problem;
    if (old !== null) return null;
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

/** Which static pods of the machine are older than its kubelet's last start; null when none is. */
async function oldPodsProblem(context: StepContext, lab: LabSpec, machine: string): Promise<string | null> {
  const argv = [
    'systemctl',
    'show',
    'kubelet',
    '--property=ActiveEnterTimestamp',
    '--value',
    '--timestamp=unix',
  ];
  const shown = await run(context, machine, argv, { timeoutMs: seconds(lab, 30) });
  const since = Number(shown.stdout.trim().replace(/^@/, '') || 'none');
  // Without the kubelet's own word there is nothing to compare with, and the rest of the gate decides.
  if (shown.code !== 0 || !Number.isSafeInteger(since)) return null;
  const args = ['get', 'pods', '-n', 'kube-system', '-l', 'tier=control-plane', '-o', 'json'];
  const on = await workingControlPlane(context, lab, machine);
  const json = on === null ? null : await askKubectl(context, lab, args, on);
  if (json === null) return 'the API does not answer';
  const old = parsePods(json)
    .filter(({ spec }) => spec?.nodeName === machine)
    .filter((pod) => startedAt(pod) < since * 1_000);
  return old.length === 0
    ? null
    : `its kubelet has not made ${old.map(({ metadata }) => metadata.name).join(', ')} anew yet`;
}

/** Unix milliseconds; 0 for one that does not run. */
function startedAt({ status }: RawPod): number {
  const times = (status?.containerStatuses ?? []).map((one) => one.state?.running?.startedAt ?? '');
  return Math.min(...times.map((time) => parseRfc3339(time) ?? 0), Infinity);
}

function minorOf(version: string): number | undefined {
  return parseVersion(version)?.minor;
}
