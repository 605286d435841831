/**
 * What both kinds of join share. Tokens and certificate keys are made anew for every attempt, go into one file
 * that only root reads, and are removed with it: they are in no record and no message.
 */
import { StepError, type StepContext } from '../../engine/saga.js';
import type { JoinSecrets } from '../../generate/kubeadm.js';
import { ADMIN_CONF, JOIN_CONFIG } from '../../generate/paths.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import type { BootstrapInput } from '../bootstrap.js';
import { firstControlPlane } from '../kubectl.js';
import { forgetNode } from '../membership.js';
import { isReachable, isTouched, resetNode } from '../node.js';
import { must, succeeds } from '../remote.js';
import { minutes, seconds } from '../timing.js';

export const JOIN_ARGV = ['kubeadm', 'join', '--config', JOIN_CONFIG];

/** A token and the CA's hash, out of the join command that kubeadm prints. */
export async function freshJoin(context: StepContext, lab: LabSpec): Promise<JoinSecrets> {
  const argv = ['kubeadm', 'token', 'create', '--print-join-command', '--kubeconfig', ADMIN_CONF];
  const printed = await must(context, firstControlPlane(lab), argv, { timeoutMs: minutes(lab, 2) });
  const words = printed.replaceAll('\\\n', ' ').split(/\s+/);
  const after = (flag: string): string | undefined => words[words.indexOf(flag) + 1];
  const token = words.includes('--token') ? after('--token') : undefined;
  const caCertHash = words.includes('--discovery-token-ca-cert-hash')
    ? after('--discovery-token-ca-cert-hash')
    : undefined;
  if (token === undefined || caCertHash === undefined)
    throw unreadable('kubeadm token create --print-join-command');
  return { token, caCertHash };
}

/** Uploads the certificates again under a new key. The old key is useless from then on, and so is its two-hour life. */
export async function freshCertificateKey(context: StepContext, lab: LabSpec): Promise<string> {
  const argv = ['kubeadm', 'init', 'phase', 'upload-certs', '--upload-certs', '--kubeconfig', ADMIN_CONF];
  const printed = await must(context, firstControlPlane(lab), argv, { timeoutMs: minutes(lab, 2) });
  const key = printed.split('\n').find((line) => /^[0-9a-f]{64}$/.test(line.trim()));
  if (key === undefined) throw unreadable('kubeadm init phase upload-certs');
  return key.trim();
}

/** Runs the join with its configuration in place; `removeSecrets` comes after it, in this attempt or a later one. */
export async function join(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  config: string,
): Promise<void> {
  const short = { timeoutMs: seconds(lab, 30) };
  await context.shell(machine).writeFile(JOIN_CONFIG, config, { mode: 0o600, ...short });
  await must(context, machine, JOIN_ARGV, { timeoutMs: minutes(lab, 12) });
}

/** A join whose connection was lost may have joined the node by itself, and has left its secrets there. */
export async function holdsSecrets(context: StepContext, lab: LabSpec, machine: string): Promise<boolean> {
  return succeeds(context, machine, ['test', '-e', JOIN_CONFIG], { timeoutMs: seconds(lab, 30) });
}

export async function removeSecrets(context: StepContext, lab: LabSpec, machine: string): Promise<void> {
  await must(context, machine, ['rm', '-f', JOIN_CONFIG], { timeoutMs: seconds(lab, 30) });
}

/** A join that got as far as the kubelet cannot be run again: the node is reset and forgotten first. */
export async function rejoinable(context: StepContext, lab: LabSpec, machine: MachineSpec): Promise<void> {
  if (!(await isTouched(context, lab, machine.name))) return;
  context.log(`${machine.name} is half joined: it is reset first`);
  await resetNode(context, lab, machine);
  await forgetNode(context, lab, machine, false);
}

/**
 * Takes a node out of the cluster. A machine without power that this saga made is not switched on for it: it is
 * destroyed by a later compensation, and only what the others know of it is removed.
 */
export async function leaveCluster(
  context: StepContext,
  lab: LabSpec,
  machine: MachineSpec,
  input: BootstrapInput,
): Promise<void> {
  if (await isReachable(context, machine, input.existing)) await resetNode(context, lab, machine);
  await forgetNode(context, lab, machine, !input.initialized);
}

function unreadable(program: string): StepError {
  return new StepError({
    code: 'unreadable-output',
    // The output itself holds secrets and is not quoted.
    message: `the output of ${program} does not have the form that is known`,
    remedy: 'Run it by hand with `homelab exec` and compare it with its documentation.',
    retryable: true,
  });
}
