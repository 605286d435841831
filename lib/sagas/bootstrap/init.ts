/** `kubeadm init` on the first control plane. */
import { StepError, type ProbeAnswer, type Step, type StepContext } from '../../engine/saga.js';
import { initConfig } from '../../generate/kubeadm.js';
import { ADMIN_CONF, INIT_CONFIG } from '../../generate/paths.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import type { Bootstrap, BootstrapInput } from '../bootstrap.js';
import { askKubectl, parseNodes } from '../kubectl.js';
import { isReachable, isTouched, resetNode, waitForEnd } from '../node.js';
import { must } from '../remote.js';
import { minutes, patient, poll, seconds } from '../timing.js';
import { installKubeVip } from './vip.js';

const ARGV = ['kubeadm', 'init', '--config', INIT_CONFIG, '--upload-certs'];

export function initFirst({ lab, input }: Bootstrap, first: MachineSpec): Step {
  return {
    key: `init:${first.name}`,
    title: `kubeadm init on ${first.name}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 15),
    commands: [ARGV.join(' ')],
    probe: (context) => probe(context, lab, first),
    run: async (context) => {
      if (await isTouched(context, lab, first.name)) {
        if (input.initialized) throw unansweredCluster(lab, first);
        // Init is not resumable: after its preflight it trips over its own files.
        await resetNode(context, lab, first);
      }
      if (lab.vip?.provider === 'kube-vip') await installKubeVip(context, lab, first.name, 'bootstrap');
      const config = { mode: 0o600, timeoutMs: seconds(lab, 30) };
      await context.shell(first.name).writeFile(INIT_CONFIG, initConfig(lab), config);
      await must(context, first.name, ARGV, { timeoutMs: minutes(lab, 12) });
    },
    ...(input.initialized ? {} : { compensate: (context) => takeBack(context, lab, first, input) }),
  };
}

/**
 * Done when init's last phase left its work: the first Node marked, and the CoreDNS addon. Asked for some minutes
 * where there is something to ask, because the machines may just have been switched on.
 */
async function probe(context: StepContext, lab: LabSpec, first: MachineSpec): Promise<ProbeAnswer> {
  await waitForEnd(context, lab, first.name, 'kubeadm');
  if (!(await isTouched(context, lab, first.name))) return 'not-done';
  const times = { timeoutMs: minutes(lab, 6), everyMs: seconds(lab, 5) };
  const nodes = await poll(context, times, () => askKubectl(context, lab, ['get', 'nodes', '-o', 'json']));
  if (nodes === null) return 'unknown';
  const marked = parseNodes(nodes).some((node) => node.name === first.name && node.controlPlane);
  const dns = await askKubectl(context, lab, [
    'get',
    'deployment',
    '-n',
    'kube-system',
    'coredns',
    '-o',
    'name',
  ]);
  return marked && dns !== null ? 'done' : 'unknown';
}

/** Reset with the machine's own kubeadm; a machine without power has nothing that this saga will not destroy. */
async function takeBack(
  context: StepContext,
  lab: LabSpec,
  first: MachineSpec,
  input: BootstrapInput,
): Promise<void> {
  if (!(await isReachable(context, first, input.existing))) return;
  await resetNode(context, lab, first);
  await must(context, first.name, ['rm', '-f', INIT_CONFIG], { timeoutMs: seconds(lab, 30) });
}

function unansweredCluster(lab: LabSpec, first: MachineSpec): StepError {
  return new StepError({
    code: 'cluster-silent',
    message: `${first.name} belongs to the cluster of ${lab.name}, whose API does not answer (${ADMIN_CONF} is there)`,
    remedy: 'Look at it with `homelab status`; nothing was changed.',
    retryable: false,
  });
}
