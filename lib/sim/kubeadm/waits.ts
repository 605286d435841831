/** Waiting for the kubelet and the API server, and what kubeadm prints when one does not come up. */
import type { ApiClient } from '../api-client.js';
import { sleep, type Sim } from '../task.js';
import type { NodeRegistration, Timeouts } from './config-model.js';
import { KubeadmFailure, goDuration, say, type Kubeadm } from './context.js';
import { RETRY_MS } from './api.js';

const HEALTHZ = 'http://127.0.0.1:10248/healthz';

/** Polls the kubelet's own health port. Throws what the last try said. */
export function* waitKubelet(kubeadm: Kubeadm, timeouts: Timeouts): Sim<void> {
  const { machine, world } = kubeadm.call;
  const budgetMs = timeouts.kubeletHealthCheck;
  const startMs = world.nowMs;
  say(
    kubeadm,
    `[kubelet-check] Waiting for a healthy kubelet at ${HEALTHZ}. This can take up to ${goDuration(budgetMs)}`,
  );
  let problem = 'context deadline exceeded';
  while (world.nowMs - startMs < budgetMs) {
    const leftMs = budgetMs - (world.nowMs - startMs);
    const ask = { method: 'GET', path: '/healthz' };
    const outcome = yield* world.network.exchange(machine, '127.0.0.1', 10_248, ask, leftMs);
    if (outcome.kind === 'response' && outcome.status === 200) {
      const tookMs = world.nowMs - startMs;
      say(kubeadm, `[kubelet-check] The kubelet is healthy after ${goDuration(tookMs)}`);
      return;
    }
    problem =
      outcome.kind === 'response'
        ? `HTTP status code ${outcome.status}`
        : `error: Get "${HEALTHZ}": dial tcp 127.0.0.1:10248: connect: connection refused`;
    yield* sleep(Math.min(RETRY_MS, Math.max(0, budgetMs - (world.nowMs - startMs))));
  }
  say(kubeadm, `[kubelet-check] The kubelet is not healthy after ${goDuration(world.nowMs - startMs)}`);
  throw new KubeadmFailure(`The HTTP call equal to 'curl -sSL ${HEALTHZ}' returned ${problem}\n`);
}

/**
 * Polls /healthz with admin.conf, that is through the cluster's endpoint: a floating address that nobody carries
 * fails here although the API server itself is well.
 */
export function* waitApi(kubeadm: Kubeadm, client: ApiClient, timeouts: Timeouts): Sim<void> {
  const { world } = kubeadm.call;
  const budgetMs = timeouts.controlPlaneComponentHealthCheck;
  const startMs = world.nowMs;
  say(kubeadm, `[api-check] Waiting for a healthy API server. This can take up to ${goDuration(budgetMs)}`);
  while (world.nowMs - startMs < budgetMs) {
    const leftMs = budgetMs - (world.nowMs - startMs);
    const outcome = yield* client.request('GET', '/healthz?timeout=10s', undefined, Math.min(10_000, leftMs));
    if (outcome.kind === 'ok') {
      say(kubeadm, `[api-check] The API server is healthy after ${goDuration(world.nowMs - startMs)}`);
      return;
    }
    yield* sleep(Math.min(RETRY_MS, Math.max(0, budgetMs - (world.nowMs - startMs))));
  }
  say(kubeadm, `[api-check] The API server is not healthy after ${goDuration(world.nowMs - startMs)}`);
  throw new KubeadmFailure('context deadline exceeded');
}

const LIKELY_CAUSES = `This error is likely caused by:
	- The kubelet is not running
	- The kubelet is unhealthy due to a misconfiguration of the node in some way (required cgroups disabled)

If you are on a systemd-powered system, you can try to troubleshoot the error with the following commands:
	- 'systemctl status kubelet'
	- 'journalctl -xeu kubelet'
`;

/** What init prints on stdout before it gives up. */
export function sayInitTrouble(kubeadm: Kubeadm, node: NodeRegistration, problem: string): void {
  const crictl = `crictl --runtime-endpoint ${node.criSocket}`;
  kubeadm.call.print(`
Unfortunately, an error has occurred:
	${problem}

${LIKELY_CAUSES}
Additionally, a control plane component may have crashed or exited when started by the container runtime.
To troubleshoot, list all containers using your preferred container runtimes CLI.
Here is one example how you may list all running Kubernetes containers by using crictl:
	- '${crictl} ps -a | grep kube | grep -v pause'
	Once you have found the failing container, you can inspect its logs with:
	- '${crictl} logs CONTAINERID'
`);
}

/** The same of join, which says nothing of containers. */
export function sayJoinTrouble(kubeadm: Kubeadm, problem: string): void {
  kubeadm.call.print(`
Unfortunately, an error has occurred:
	${problem}

${LIKELY_CAUSES}`);
}
