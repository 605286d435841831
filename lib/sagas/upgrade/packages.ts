/**
 * kubeadm, kubelet and kubectl of a version on one machine: packages, held there, from the repository of the minor,
 * which never holds another's; or files of the lab's bundle. Each piece can be done again.
 */
import { must as certain } from '../../base/errors.js';
import { StepError, type Step, type StepContext, type StepKind } from '../../engine/saga.js';
import { KUBERNETES_LIST } from '../../generate/paths.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import { packageVersion, parseVersion, printMinor } from '../../model/version.js';
import type { Upgrade } from '../upgrade.js';
import { fileText } from '../facts/machine.js';
import { waitForEnd } from '../node.js';
import { must, run } from '../remote.js';
import { minutes, patient, seconds } from '../timing.js';
import { copyPrograms, programVersion, type KubernetesProgram } from './bundle.js';
import { TYPICAL, typicalOf } from './typical.js';

/** A configuration file that somebody changed is kept, and another program's lock is waited for. */
const APT_OPTIONS = ['-o', 'Dpkg::Options::=--force-confold', '-o', 'DPkg::Lock::Timeout=120'];

const MINOR = /(\/core:\/stable:\/)v1\.\d+(\/deb)/g;

/** Before the pivot a step on packages is taken back; after it only goes forward. */
type PackageKind = StepKind & ('compensable' | 'retriable');

type PackageStep = Pick<Step, 'key' | 'title' | 'typicalMs' | 'commands' | 'probe' | 'run' | 'compensate'>;

function packageStep({ lab }: Upgrade, kind: PackageKind, own: PackageStep): Step {
  const { compensate, ...rest } = own;
  const step: Step = { kind, retry: patient(lab), timeoutMs: minutes(lab, 10), ...rest };
  return kind === 'compensable' && compensate !== undefined ? { ...step, compensate } : step;
}

export function switchSource(upgrade: Upgrade, { name }: MachineSpec, kind: PackageKind): Step {
  const { lab, input } = upgrade;
  return packageStep(upgrade, kind, {
    key: `source:${name}`,
    title: `Packages of ${minorOf(input.to)} on ${name}`,
    typicalMs: TYPICAL.source,
    commands: [`${KUBERNETES_LIST}: ${minorOf(input.to)}`, 'apt-get update'],
    probe: async (context) => ((await offers(context, lab, name, input.to)) ? 'done' : 'not-done'),
    run: (context) => setSource(context, lab, name, input.to),
    compensate: (context) => setSource(context, lab, name, input.from),
  });
}

export function installKubeadm(upgrade: Upgrade, { name }: MachineSpec, kind: PackageKind): Step {
  const { lab, input } = upgrade;
  return packageStep(upgrade, kind, {
    key: `kubeadm:${name}`,
    title: `kubeadm ${input.to} on ${name}`,
    typicalMs: typicalOf(upgrade).kubeadmPackage,
    commands: programCommands(upgrade, ['kubeadm']),
    probe: async (context) => ((await areNew(context, upgrade, name, ['kubeadm'])) ? 'done' : 'not-done'),
    run: (context) => bringPrograms(context, upgrade, name, ['kubeadm']),
    compensate: async (context) => {
      if (input.bundle !== null) return copyPrograms(context, upgrade, name, input.from, ['kubeadm']);
      await setSource(context, lab, name, input.from);
      await install(context, lab, name, input.from, ['kubeadm'], 'older-too');
    },
  });
}

/** The new ones, from the machine's source, which must name the new minor already, or from the bundle. */
export async function bringPrograms(
  context: StepContext,
  upgrade: Upgrade,
  machine: string,
  names: readonly KubernetesProgram[],
): Promise<void> {
  const { lab, input } = upgrade;
  if (input.bundle !== null) return copyPrograms(context, upgrade, machine, input.to, names);
  await install(context, lab, machine, input.to, names);
}

/** Are they there at the new version, and held where they are packages? */
export async function areNew(
  context: StepContext,
  upgrade: Upgrade,
  machine: string,
  names: readonly KubernetesProgram[],
): Promise<boolean> {
  const { lab, input } = upgrade;
  if (input.bundle !== null) {
    for (const name of names) {
      if ((await programVersion(context, upgrade, machine, name)) !== input.to) return false;
    }
    return true;
  }
  return (
    (await areInstalled(context, lab, machine, input.to, names)) &&
    (await areHeld(context, lab, machine, names))
  );
}

/** What `bringPrograms` does, for plans. */
export function programCommands(
  { input: { to, bundle } }: Upgrade,
  names: readonly KubernetesProgram[],
): readonly string[] {
  return bundle === null
    ? installCommands(to, names)
    : names.map((name) => `/usr/bin/${name}: ${to}/bin/${name}`);
}

function installCommands(version: string, packages: readonly KubernetesProgram[]): readonly string[] {
  const names = packages.join(' ');
  const wanted = packages.map((name) => `${name}=${debian(version)}`).join(' ');
  return [`apt-mark unhold ${names}`, `apt-get install -y ${wanted}`, `apt-mark hold ${names}`];
}

/** Points the machine's source at the repository of the version's minor and fetches its list. */
export async function setSource(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  version: string,
): Promise<void> {
  const present = await fileText(context, lab, machine, KUBERNETES_LIST);
  if (present === null || !present.match(MINOR)) {
    throw new StepError({
      code: 'package-source',
      message: `${machine} has no repository of Kubernetes in ${KUBERNETES_LIST}`,
      remedy:
        'Put it there as the documentation of Kubernetes says, or build the machines from the node image.',
      retryable: false,
    });
  }
  const wanted = present.replace(MINOR, `$1${minorOf(version)}$2`);
  if (wanted !== present) {
    await context.shell(machine).writeFile(KUBERNETES_LIST, wanted, { timeoutMs: seconds(lab, 30) });
  }
  await waitForEnd(context, lab, machine, 'apt-get');
  await must(context, machine, ['apt-get', 'update', ...APT_OPTIONS.slice(2)], {
    timeoutMs: minutes(lab, 5),
  });
  if (await offers(context, lab, machine, version)) return;
  throw new StepError({
    code: 'package-missing',
    message: `${machine}: no repository that was reached offers kubeadm ${debian(version)}`,
    remedy: `Look at it with: homelab exec ${machine} -- apt-get update`,
    retryable: true,
  });
}

/** Does the source name the right minor, and did the list that was fetched from it bring the version? */
async function offers(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  version: string,
): Promise<boolean> {
  const source = await fileText(context, lab, machine, KUBERNETES_LIST);
  if (source === null || !source.includes(`/${minorOf(version)}/deb`)) return false;
  const listed = await run(context, machine, ['apt-cache', 'madison', 'kubeadm'], {
    timeoutMs: seconds(lab, 60),
  });
  return listed.stdout.split('\n').some((line) => line.split('|')[1]?.trim() === debian(version));
}

/**
 * Installs packages of exactly this version and holds them. dpkg is made whole first, because a
 * machine may have lost its power in the middle of an earlier attempt.
 */
export async function install(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  version: string,
  packages: readonly KubernetesProgram[],
  which: 'newer' | 'older-too' = 'newer',
): Promise<void> {
  const short = { timeoutMs: seconds(lab, 60) };
  await waitForEnd(context, lab, machine, 'apt-get');
  await must(context, machine, ['dpkg', '--configure', '-a'], { timeoutMs: minutes(lab, 5) });
  await must(context, machine, ['apt-mark', 'unhold', ...packages], short);
  const wanted = packages.map((name) => `${name}=${debian(version)}`);
  const back = which === 'older-too' ? ['--allow-downgrades'] : [];
  const argv = ['apt-get', 'install', '-y', ...back, ...APT_OPTIONS, ...wanted];
  await must(context, machine, argv, { timeoutMs: minutes(lab, 8) });
  await must(context, machine, ['apt-mark', 'hold', ...packages], short);
}

async function areHeld(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  packages: readonly KubernetesProgram[],
): Promise<boolean> {
  const held = await must(context, machine, ['apt-mark', 'showhold'], { timeoutMs: seconds(lab, 60) });
  return packages.every((name) => held.split('\n').includes(name));
}

/** Installed versions of packages as dpkg knows them, in the order asked for. */
async function areInstalled(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  version: string,
  packages: readonly KubernetesProgram[],
): Promise<boolean> {
  const argv = ['dpkg-query', '-W', '-f', '${Package} ${Version}\\n', ...packages];
  const listed = await run(context, machine, argv, { timeoutMs: seconds(lab, 60) });
  const lines = listed.stdout.split('\n');
  return packages.every((name) => lines.includes(`${name} ${debian(version)}`));
}

function debian(version: string): string {
  return packageVersion(certain(parseVersion(version), `${version} is not a version`));
}

function minorOf(version: string): string {
  return printMinor(certain(parseVersion(version), `${version} is not a version`).minor);
}
