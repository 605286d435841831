/**
 * kube-controller-manager: the controllers that a lab can observe, run by the leader. Not modelled: endpoints,
 * service accounts, quotas, autoscaling, volumes, CronJobs.
 */
import { certificateController } from './controller-certificates.js';
import { ControllerContext } from './controller-context.js';
import { daemonSetController } from './controller-daemonsets.js';
import { disruptionController } from './controller-disruption.js';
import { podGarbage, taintEviction } from './controller-eviction.js';
import { garbageCollector } from './controller-garbage.js';
import { jobController, statefulSetController } from './controller-jobs.js';
import { namespaceController } from './controller-namespaces.js';
import { nodeIpam } from './controller-node-ipam.js';
import { nodeLifecycle } from './controller-node-lifecycle.js';
import { deploymentController, replicaSetController } from './controller-replicas.js';
import { ttlAfterFinished } from './controller-ttl.js';
import { bootstrapSigner, tokenCleaner } from './controller-tokens.js';
import { runControlPlaneProgram } from './control-plane-program.js';
import type { Program } from './process.js';

const CONTROLLERS = {
  'csr controllers': certificateController,
  bootstrapsigner: bootstrapSigner,
  tokencleaner: tokenCleaner,
  'node ipam': nodeIpam,
  'node lifecycle': nodeLifecycle,
  'taint eviction': taintEviction,
  'pod garbage': podGarbage,
  'garbage collector': garbageCollector,
  daemonset: daemonSetController,
  deployment: deploymentController,
  replicaset: replicaSetController,
  statefulset: statefulSetController,
  job: jobController,
  'ttl-after-finished': ttlAfterFinished,
  disruption: disruptionController,
  namespace: namespaceController,
} as const;

export const kubeControllerManager: Program = function* run(call) {
  return yield* runControlPlaneProgram(call, {
    name: 'kube-controller-manager',
    leaseName: 'kube-controller-manager',
    healthPort: 10_257,
    lead: (leader) => {
      const context = new ControllerContext(leader);
      for (const [name, controller] of Object.entries(CONTROLLERS)) context.spawn(name, controller(context));
    },
  });
};
