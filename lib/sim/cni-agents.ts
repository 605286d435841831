/**
 * The agents of the CNIs that Helm installs. An agent sets its node's network up and writes the configuration that
 * makes the node ready. Routing, policies and the agents' own state in the cluster are not modelled.
 */
import { ApiClient } from './api-client.js';
import { CNI_FOLDER } from './cni.js';
import type { Invocation, Program } from './process.js';
import { sleep, waitFor, type Sim } from './task.js';

const CILIUM_CONF = '05-cilium.conflist';
const FLANNEL_CONF = '10-flannel.conflist';
const PROBE_TIMEOUT_MS = 10_000;
const RETRY_MS = 5_000;

/** Cilium without kube-proxy asks the API server at the address that it is given, the VIP, and waits for it. */
export const ciliumAgent: Program = function* run(call) {
  call.process.setReady(false);
  const host = call.env['KUBERNETES_SERVICE_HOST'];
  const port = Number(call.env['KUBERNETES_SERVICE_PORT'] ?? '6443');
  if (host !== undefined) yield* awaitApi(call, host, port);
  yield* sleep(call.world.draw('cniAgentReady', call.prng));
  const conflist = {
    cniVersion: '0.3.1',
    name: 'cilium',
    plugins: [{ type: 'cilium-cni', 'enable-debug': false }],
  };
  return yield* serveNetwork(call, CILIUM_CONF, conflist);
};

export const flannelAgent: Program = function* run(call) {
  call.process.setReady(false);
  yield* sleep(call.world.draw('cniAgentReady', call.prng));
  const delegate = { hairpinMode: true, isDefaultGateway: true };
  const portmap = { type: 'portmap', capabilities: { portMappings: true } };
  const conflist = { cniVersion: '0.3.1', name: 'cbr0', plugins: [{ type: 'flannel', delegate }, portmap] };
  return yield* serveNetwork(call, FLANNEL_CONF, conflist);
};

function* awaitApi(call: Invocation, host: string, port: number): Sim<void> {
  const config = {
    ...{ server: `https://${host}:${port}`, host, port },
    ...{ authority: null, client: null, token: null },
  };
  const client = new ApiClient({ machine: call.machine, config, container: call.container });
  for (;;) {
    const answer = yield* client.request('GET', '/healthz', undefined, PROBE_TIMEOUT_MS);
    if (answer.kind === 'ok') return;
    call.printError(`level=info msg="Establishing connection to apiserver" host="https://${host}:${port}"\n`);
    yield* sleep(RETRY_MS);
  }
}

function* serveNetwork(call: Invocation, file: string, conflist: unknown): Sim<never> {
  const { disk } = call.machine;
  disk.makeDirectories(CNI_FOLDER);
  disk.write(`${CNI_FOLDER}/${file}`, `${JSON.stringify(conflist, null, 2)}\n`, { mode: 0o600 });
  call.world.emit(call.machine.name, 'cni', 'network ready', { file });
  call.process.setReady(true);
  for (;;) yield* waitFor([call.process.terminate]);
}
