/**
 * One Kubernetes node as a step sees it: is a kubeadm still at work on it, has it been touched, and how it is
 * brought back to what it was before kubeadm ran.
 */
import { StepError, type StepContext } from '../engine/saga.js';
import { resetConfig } from '../generate/kubeadm.js';
import {
  ADMIN_CONF,
  BRIDGE_CONFLIST,
  HOMELAB_DIR,
  JOIN_CONFIG,
  KUBE_VIP_MANIFEST,
  MANIFESTS_DIR,
  RESET_CONFIG,
} from '../generate/paths.js';
import type { LabSpec, MachineSpec } from '../model/lab.js';
import { must, run, succeeds } from './remote.js';
import { minutes, poll, seconds } from './timing.js';

/** Programs of which one must not begin while another of the same name is at work. */
type WaitedFor = 'kubeadm' | 'helm' | 'apt-get' | 'ctr';

/**
 * Waits until no such program runs on the machine. A command whose connection was lost goes on by itself, and to
 * judge or to undo its work in the middle of it would be wrong.
 */
export async function waitForEnd(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  program: WaitedFor,
): Promise<void> {
  const ended = await poll(context, { timeoutMs: minutes(lab, 12), everyMs: seconds(lab, 3) }, async () =>
    (await isRunning(context, lab, machine, program)) ? null : true,
  );
  if (ended !== null) return;
  throw new StepError({
    code: 'program-still-running',
    message: `${machine}: a ${program} that was started earlier is still running`,
    remedy: `Look at it with: homelab exec ${machine} -- pgrep -a ${program}`,
    retryable: true,
  });
}

export function isRunning(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  program: WaitedFor,
): Promise<boolean> {
  return succeeds(context, machine, ['pgrep', '-x', program], { timeoutMs: seconds(lab, 20) });
}

/** True when kubeadm got as far as starting the kubelet: from there on it cannot simply be run again. */
export async function isTouched(context: StepContext, lab: LabSpec, machine: string): Promise<boolean> {
  const files = [
    ...['/etc/kubernetes/kubelet.conf', '/etc/kubernetes/bootstrap-kubelet.conf', ADMIN_CONF],
    ...[`${MANIFESTS_DIR}/kube-apiserver.yaml`, `${MANIFESTS_DIR}/etcd.yaml`, '/var/lib/kubelet/config.yaml'],
  ];
  // ls names the files that are there on its standard output, and complains about the others.
  const listed = await run(context, machine, ['ls', '-1d', ...files], { timeoutMs: seconds(lab, 20) });
  return listed.stdout.trim() !== '';
}

/**
 * `kubeadm reset`, and what it leaves: CNI configuration and state, the VIP on the interface, homelab's files. Its
 * exit code 0 says nothing about etcd's membership, which is looked after by `forgetNode`. The kubelet's manifests
 * folder is emptied by it, foreign manifests included.
 */
export async function resetNode(context: StepContext, lab: LabSpec, machine: MachineSpec): Promise<void> {
  const { name } = machine;
  const short = { timeoutMs: seconds(lab, 60) };
  await waitForEnd(context, lab, name, 'kubeadm');
  await must(context, name, ['mkdir', '-p', HOMELAB_DIR], short);
  await must(context, name, await resetArgv(context, lab, name), { timeoutMs: minutes(lab, 6) });
  await must(
    context,
    name,
    ['rm', '-rf', KUBE_VIP_MANIFEST, JOIN_CONFIG, RESET_CONFIG, '/var/lib/cni'],
    short,
  );
  if (lab.kubernetes.cni !== 'bridge') await removeCniConfiguration(context, lab, name);
  await removeVip(context, lab, name);
}

async function resetArgv(context: StepContext, lab: LabSpec, machine: string): Promise<readonly string[]> {
  const config = resetConfig(lab);
  if (config === null) return ['kubeadm', 'reset', '--force'];
  await context.shell(machine).writeFile(RESET_CONFIG, config, { mode: 0o600, timeoutMs: seconds(lab, 30) });
  return ['kubeadm', 'reset', '--config', RESET_CONFIG];
}

async function removeCniConfiguration(context: StepContext, lab: LabSpec, machine: string): Promise<void> {
  const short = { timeoutMs: seconds(lab, 60) };
  const listed = await run(context, machine, ['ls', '-1', '/etc/cni/net.d'], short);
  const names = listed.stdout.split('\n').filter((name) => name !== '');
  const files = names.map((name) => `/etc/cni/net.d/${name}`).filter((file) => file !== BRIDGE_CONFLIST);
  if (files.length > 0) await must(context, machine, ['rm', '-rf', ...files], short);
}

/** Killed by the reset, kube-vip cannot take its address away: the node would go on answering ARP for it. */
export async function removeVip(context: StepContext, lab: LabSpec, machine: string): Promise<void> {
  if (lab.vip?.provider !== 'kube-vip' || !(await holdsVip(context, lab, machine))) return;
  const argv = ['ip', 'addr', 'del', `${lab.vip.address}/32`, 'dev', lab.network.interface];
  await must(context, machine, argv, { timeoutMs: seconds(lab, 30) });
}

/** Does the machine carry the VIP on its lab interface now? */
export async function holdsVip(context: StepContext, lab: LabSpec, machine: string): Promise<boolean> {
  if (lab.vip === null) return false;
  const argv = ['ip', '-4', '-o', 'addr', 'show', 'dev', lab.network.interface];
  const shown = await must(context, machine, argv, { timeoutMs: seconds(lab, 30) });
  return shown.includes(` ${lab.vip.address}/`);
}

/** Switches a machine on that has to stay, because it must be cleaned; false for one that is about to be destroyed. */
export async function isReachable(
  context: StepContext,
  machine: MachineSpec,
  existing: readonly string[],
): Promise<boolean> {
  const { provider, signal } = context;
  const state = (await provider.machines()).find(({ name }) => name === machine.name)?.state ?? 'absent';
  if (state === 'running') return true;
  if (!existing.includes(machine.name)) return false;
  await provider.power(machine.name, 'start', { signal });
  return true;
}
