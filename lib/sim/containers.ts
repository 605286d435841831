/** What the images of the simulated world run, by image name without its tag. Every other image runs and waits. */
import { etcd } from './etcd-member.js';
import { kubeApiserver } from './apiserver.js';
import { certgen, longhornManager, pause } from './workloads.js';
import { ciliumAgent, flannelAgent } from './cni-agents.js';
import { kubeControllerManager } from './controller-manager.js';
import { kubeScheduler } from './kube-scheduler.js';
import { kubeVip } from './kube-vip.js';
import type { Program } from './process.js';

export const CONTAINERS: ReadonlyMap<string, Program> = new Map([
  ['registry.k8s.io/etcd', etcd],
  ['registry.k8s.io/kube-apiserver', kubeApiserver],
  ['registry.k8s.io/kube-controller-manager', kubeControllerManager],
  ['registry.k8s.io/kube-scheduler', kubeScheduler],
  ['registry.k8s.io/pause', pause],
  ['registry.k8s.io/ingress-nginx/kube-webhook-certgen', certgen],
  ['ghcr.io/kube-vip/kube-vip', kubeVip],
  ['docker.io/longhornio/longhorn-manager', longhornManager],
  ['quay.io/cilium/cilium', ciliumAgent],
  ['docker.io/flannel/flannel', flannelAgent],
  ['ghcr.io/flannel-io/flannel', flannelAgent],
]);
