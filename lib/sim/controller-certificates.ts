/**
 * The CSR controllers: kubelets' client certificates are approved when an authorizer would let the requester have
 * them (bootstrap tokens and the node itself), and signed by the cluster's authority. Other signers are left alone.
 */
import { fromBase64, toBase64 } from '../base/base64.js';
import { readAs } from './container.js';
import { onChange } from './control-plane-program.js';
import type { ControllerContext } from './controller-context.js';
import type { KubeObject } from './objects.js';
import { parseCertificate, parseRequest, signRequest } from './pki.js';
import type { Sim } from './task.js';
import { listAt, mapAt, textAt, textsAt } from './tree.js';

const PATH = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const SETTLE_MS = 100;

export function* certificateController(context: ControllerContext): Sim<never> {
  const requests = context.informer(PATH);
  const unsigned = requests.view((request) => (isUnsigned(request) && mayHave(request) ? request : null));
  return yield* onChange([requests], SETTLE_MS, function* reconcile() {
    for (const request of [...unsigned.values.values()]) {
      if (!(yield* sign(context, request))) return false;
    }
    return true;
  });
}

function isUnsigned(request: KubeObject): boolean {
  return (
    textAt(request, 'spec', 'signerName') === SIGNER && textAt(request, 'status', 'certificate') === null
  );
}

function mayHave(request: KubeObject): boolean {
  const groups = textsAt(request, 'spec', 'groups');
  const wanted = requestOf(request);
  const own = textAt(request, 'spec', 'username') === wanted?.commonName;
  const bootstrap = groups.includes('system:bootstrappers');
  return wanted?.organizations.includes('system:nodes') === true && (own || bootstrap);
}

function requestOf(request: KubeObject): ReturnType<typeof parseRequest> {
  return parseRequest(fromBase64(textAt(request, 'spec', 'request') ?? '') ?? '');
}

function* sign(context: ControllerContext, request: KubeObject): Sim<boolean> {
  const { call, flags } = context.leader;
  const authority = parseCertificate(
    readAs(call, flags.get('cluster-signing-cert-file') ?? '/etc/kubernetes/pki/ca.crt') ?? '',
  );
  const wanted = requestOf(request);
  if (authority === null || wanted === null) return true;
  const path = `${PATH}/${request.metadata.name}`;
  const approved = {
    type: 'Approved',
    status: 'True',
    reason: 'AutoApproved',
    message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
    lastUpdateTime: context.date,
  };
  const conditions = [...listAt(request, 'status', 'conditions'), approved];
  const certificate = toBase64(signRequest(call.prng, authority, wanted, context.wallMs));
  return yield* context.patch(`${path}/status`, {
    status: { ...mapAt(request, 'status'), conditions, certificate },
  });
}
