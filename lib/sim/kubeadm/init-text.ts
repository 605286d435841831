/** What `kubeadm init` prints when all went well, byte for byte. */
import type { ApiClient } from '../api-client.js';
import { say, type Kubeadm } from './context.js';
import { WITHHELD, controlPlaneJoinCommand, joinParts, workerJoinCommand } from './tokens.js';

export interface SuccessText {
  readonly token: string;
  /** Null when no certificates were uploaded. */
  readonly certificateKey: string | null;
  readonly hideToken: boolean;
  readonly hideCertificateKey: boolean;
  /** Only a cluster with a stable endpoint can be joined by another control plane. */
  readonly stableEndpoint: boolean;
}

const HEAD = `
Your Kubernetes control-plane has initialized successfully!

To start using your cluster, you need to run the following as a regular user:

  mkdir -p $HOME/.kube
  sudo cp -i /etc/kubernetes/admin.conf $HOME/.kube/config
  sudo chown $(id -u):$(id -g) $HOME/.kube/config

Alternatively, if you are the root user, you can run:

  export KUBECONFIG=/etc/kubernetes/admin.conf

You should now deploy a pod network to the cluster.
Run "kubectl apply -f [podnetwork].yaml" with one of the options listed at:
  https://kubernetes.io/docs/concepts/cluster-administration/addons/
`;

const WITH_KEY = `You can now join any number of the control-plane node running the following command on each as root:
`;

const KEY_CARE = `
Please note that the certificate-key gives access to cluster sensitive data, keep it secret!
As a safeguard, uploaded-certs will be deleted in two hours; If necessary, you can use
"kubeadm init phase upload-certs --upload-certs" to reload certs afterward.
`;

const WITHOUT_KEY = `You can now join any number of control-plane nodes by copying certificate authorities
and service account keys on each node and then running the following as root:
`;

/** The whole block is printed once for each token of the configuration. */
export function sayInitSuccess(kubeadm: Kubeadm, client: ApiClient, text: SuccessText): void {
  const parts = joinParts(client, text.hideToken ? WITHHELD : text.token);
  say(kubeadm, HEAD);
  if (text.stableEndpoint) {
    const key =
      text.certificateKey === null ? null : text.hideCertificateKey ? WITHHELD : text.certificateKey;
    say(kubeadm, key === null ? WITHOUT_KEY : WITH_KEY);
    say(kubeadm, controlPlaneJoinCommand(parts, key));
    say(kubeadm, key === null ? '' : KEY_CARE);
  }
  say(kubeadm, 'Then you can join any number of worker nodes by running the following on each as root:');
  say(kubeadm, '');
  say(kubeadm, workerJoinCommand(parts));
}
