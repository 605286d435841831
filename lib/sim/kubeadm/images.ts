/** The images that kubeadm asks for, and pulling the missing ones. */
import { must } from '../../base/errors.js';
import { kubeadmImages, parseVersion } from '../../model/version.js';
import type { Sim } from '../task.js';
import { KubeadmFailure, type Kubeadm } from './context.js';

export interface ImageSource {
  readonly kubernetesVersion: string;
  readonly imageRepository: string;
}

export function componentImage(source: ImageSource, name: string): string {
  return `${source.imageRepository}/${name}:${source.kubernetesVersion}`;
}

export function etcdImage(source: ImageSource): string {
  return `${source.imageRepository}/etcd:${tagsOf(source).etcd}`;
}

export function pauseImage(source: ImageSource): string {
  return `${source.imageRepository}/pause:${tagsOf(source).pause}`;
}

/** CoreDNS lives in a folder of its own in the default registry only. */
export function corednsImage(source: ImageSource): string {
  const folder = source.imageRepository === 'registry.k8s.io' ? '/coredns' : '';
  return `${source.imageRepository}${folder}/coredns:${tagsOf(source).coredns}`;
}

/** In the order of `kubeadm config images list`. */
export function allImages(source: ImageSource): string[] {
  return [
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'].map((name) =>
      componentImage(source, name),
    ),
    corednsImage(source),
    pauseImage(source),
    etcdImage(source),
  ];
}

function tagsOf(source: ImageSource): { etcd: string; coredns: string; pause: string } {
  const version = must(parseVersion(source.kubernetesVersion), `bad version ${source.kubernetesVersion}`);
  const tags = kubeadmImages(version);
  if (tags === null) {
    throw new KubeadmFailure(`the simulator knows no images of Kubernetes ${source.kubernetesVersion}`);
  }
  return tags;
}

/** Pulls one image unless it is there. The error text of the container runtime, or null. */
export function* pullImage(kubeadm: Kubeadm, image: string): Sim<string | null> {
  const { containers } = kubeadm.call.machine;
  if (containers.images().includes(image)) return null;
  return yield* containers.pull(image);
}
