/**
 * The Kubernetes minors that homelab knows, with the images that kubeadm of that minor asks for. A dated table:
 * it knows nothing of later releases, and says so through `RELEASES_AS_OF`.
 * Sources: the release pages and end-of-life list of kubernetes.io for patches; for images, lists that kubeadm printed
 * (1.30, 1.31, 1.34), and for the other minors the changes to kubeadm's constants before their first release.
 */

/** The day up to which the table was brought; patches published later are unknown to it. */
export const RELEASES_AS_OF = '2026-09-15';

/** Images that kubeadm pins besides those of Kubernetes itself, by tag. */
export interface KubeadmImages {
  /** Such as `3.5.15-0`, the tag of registry.k8s.io/etcd. */
  readonly etcd: string;
  /** Such as `v1.11.3`, the tag of registry.k8s.io/coredns/coredns. */
  readonly coredns: string;
  /** Such as `3.10`, the tag of registry.k8s.io/pause. */
  readonly pause: string;
}

export interface KubernetesRelease {
  /** The minor of Kubernetes 1: 31 for v1.31. */
  readonly minor: number;
  /** The newest patch that the table knows. */
  readonly newestPatch: number;
  /** True when the minor has reached its end of life, so that no later patch will come. */
  readonly final: boolean;
  /** Images by the first patch that ships them, oldest first. Later patches may have moved on unseen. */
  readonly images: readonly (KubeadmImages & { readonly fromPatch: number })[];
}

export const KUBERNETES_RELEASES: readonly KubernetesRelease[] = [
  {
    minor: 30,
    newestPatch: 14,
    final: true,
    images: [
      { fromPatch: 0, etcd: '3.5.12-0', coredns: 'v1.11.1', pause: '3.9' },
      { fromPatch: 5, etcd: '3.5.15-0', coredns: 'v1.11.3', pause: '3.9' },
    ],
  },
  {
    minor: 31,
    newestPatch: 14,
    final: true,
    images: [
      { fromPatch: 0, etcd: '3.5.15-0', coredns: 'v1.11.1', pause: '3.10' },
      { fromPatch: 1, etcd: '3.5.15-0', coredns: 'v1.11.3', pause: '3.10' },
    ],
  },
  {
    minor: 32,
    newestPatch: 13,
    final: true,
    images: [{ fromPatch: 0, etcd: '3.5.16-0', coredns: 'v1.11.3', pause: '3.10' }],
  },
  {
    minor: 33,
    newestPatch: 12,
    final: false,
    images: [{ fromPatch: 0, etcd: '3.5.21-0', coredns: 'v1.12.0', pause: '3.10' }],
  },
  {
    minor: 34,
    newestPatch: 10,
    final: false,
    images: [{ fromPatch: 0, etcd: '3.6.4-0', coredns: 'v1.12.1', pause: '3.10.1' }],
  },
  {
    minor: 35,
    newestPatch: 9,
    final: false,
    images: [{ fromPatch: 0, etcd: '3.6.6-0', coredns: 'v1.13.1', pause: '3.10.1' }],
  },
  {
    minor: 36,
    newestPatch: 4,
    final: false,
    images: [{ fromPatch: 0, etcd: '3.6.8-0', coredns: 'v1.14.2', pause: '3.10.2' }],
  },
  {
    minor: 37,
    newestPatch: 1,
    final: false,
    images: [{ fromPatch: 0, etcd: '3.7.0-0', coredns: 'v1.14.6', pause: '3.10.2' }],
  },
];

/**
 * Revision of the kubeadm, kubelet and kubectl packages of pkgs.k8s.io: `1.31.4-1.1`. The repositories have kept
 * `1.1` for every release so far; a rebuilt package would count the last number up.
 */
export const PACKAGE_REVISION = '1.1';
