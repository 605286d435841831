/**
 * How a kubelet comes to its client certificate: from kubelet.conf, or by TLS bootstrap with the token of
 * bootstrap-kubelet.conf, which needs an API server and a controller manager that signs; and how it gets the next one
 * before that ends. The serving certificate is not modelled.
 */
import { fromBase64, toBase64 } from '../base/base64.js';
import type { Prng } from '../base/prng.js';
import { ApiClient } from './api-client.js';
import { Informer } from './informer.js';
import { parseKubeconfig, printKubeconfig, type Kubeconfig } from './kubeconfig.js';
import type { Kubelet } from './kubelet-state.js';
import type { Machine } from './machine.js';
import { issueKey, parseKey, printRequest, toPem, type Certificate } from './pki.js';
import { sleep, TaskGroup, waitFor, type Sim } from './task.js';
import { textAt } from './tree.js';

export const KUBELET_CONF = '/etc/kubernetes/kubelet.conf';
export const BOOTSTRAP_CONF = '/etc/kubernetes/bootstrap-kubelet.conf';
const PKI_FOLDER = '/var/lib/kubelet/pki';
const CLIENT_PEM = `${PKI_FOLDER}/kubelet-client-current.pem`;
const CSR_PATH = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const RETRY_MS = 5_000;

/** Sets the kubelet's client, at once or when the bootstrap has succeeded. */
export function* obtainClient(kubelet: Kubelet): Sim<void> {
  const { machine } = kubelet;
  if (!machine.disk.isFile(KUBELET_CONF)) yield* bootstrap(kubelet);
  const config = readConfig(machine, KUBELET_CONF);
  if (config !== null) keepPem(machine);
  kubelet.client = config === null ? null : new ApiClient({ machine, config });
  kubelet.clientChanged.fire();
  if (config?.client !== undefined && config.client !== null) yield* rotate(kubelet, config.client);
}

/** client-go's certificate manager asks for the next certificate when 70 to 90 per cent of a lifetime are over. */
function* rotate(kubelet: Kubelet, first: Certificate): Sim<void> {
  const { machine, call } = kubelet;
  const prng = call.prng.fork('rotation');
  for (let current = first; ;) {
    const lifetimeMs = current.notAfterMs - current.notBeforeMs;
    const dueMs = current.notBeforeMs + Math.floor(lifetimeMs / 1_000) * prng.int(700, 900);
    while (machine.wallMs < dueMs) yield* waitFor([machine.clockChanged], dueMs - machine.wallMs);
    const { client } = kubelet;
    if (client === null) return;
    machine.log('kubelet.service', 'certificate_manager.go: "Rotating certificates"');
    const { authority, server } = client.config;
    const issued = yield* request(kubelet, client, prng);
    writeClient(machine, issued, server, authority === null ? '' : toPem(authority));
    const config = readConfig(machine, KUBELET_CONF);
    if (config === null || config.client === null) return;
    kubelet.client = new ApiClient({ machine, config });
    kubelet.clientChanged.fire();
    current = config.client;
  }
}

function readConfig(machine: Machine, path: string): Kubeconfig | null {
  const text = machine.disk.read(path);
  return text === null
    ? null
    : parseKubeconfig(machine.world.documents, text, (file) => machine.disk.read(file));
}

/** A kubelet that rotates its certificate keeps what kubelet.conf holds as its first one. */
function keepPem(machine: Machine): void {
  if (machine.disk.isFile(CLIENT_PEM)) return;
  const text = machine.disk.read(KUBELET_CONF) ?? '';
  const data = (key: string): string => fromBase64(new RegExp(`${key}: (\\S+)`).exec(text)?.[1] ?? '') ?? '';
  const both = data('client-certificate-data') + data('client-key-data');
  if (both === '') return;
  machine.disk.makeDirectories(PKI_FOLDER);
  machine.disk.write(CLIENT_PEM, both, { mode: 0o600 });
}

function* bootstrap(kubelet: Kubelet): Sim<void> {
  const { machine, call } = kubelet;
  const { world } = machine;
  const config = readConfig(machine, BOOTSTRAP_CONF);
  if (config === null || config.authority === null) return;
  const client = new ApiClient({ machine, config });
  yield* sleep(world.draw('kubeletBootstrap', call.prng));
  const issued = yield* request(kubelet, client, call.prng);
  writeClient(machine, issued, config.server, fromBase64(authorityData(machine)) ?? '');
}

/** A new key, and a certificate for it as soon as somebody has signed. Both in one file. */
function* request(kubelet: Kubelet, client: ApiClient, prng: Prng): Sim<string> {
  const { keyPem } = issueKey(prng);
  const name = `csr-${prng.text(5, 'bcdfghjklmnpqrstvwxz2456789')}`;
  while (!(yield* postRequest(kubelet, client, name, keyPem))) yield* sleep(RETRY_MS);
  return (yield* awaitCertificate(kubelet, client, name)) + keyPem;
}

function writeClient(machine: Machine, issued: string, server: string, authorityPem: string): void {
  machine.disk.makeDirectories(PKI_FOLDER);
  machine.disk.write(CLIENT_PEM, issued, { mode: 0o600 });
  const text = printKubeconfig({
    server,
    authorityPem,
    user: 'default-auth',
    clusterName: 'default-cluster',
    clientCertificatePath: CLIENT_PEM,
  });
  machine.disk.write(KUBELET_CONF, text, { mode: 0o600 });
}

function authorityData(machine: Machine): string {
  const text = machine.disk.read(BOOTSTRAP_CONF) ?? '';
  return /certificate-authority-data: (\S+)/.exec(text)?.[1] ?? '';
}

function* postRequest(kubelet: Kubelet, client: ApiClient, name: string, keyPem: string): Sim<boolean> {
  const request = printRequest({
    commonName: `system:node:${kubelet.node.name}`,
    organizations: ['system:nodes'],
    sans: [],
    keyId: parseKey(keyPem) ?? '',
  });
  const body = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: toBase64(request),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
    },
  };
  const answer = yield* client.request('POST', CSR_PATH, body, 30_000);
  if (answer.kind === 'ok' || (answer.kind === 'error' && answer.status.reason === 'AlreadyExists'))
    return true;
  const why = answer.kind === 'error' ? answer.status.message : answer.kind;
  kubelet.machine.log('kubelet.service', `failed to create certificate signing request: ${why}`);
  return false;
}

function* awaitCertificate(kubelet: Kubelet, client: ApiClient, name: string): Sim<string> {
  const path = `${CSR_PATH}?fieldSelector=metadata.name=${name}`;
  const requests = new Informer({ name: 'own csr', client: () => client, path });
  const group = new TaskGroup(kubelet.call.process.group);
  kubelet.machine.world.scheduler.spawn(group, 'watch own csr', requests.run());
  for (;;) {
    const certificate = textAt(requests.items.get(name), 'status', 'certificate');
    const pem = certificate === null ? null : fromBase64(certificate);
    if (pem !== null) {
      group.killAll();
      group.detach();
      return pem;
    }
    yield* waitFor([requests.changed]);
  }
}
