/**
 * The lab's kubeconfig on the workstation, with an address that was tried from there: the endpoint when it passes
 * all checks, else a control plane's own, said plainly.
 */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { API_PORT } from '../../generate/kubeadm.js';
import { labKubeconfig } from '../../generate/kubeconfig.js';
import { ADMIN_CONF } from '../../generate/paths.js';
import { controlPlanes, type LabSpec } from '../../model/lab.js';
import { HOST } from '../../provider/provider.js';
import type { Bootstrap } from '../bootstrap.js';
import { firstControlPlane } from '../kubectl.js';
import { run } from '../remote.js';
import { minutes, patient, poll, seconds } from '../timing.js';

export const KUBECONFIG = 'kubeconfig';
export const KUBECONFIG_STEP = 'kubeconfig';
/** The cluster's authority, public, so that curl on the workstation can check certificates. */
const CA_FILE = 'ca.crt';

export function writeKubeconfig({ lab, ports }: Bootstrap): Step {
  const { folder } = ports;
  return {
    key: KUBECONFIG_STEP,
    title: 'Write a kubeconfig that answers from here',
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 6),
    probe: async () => (folder.read(KUBECONFIG) === null ? 'not-done' : 'done'),
    run: async (context) => {
      const admin = await fetch(context, lab, ADMIN_CONF);
      const authority = await fetch(context, lab, '/etc/kubernetes/pki/ca.crt');
      await context.shell(HOST).writeFile(CA_FILE, authority, { mode: 0o644, timeoutMs: seconds(lab, 30) });
      const server = await choose(context, lab);
      folder.write(KUBECONFIG, labKubeconfig(lab, admin, server.host, server.port), 0o600);
    },
    compensate: async () => {
      folder.remove(KUBECONFIG);
    },
  };
}

async function choose(
  context: StepContext,
  lab: LabSpec,
): Promise<{ readonly host: string; readonly port: number }> {
  const { address, port } = lab.endpoint;
  let problem = '';
  const times = { timeoutMs: minutes(lab, 1), everyMs: seconds(lab, 3) };
  const good = await poll(context, times, async () => {
    const found = await check(context, lab, address, port);
    problem = found ?? problem;
    return found === null ? true : null;
  });
  if (good !== null) return { host: address, port };
  for (const machine of controlPlanes(lab)) {
    if ((await check(context, lab, machine.address, API_PORT)) !== null) continue;
    context.log(
      `${address} fails from this workstation (${problem}); the kubeconfig uses ${machine.name} instead`,
    );
    return { host: machine.address, port: API_PORT };
  }
  throw new StepError({
    code: 'api-not-reachable',
    message: `the API answers at no address from this workstation: ${problem}`,
    remedy: 'Look at the API with: homelab status',
    retryable: true,
  });
}

/**
 * TCP, the certificate's authority and names, and readiness, in one request of the workstation's curl: what is wrong,
 * or null.
 */
async function check(context: StepContext, lab: LabSpec, host: string, port: number): Promise<string | null> {
  const url = `https://${host}:${port}/readyz`;
  const argv = [
    'curl',
    '-s',
    '-S',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '-m',
    '10',
    '--cacert',
    CA_FILE,
    url,
  ];
  const ran = await run(context, HOST, argv, { timeoutMs: seconds(lab, 30) });
  if (ran.code !== 0) return ran.stderr.trim() || `curl ended with exit code ${ran.code}`;
  return ran.stdout.trim() === '200' ? null : `${url} answers ${ran.stdout.trim()}`;
}

async function fetch(context: StepContext, lab: LabSpec, path: string): Promise<string> {
  const on = firstControlPlane(lab);
  const content = await context.shell(on).readFile(path, { timeoutMs: seconds(lab, 30) });
  if (content !== null) return new TextDecoder().decode(content);
  throw new StepError({
    code: 'file-missing',
    message: `${on} has no ${path}`,
    remedy: 'Look at the control plane with: homelab status',
    retryable: true,
  });
}
