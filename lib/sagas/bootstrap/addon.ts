/** CNI, CSI and ingress by one mechanism: a pinned Helm chart, or the manifest that a bundle brings. */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import type { AddonRelease } from '../../generate/addons.js';
import { ADMIN_CONF, addonManifest, addonValues } from '../../generate/paths.js';
import type { LabSpec } from '../../model/lab.js';
import type { Bootstrap } from '../bootstrap.js';
import { askKubectl, firstControlPlane, mustKubectl, unreadyWorkloads } from '../kubectl.js';
import { waitForEnd } from '../node.js';
import { bundleManifest } from '../ports.js';
import { must, run } from '../remote.js';
import { minutes, patient, poll, seconds } from '../timing.js';

export function installAddon(boot: Bootstrap, release: AddonRelease): Step {
  const { lab, input, ports } = boot;
  const bundled = lab.bundle !== null;
  const step: Step = {
    key: `${release.phase}:${release.name}`,
    title: `Install ${release.name} ${bundled ? 'from the bundle' : release.version}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 20),
    commands: [
      bundled ? `kubectl apply -f ${addonManifest(release.manifest)}` : installArgv(lab, release).join(' '),
    ],
    run: (context) =>
      bundled
        ? applyManifest(context, lab, release, bundleManifest(ports, release.manifest))
        : installChart(context, lab, release),
    // With the cluster goes what is in it.
    ...(input.initialized && !bundled ? { compensate: (context) => uninstall(context, lab, release) } : {}),
  };
  if (bundled) return step;
  const probe: Step['probe'] = async (context) => {
    if ((await releaseStatus(context, lab, release)) !== 'deployed') return 'not-done';
    return release.phase === 'cni' || (await unready(context, lab, release)).length === 0
      ? 'done'
      : 'not-done';
  };
  return { ...step, probe };
}

/** The release's status, such as `deployed` or `pending-install`; null when there is no such release. */
async function releaseStatus(
  context: StepContext,
  lab: LabSpec,
  release: AddonRelease,
): Promise<string | null> {
  await waitForEnd(context, lab, firstControlPlane(lab), 'helm');
  const argv = helm('status', release.name, '--namespace', release.namespace, '-o', 'json');
  const ran = await run(context, firstControlPlane(lab), argv, { timeoutMs: minutes(lab, 2) });
  if (ran.code !== 0) return null;
  const { info } = JSON.parse(ran.stdout) as { readonly info?: { readonly status?: string } };
  return info?.status ?? null;
}

async function installChart(context: StepContext, lab: LabSpec, release: AddonRelease): Promise<void> {
  const on = firstControlPlane(lab);
  // A helm that was killed leaves its release locked: "another operation is in progress", for ever.
  const status = await releaseStatus(context, lab, release);
  if (status?.startsWith('pending-') === true) await uninstall(context, lab, release);
  const file = { mode: 0o600, timeoutMs: seconds(lab, 30) };
  await context.shell(on).writeFile(addonValues(release.name), release.values, file);
  await must(context, on, installArgv(lab, release), { timeoutMs: minutes(lab, 15) });
  if (release.phase !== 'cni') await waitForWorkloads(context, lab, release);
}

/** helm's --wait is content with a DaemonSet that lacks one pod; a lab that is up lacks none. */
async function waitForWorkloads(context: StepContext, lab: LabSpec, release: AddonRelease): Promise<void> {
  let missing: readonly string[] = [];
  const times = { timeoutMs: minutes(lab, 10), everyMs: seconds(lab, 5) };
  const ready = await poll(context, times, async () => {
    missing = await unready(context, lab, release);
    return missing.length === 0 ? true : null;
  });
  if (ready !== null) return;
  throw new StepError({
    code: 'addon-not-ready',
    message: `${release.name} is installed, but not all of it is ready: ${missing.join(', ')}`,
    remedy: `Look at it with: homelab kubectl get pods -n ${release.namespace}`,
    retryable: true,
  });
}

/** The DaemonSets and Deployments of the release's namespace that lack pods. */
async function unready(
  context: StepContext,
  lab: LabSpec,
  release: AddonRelease,
): Promise<readonly string[]> {
  const args = ['get', 'daemonsets,deployments', '-n', release.namespace, '-o', 'json'];
  const json = await askKubectl(context, lab, args);
  return json === null ? ['the API does not answer'] : unreadyWorkloads(json);
}

/**
 * A CNI is not waited for here: with one node some of its replicas have nowhere to go yet, and the Nodes' readiness
 * is asked for later anyway.
 */
function installArgv(lab: LabSpec, release: AddonRelease): readonly string[] {
  const wait = release.phase === 'cni' ? [] : ['--wait', '--timeout', `${Math.ceil(10 * lab.timeScale)}m`];
  return helm(
    ...[
      'upgrade',
      '--install',
      release.name,
      release.chart,
      '--repo',
      release.repo,
      '--version',
      release.version,
    ],
    ...[
      '--namespace',
      release.namespace,
      '--create-namespace',
      '--values',
      addonValues(release.name),
      ...wait,
    ],
  );
}

async function applyManifest(
  context: StepContext,
  lab: LabSpec,
  release: AddonRelease,
  manifest: string | null,
): Promise<void> {
  if (manifest === null) {
    throw new StepError({
      code: 'bundle-manifest-missing',
      message: `the bundle has no common/manifests/${release.manifest}`,
      remedy: `Put the manifest of ${release.name} there, or choose another add-on.`,
      retryable: false,
    });
  }
  const path = addonManifest(release.manifest);
  const file = { mode: 0o644, timeoutMs: seconds(lab, 60) };
  await context.shell(firstControlPlane(lab)).writeFile(path, manifest, file);
  await mustKubectl(context, lab, ['apply', '-f', path], { timeoutMs: minutes(lab, 3) });
  if (release.phase !== 'cni') await waitForWorkloads(context, lab, release);
}

async function uninstall(context: StepContext, lab: LabSpec, release: AddonRelease): Promise<void> {
  const argv = helm('uninstall', release.name, '--namespace', release.namespace, '--ignore-not-found');
  await must(context, firstControlPlane(lab), argv, { timeoutMs: minutes(lab, 5) });
}

function helm(...args: readonly string[]): readonly string[] {
  return ['helm', '--kubeconfig', ADMIN_CONF, ...args];
}
