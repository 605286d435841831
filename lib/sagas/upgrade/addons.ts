/**
 * CoreDNS and kube-proxy, which kubeadm exchanges with the last control plane. It leaves them alone while the API
 * still shows a pod of an old API server, a stale one of a dead node for example; then they are asked for once more.
 */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { controlPlanes, type LabSpec } from '../../model/lab.js';
import { tagOf } from '../facts/facts.js';
import { parseWorkloads } from '../facts/parse.js';
import { askKubectl } from '../kubectl.js';
import { must } from '../remote.js';
import { brief, minutes, seconds } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { anyControlPlane } from './drain.js';
import { nodeArgv, runKubeadm, writeConfig } from './kubeadm.js';
import { TYPICAL } from './typical.js';

export function addonsUpgraded(upgrade: Upgrade): Step {
  const { lab } = upgrade;
  const last = controlPlanes(lab).at(-1)?.name ?? '';
  return {
    key: 'addons',
    title: 'CoreDNS and kube-proxy are new',
    kind: 'retriable',
    retry: brief(lab),
    timeoutMs: minutes(lab, 40),
    typicalMs: TYPICAL.addons,
    commands: ['kubectl get daemonsets,deployments -n kube-system'],
    run: async (context) => {
      if ((await addonProblem(context, upgrade)) === null) return;
      await writeConfig(context, upgrade, last);
      await runKubeadm(context, lab, last, nodeArgv(upgrade), minutes(lab, 25));
      const still = await addonProblem(context, upgrade);
      if (still === null) return;
      throw new StepError({
        code: 'addons-old',
        message: still,
        remedy: `Try it by hand: homelab exec ${last} -- kubeadm upgrade node phase addon all`,
        retryable: true,
      });
    },
  };
}

/** Which add-on does not have kubeadm's image; null when all have. One that is not there was never wanted. */
export async function addonProblem(context: StepContext, { lab, input }: Upgrade): Promise<string | null> {
  const on = await anyControlPlane(context, lab, '');
  const args = ['get', 'daemonsets,deployments', '-n', 'kube-system', '-o', 'json'];
  const json = await askKubectl(context, lab, args, on);
  if (json === null) return 'the API does not answer';
  const wanted = await kubeadmImages(context, lab, on, input.to);
  const found = parseWorkloads(json).flatMap(({ name, images }) => {
    const image = images[0] ?? '';
    const next = wanted.get(name);
    return next === undefined || tagOf(image) === next
      ? []
      : [`${name} is ${tagOf(image)}, and ${next} belongs to ${input.to}`];
  });
  return found.length === 0 ? null : found.join('; ');
}

/** Tags by the name of the add-on, as the kubeadm of that machine would have them: it knows better than any table. */
async function kubeadmImages(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  version: string,
): Promise<ReadonlyMap<string, string>> {
  const argv = ['kubeadm', 'config', 'images', 'list', '--kubernetes-version', version];
  const listed = await must(context, machine, argv, { timeoutMs: seconds(lab, 60) });
  const images = listed.split('\n').map((line) => line.trim());
  return new Map(
    ['coredns', 'kube-proxy'].flatMap((name): [string, string][] => {
      const image = images.find((one) => one.includes(`/${name}:`));
      return image === undefined ? [] : [[name, tagOf(image)]];
    }),
  );
}
