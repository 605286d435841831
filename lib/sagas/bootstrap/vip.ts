/** The API's floating address: free before, taken by kube-vip during init, held by exactly one machine after. */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { kubeVipManifest, type KubeVipVariant } from '../../generate/kube-vip.js';
import {
  ADMIN_CONF,
  HOMELAB_DIR,
  KUBE_VIP_BOOTSTRAP,
  KUBE_VIP_MANIFEST,
  KUBE_VIP_STEADY,
  MANIFESTS_DIR,
} from '../../generate/paths.js';
import {
  controlPlanes,
  loadBalancers,
  type LabSpec,
  type MachineSpec,
  type VipSpec,
} from '../../model/lab.js';
import type { Bootstrap } from '../bootstrap.js';
import { statusFromOutside } from '../gates.js';
import { holdsVip } from '../node.js';
import { must, run, succeeds } from '../remote.js';
import { minutes, patient, poll, seconds } from '../timing.js';

/** Asks the lab network whether somebody answers for the address already; done once the lab has an API server. */
export function checkVipFree({ lab }: Bootstrap, vip: VipSpec): Step {
  const asker = loadBalancers(lab)[0] ?? controlPlanes(lab)[0];
  const first = controlPlanes(lab)[0];
  return {
    key: 'vip-free',
    title: `Nobody answers for ${vip.address}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 1),
    probe: async (context) => {
      if (asker === undefined || first === undefined) return 'done';
      const begun = await succeeds(context, first.name, ['test', '-e', ADMIN_CONF], {
        timeoutMs: seconds(lab, 30),
      });
      return begun || (await holdsVip(context, lab, asker.name)) ? 'done' : 'not-done';
    },
    run: async (context) => {
      if (asker === undefined) return;
      const argv = ['arping', '-D', '-q', '-c', '3', '-w', '5', '-I', lab.network.interface, vip.address];
      const ran = await run(context, asker.name, argv, { timeoutMs: seconds(lab, 30) });
      if (ran.code === 0) return;
      throw new StepError({
        code: 'vip-taken',
        message: `somebody on the lab network already answers for ${vip.address}`,
        remedy: 'Choose another k8s.ha.api_vip, or stop the machine that has it.',
        retryable: false,
      });
    },
  };
}

/**
 * The manifest with super-admin.conf: until kubeadm has bound the administrators' group, which it does after
 * waiting for the API through this very address, admin.conf may not touch the Lease.
 */
export function placeKubeVip({ lab, input }: Bootstrap, first: MachineSpec): Step {
  return {
    key: `kube-vip:${first.name}`,
    title: `kube-vip on ${first.name}, as it must be during init`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 2),
    probe: async (context) =>
      (await succeeds(context, first.name, ['test', '-e', KUBE_VIP_MANIFEST], {
        timeoutMs: seconds(lab, 30),
      }))
        ? 'done'
        : 'not-done',
    run: (context) => installKubeVip(context, lab, first.name, 'bootstrap'),
    ...(input.existing.includes(first.name)
      ? {
          compensate: async (context) => {
            const files = [KUBE_VIP_MANIFEST, KUBE_VIP_BOOTSTRAP, KUBE_VIP_STEADY];
            await must(context, first.name, ['rm', '-f', ...files], { timeoutMs: seconds(lab, 30) });
          },
        }
      : {}),
  };
}

/** Back to admin.conf, and the address answers again: with one control plane it may be away for some seconds. */
export function steadyKubeVip({ lab }: Bootstrap, first: MachineSpec): Step {
  return {
    key: `kube-vip-steady:${first.name}`,
    title: `kube-vip on ${first.name} without super-admin.conf`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 5),
    commands: [`mv -f ${KUBE_VIP_STEADY} ${KUBE_VIP_MANIFEST}`],
    probe: async (context) => {
      const found = await context
        .shell(first.name)
        .readFile(KUBE_VIP_MANIFEST, { timeoutMs: seconds(lab, 30) });
      const steady = found !== null && new TextDecoder().decode(found) === kubeVipManifest(lab, 'steady');
      return steady && (await endpointLive(context, lab)) ? 'done' : 'not-done';
    },
    run: async (context) => {
      await installKubeVip(context, lab, first.name, 'steady');
      await waitForEndpoint(context, lab);
    },
  };
}

/**
 * Writes the manifest beside the manifests folder and renames it in: the kubelet reads every file there, half
 * written ones included.
 */
export async function installKubeVip(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  variant: KubeVipVariant,
): Promise<void> {
  const short = { timeoutMs: seconds(lab, 30) };
  const beside = variant === 'steady' ? KUBE_VIP_STEADY : KUBE_VIP_BOOTSTRAP;
  await must(context, machine, ['mkdir', '-p', HOMELAB_DIR, MANIFESTS_DIR], short);
  await context.shell(machine).writeFile(beside, kubeVipManifest(lab, variant), { mode: 0o600, ...short });
  await must(context, machine, ['mv', '-f', beside, KUBE_VIP_MANIFEST], short);
}

/** Exactly one machine carries the address. Two for a moment are a hand-over, so it is asked a few times. */
export function verifyVip({ lab }: Bootstrap, vip: VipSpec): Step {
  const candidates = [...loadBalancers(lab), ...controlPlanes(lab)].map(({ name }) => name);
  const holders = async (context: StepContext): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const name of candidates) if (await holdsVip(context, lab, name)) found.push(name);
    return found;
  };
  return {
    key: 'vip',
    title: `Exactly one machine holds ${vip.address}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 5),
    probe: async (context) =>
      (await holders(context)).length === 1 && (await endpointLive(context, lab)) ? 'done' : 'not-done',
    run: async (context) => {
      let found: readonly string[] = [];
      const one = await poll(context, { timeoutMs: minutes(lab, 1), everyMs: seconds(lab, 3) }, async () => {
        found = await holders(context);
        return found.length === 1 ? true : null;
      });
      if (one === null) throw holderError(vip, found);
      await waitForEndpoint(context, lab);
    },
  };
}

async function endpointLive(context: StepContext, lab: LabSpec): Promise<boolean> {
  return (await statusFromOutside(context, lab, lab.endpoint.address, '/livez')) === 200;
}

async function waitForEndpoint(context: StepContext, lab: LabSpec): Promise<void> {
  const times = { timeoutMs: minutes(lab, 2), everyMs: seconds(lab, 1) };
  const live = await poll(context, times, async () => ((await endpointLive(context, lab)) ? true : null));
  if (live !== null) return;
  throw new StepError({
    code: 'endpoint-dead',
    message: `the API does not answer at ${lab.endpoint.address}:${lab.endpoint.port}`,
    remedy: 'Look at who holds the address with: homelab status',
    retryable: true,
  });
}

function holderError(vip: VipSpec, found: readonly string[]): StepError {
  return new StepError({
    code: 'vip-holders',
    message: `${vip.address} is held by ${found.length === 0 ? 'no machine' : found.join(' and ')}`,
    remedy: 'Look at kube-vip with: homelab status',
    retryable: true,
  });
}
