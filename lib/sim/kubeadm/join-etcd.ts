/** Phase control-plane-join/etcd: a learner is announced, started from a manifest, and promoted. */
import type { Sim } from '../task.js';
import { adminClient } from './api.js';
import type { ControlPlane } from './config-model.js';
import { KubeadmFailure, say, wrapFailure, type Kubeadm } from './context.js';
import {
  addLearner,
  connectEtcd,
  listMembers,
  promoteMember,
  waitEtcdAvailable,
  type EtcdAccess,
} from './etcd-client.js';
import { clientUrl, peerUrl, writeEtcdManifest } from './etcd-manifest.js';

export function* joinEtcd(kubeadm: Kubeadm, plane: ControlPlane): Sim<void> {
  // etcd refuses a data folder that others may read, so kubeadm makes it.
  kubeadm.call.machine.disk.makeDirectories(plane.cluster.etcd.dataDir, 0o700);
  try {
    const etcd = yield* connectEtcd(kubeadm, adminClient(kubeadm), plane);
    yield* addOwnMember(kubeadm, plane, etcd);
  } catch (error) {
    throw wrapFailure('error creating local etcd static pod manifest file', error);
  }
}

function* addOwnMember(kubeadm: Kubeadm, plane: ControlPlane, etcd: EtcdAccess): Sim<void> {
  const own = peerUrl(plane.endpoint.advertiseAddress);
  const members = yield* addLearner(etcd, own);
  etcd.endpoints = [...etcd.endpoints, clientUrl(plane.endpoint.advertiseAddress)];
  say(kubeadm, '[etcd] Announced new etcd member joining to the existing etcd cluster');
  say(kubeadm, '[etcd] Creating static Pod manifest for "etcd"');
  const cluster = members.map((member) => {
    const [url = ''] = member.peerUrls;
    // A member that has never started has no name yet, which may be of another join that is under way.
    return { name: url === own ? plane.node.name : member.name || member.id, peerUrl: url };
  });
  writeEtcdManifest(kubeadm, plane, cluster);
  const learner = (yield* listMembers(etcd)).find((member) => member.peerUrls.includes(own));
  if (learner === undefined) throw new KubeadmFailure(`could not find member id for peer URL: ${own}`);
  yield* promoteMember(etcd, learner.id);
  say(kubeadm, '[etcd] Waiting for the new etcd member to join the cluster. This can take up to 40s');
  yield* waitEtcdAvailable(etcd);
}
