/** What the rest of the cluster still knows of a node that is gone: an etcd member, a Node object. */
import { StepError, type StepContext } from '../engine/saga.js';
import { controlPlanes, type LabSpec, type MachineSpec } from '../model/lab.js';
import { etcdMembers, removeEtcdMember, type EtcdMember } from './etcd.js';
import { mustKubectl } from './kubectl.js';

/**
 * Removes a node's etcd member and its Node object by way of another control plane. An empty member list is never
 * the answer of a cluster; `whole` says that the whole cluster is being taken back, so that what cannot be reached
 * any more goes with the machines that come next.
 */
export async function forgetNode(
  context: StepContext,
  lab: LabSpec,
  machine: MachineSpec,
  whole: boolean,
): Promise<void> {
  const others = controlPlanes(lab).filter((one) => one.name !== machine.name);
  const witness = await findWitness(context, lab, others);
  if (witness === null) {
    if (whole) return;
    throw new StepError({
      code: 'no-etcd',
      message: `no other control plane's etcd answers, so ${machine.name} cannot be taken out of the cluster`,
      remedy: 'Bring a control plane back with `homelab machine start`, then type: homelab resume',
      retryable: true,
    });
  }
  for (const member of witness.members.filter((one) => isOf(one, machine))) {
    await removeMember(context, lab, witness.machine, member, whole);
  }
  await deleteNode(context, lab, machine, witness.machine, whole);
}

export function isOf(member: EtcdMember, machine: MachineSpec): boolean {
  // A member that has never started has no name, only the address it is expected at.
  return member.name === machine.name || member.peerUrls.includes(`https://${machine.address}:2380`);
}

async function removeMember(
  context: StepContext,
  lab: LabSpec,
  witness: string,
  member: EtcdMember,
  whole: boolean,
): Promise<void> {
  try {
    await removeEtcdMember(context, lab, witness, member.id);
  } catch (error) {
    if (!whole || !(error instanceof StepError)) throw error;
    context.log(`etcd member ${member.id} stays until its cluster goes: ${error.message}`);
  }
}

async function deleteNode(
  context: StepContext,
  lab: LabSpec,
  machine: MachineSpec,
  witness: string,
  whole: boolean,
): Promise<void> {
  try {
    await mustKubectl(context, lab, ['delete', 'node', machine.name, '--ignore-not-found'], { on: witness });
  } catch (error) {
    if (!whole || !(error instanceof StepError)) throw error;
    context.log(`the Node object ${machine.name} stays until its cluster goes: ${error.message}`);
  }
}

async function findWitness(
  context: StepContext,
  lab: LabSpec,
  candidates: readonly MachineSpec[],
): Promise<{ readonly machine: string; readonly members: readonly EtcdMember[] } | null> {
  for (const { name } of candidates) {
    const members = await etcdMembers(context, lab, name);
    if (members !== null) return { machine: name, members };
  }
  return null;
}
