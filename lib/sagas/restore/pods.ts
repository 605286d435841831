/**
 * Static pods of a control plane, stopped and started as people do it: their manifests leave the kubelet's folder and
 * come back. The kubelet itself runs on meanwhile.
 */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { KUBE_VIP_MANIFEST, MANIFESTS_DIR } from '../../generate/paths.js';
import { controlPlanes, type LabSpec, type MachineSpec } from '../../model/lab.js';
import { controlPlaneProblem } from '../gates.js';
import { askKubectl, firstControlPlane, parseNodes } from '../kubectl.js';
import { removeVip } from '../node.js';
import type { Restore } from '../restore.js';
import { must, run, succeeds } from '../remote.js';
import { brief, minutes, patient, poll, seconds } from '../timing.js';
import { NEW_DATA, STOPPED } from './paths.js';

const ETCD = `${MANIFESTS_DIR}/etcd.yaml`;
const OTHERS = [
  ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(
    (name) => `${MANIFESTS_DIR}/${name}.yaml`,
  ),
  KUBE_VIP_MANIFEST,
];
/** As pgrep sees them; the two that hold etcd's data and the way to it. */
const PROGRAMS = ['etcd', 'kube-apiserver'];

export function stopControlPlane({ lab }: Restore, { name }: MachineSpec): Step {
  return {
    key: `stop:${name}`,
    title: `Stop the control plane of ${name}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 10),
    takesDown: [name],
    waived: "a restore replaces etcd's data on every control plane, so all of them stop",
    commands: [`mv ${MANIFESTS_DIR}/… ${STOPPED}/`],
    run: async (context) => {
      await moveAll(context, lab, name, 'away');
      const times = { timeoutMs: minutes(lab, 5), everyMs: seconds(lab, 2) };
      const ended = await poll(context, times, async () => {
        for (const program of PROGRAMS) if (await runs(context, lab, name, program)) return null;
        return true;
      });
      if (ended === null) throw stillRunning(name);
      // A kube-vip that was killed leaves its address behind.
      await removeVip(context, lab, name);
    },
    compensate: async (context) => {
      await moveAll(context, lab, name, 'back');
      const left = await run(context, name, ['ls', '-1', STOPPED], short(lab));
      if (left.code === 0 && left.stdout.trim() !== '') throw stillThere(name, left.stdout);
      await must(context, name, ['rm', '-rf', STOPPED], short(lab));
    },
  };
}

/** The last moment before anything stops; taking back ends here, with the control plane as it was. */
export function everythingReady({ lab, input }: Restore): Step {
  return {
    key: 'ready',
    title: 'Every control plane has its new data',
    kind: 'compensable',
    retry: brief(lab),
    timeoutMs: minutes(lab, 15),
    run: async (context) => {
      for (const { name } of controlPlanes(lab))
        await must(context, name, ['test', '-d', `${NEW_DATA}/member`], short(lab));
    },
    compensate: async (context) => {
      if (!input.wasWhole) return;
      let problem = 'nothing was asked';
      const times = { timeoutMs: minutes(lab, 10), everyMs: seconds(lab, 3) };
      const back = await poll(context, times, async () => {
        const found = await wholeProblem(context, lab);
        problem = found ?? problem;
        return found === null ? true : null;
      });
      if (back === null) throw notBack('the control plane', problem);
    },
  };
}

/** What is missing of the cluster as a whole; null when nothing is. */
export async function wholeProblem(context: StepContext, lab: LabSpec): Promise<string | null> {
  for (const machine of controlPlanes(lab)) {
    const problem = await controlPlaneProblem(context, lab, machine);
    if (problem !== null) return problem;
  }
  const unready = await unreadyNodes(context, lab);
  if (unready === null) return 'the API does not answer';
  return unready.length === 0 ? null : `${unready.join(' and ')} is not Ready`;
}

async function moveAll(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  where: 'away' | 'back',
): Promise<void> {
  if (where === 'away') await must(context, machine, ['mkdir', '-p', STOPPED], short(lab));
  for (const manifest of [ETCD, ...OTHERS]) await moveManifest(context, lab, machine, manifest, where);
}

/** A rename, so that the kubelet never reads half of one. What is where it should be already stays. */
async function moveManifest(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  manifest: string,
  where: 'away' | 'back',
): Promise<void> {
  const stopped = `${STOPPED}/${manifest.slice(MANIFESTS_DIR.length + 1)}`;
  const [from, to] = where === 'away' ? [manifest, stopped] : [stopped, manifest];
  if (!(await succeeds(context, machine, ['test', '-f', from], short(lab)))) return;
  await must(context, machine, ['mv', '-f', from, to], short(lab));
}

export async function startEtcd(context: StepContext, lab: LabSpec): Promise<void> {
  for (const { name } of controlPlanes(lab)) await moveManifest(context, lab, name, ETCD, 'back');
}

/** On which control planes etcd may start, or has. */
export async function etcdMayRun(context: StepContext, lab: LabSpec): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name } of controlPlanes(lab))
    if (await succeeds(context, name, ['test', '-f', ETCD], short(lab))) found.push(name);
  return found;
}

export function startControlPlane({ lab }: Restore, machine: MachineSpec): Step {
  const { name } = machine;
  return {
    key: `control-plane:${name}`,
    title: `Start the control plane of ${name}`,
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 15),
    commands: [`mv ${STOPPED}/… ${MANIFESTS_DIR}/`],
    run: async (context) => {
      await moveAll(context, lab, name, 'back');
      let problem = 'nothing was asked';
      const times = { timeoutMs: minutes(lab, 10), everyMs: seconds(lab, 3) };
      const whole = await poll(context, times, async () => {
        const found = await controlPlaneProblem(context, lab, machine);
        problem = found ?? problem;
        return found === null ? true : null;
      });
      if (whole !== null) return;
      throw notBack(name, problem);
    },
  };
}

/**
 * A kubelet that has seen a later state of the API would wait for changes that never come, so each begins anew. It
 * does not touch its pods by that.
 */
export function restartKubelets({ lab }: Restore): Step {
  return {
    key: 'kubelets',
    title: 'Restart every kubelet',
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 5) + lab.machines.length * minutes(lab, 1),
    commands: ['systemctl restart kubelet'],
    run: async (context) => {
      const states = await context.provider.machines();
      for (const { name, role } of lab.machines) {
        if (role === 'load-balancer') continue;
        if (!states.some((one) => one.name === name && one.state === 'running'))
          context.log(`${name} is off; its kubelet begins anew when it starts`);
        else await must(context, name, ['systemctl', 'restart', 'kubelet'], { timeoutMs: minutes(lab, 2) });
      }
    },
  };
}

/** Nodes that the restored cluster knows and that are not Ready; null while the API does not answer. */
export async function unreadyNodes(context: StepContext, lab: LabSpec): Promise<readonly string[] | null> {
  const json = await askKubectl(context, lab, ['get', 'nodes', '-o', 'json'], firstControlPlane(lab));
  if (json === null) return null;
  return parseNodes(json)
    .filter(({ ready }) => !ready)
    .map(({ name }) => name);
}

function runs(context: StepContext, lab: LabSpec, machine: string, program: string): Promise<boolean> {
  return succeeds(context, machine, ['pgrep', '-x', program], { timeoutMs: seconds(lab, 30) });
}

function notBack(what: string, problem: string): StepError {
  return new StepError({
    code: 'restore-gate',
    message: `${what} does not come back: ${problem}`,
    remedy: 'Look at it with `homelab status`, mend it, then type: homelab resume',
    retryable: true,
  });
}

/** A manifest that came there after it was looked for is never removed; the next attempt moves it back. */
function stillThere(machine: string, names: string): StepError {
  return new StepError({
    code: 'manifests-left',
    message: `${machine}: ${STOPPED} still has ${names.trim().replaceAll('\n', ' and ')}`,
    remedy: 'Try it again.',
    retryable: true,
  });
}

function stillRunning(machine: string): StepError {
  return new StepError({
    code: 'program-still-running',
    message: `${machine}: etcd or the API server still runs although its manifest is gone`,
    remedy: `Look at it with: homelab exec ${machine} -- crictl ps`,
    retryable: true,
  });
}

function short(lab: LabSpec): { readonly timeoutMs: number } {
  return { timeoutMs: seconds(lab, 60) };
}
