/**
 * What an upgrade takes from a bundle, where a lab has one: nothing is asked of a network then. Programs are copied
 * into the place that the node image gave them, and archives of images are imported before anybody asks for them.
 */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { KUBERNETES_PROGRAMS, placeOf, type BundleFile } from '../../model/bundle.js';
import { controlPlanes, workers, type LabSpec, type MachineSpec } from '../../model/lab.js';
import type { LargeContent, LargeFile } from '../../provider/provider.js';
import { waitForEnd } from '../node.js';
import { must, run, succeeds } from '../remote.js';
import { minutes, patient, seconds } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { TYPICAL } from './typical.js';

/** One file that some machine gets. */
export interface BundlePart extends BundleFile {
  /** What an archive brings, by full names; null for a program. */
  readonly images: readonly string[] | null;
}

/** Recorded with the saga. */
export interface BundleUse {
  readonly files: readonly BundlePart[];
  /** By machine: images of the archives that were there before, and stay when everything is taken back. */
  readonly present: Readonly<Record<string, readonly string[]>>;
}

/** Asks every node. */
export async function bundleUse(
  context: StepContext,
  lab: LabSpec,
  files: readonly BundlePart[],
): Promise<BundleUse> {
  const sent = new Set(files.flatMap(({ images }) => images ?? []));
  const present: Record<string, readonly string[]> = {};
  for (const { name } of [...controlPlanes(lab), ...workers(lab)]) {
    present[name] = (await imagesOn(context, lab, name)).filter((image) => sent.has(image));
  }
  return { files, present };
}

/**
 * The files that an upgrade sends: the new programs and the old ones, in case they are wanted back, and every archive
 * that a node of the new version has. `imagesOf` knows what is in them.
 */
export function bundleParts(
  files: readonly BundleFile[],
  imagesOf: (path: string) => readonly string[],
  { from, to }: { readonly from: string; readonly to: string },
): readonly BundlePart[] {
  return files.flatMap((file): BundlePart[] => {
    const place = placeOf(file.path);
    if (place?.kind === 'kubernetes' && [from, to].includes(place.version ?? ''))
      return [{ ...file, images: null }];
    if (place?.kind !== 'image' || ![null, to].includes(place.version)) return [];
    return [{ ...file, images: imagesOf(file.path) }];
  });
}

const CTR = ['ctr', '-n', 'k8s.io', 'images'] as const;
/** Beside containerd's data, and not in /tmp, which may be memory. */
const ARCHIVE = '/var/lib/homelab-images.tar';

/**
 * One machine after the other: unpacking keeps a disk busy, and etcd's data is on it. Before the pivot, because kubeadm
 * wants the new images of the control plane at once, and every node the new kube-proxy as soon as the last one is new.
 */
export function importImages(upgrade: Upgrade, { name }: MachineSpec): Step {
  const { lab, input } = upgrade;
  const archives = archivesOf(upgrade);
  const present = input.bundle?.present[name] ?? [];
  const awaited = archives.filter(({ images }) => !images.every((image) => present.includes(image)));
  return {
    key: `images:${name}`,
    title: `Images of ${input.to} on ${name}, out of the bundle`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 60),
    typicalMs: TYPICAL.imageUnpack * awaited.length,
    commands: awaited.map(({ path }) => `${CTR.join(' ')} import ${path}`),
    probe: async (context) => {
      if ((await lacking(context, upgrade, name)).length > 0) return 'not-done';
      // A homelab that was killed after the last import has not removed the archive.
      const short = { timeoutMs: seconds(lab, 30) };
      return (await succeeds(context, name, ['test', '-e', ARCHIVE], short)) ? 'not-done' : 'done';
    },
    run: async (context) => {
      for (const archive of await lacking(context, upgrade, name)) {
        context.log(`${name}: ${archive.path}`);
        await importOne(context, upgrade, name, archive);
      }
      await removeArchive(context, lab, name);
    },
    compensate: async (context) => {
      await removeArchive(context, lab, name);
      const sent = new Set(archives.flatMap(({ images }) => images));
      const there = await imagesOn(context, lab, name);
      const extra = there.filter((image) => sent.has(image) && !present.includes(image));
      if (extra.length > 0)
        await must(context, name, [...CTR, 'rm', ...extra], { timeoutMs: minutes(lab, 5) });
    },
  };
}

async function importOne(
  context: StepContext,
  upgrade: Upgrade,
  machine: string,
  archive: BundlePart,
): Promise<void> {
  const { lab } = upgrade;
  // One that a killed homelab began goes on, and reads the file that is written next.
  await waitForEnd(context, lab, machine, 'ctr');
  const options = { mode: 0o600, timeoutMs: minutes(lab, 15) };
  await context.shell(machine).sendFile(ARCHIVE, largeFile(upgrade, archive), options);
  await must(context, machine, [...CTR, 'import', ARCHIVE], { timeoutMs: minutes(lab, 20) });
}

async function removeArchive(context: StepContext, lab: LabSpec, machine: string): Promise<void> {
  await waitForEnd(context, lab, machine, 'ctr');
  await must(context, machine, ['rm', '-f', ARCHIVE], { timeoutMs: seconds(lab, 60) });
}

/** The archives of which the machine does not have everything. */
async function lacking(
  context: StepContext,
  upgrade: Upgrade,
  machine: string,
): Promise<readonly BundlePart[]> {
  const there = new Set(await imagesOn(context, upgrade.lab, machine));
  return archivesOf(upgrade).filter(({ images }) => !images.every((image) => there.has(image)));
}

async function imagesOn(context: StepContext, lab: LabSpec, machine: string): Promise<readonly string[]> {
  const listed = await must(context, machine, [...CTR, 'ls', '-q'], { timeoutMs: minutes(lab, 2) });
  return listed.split('\n').filter((line) => line !== '');
}

function archivesOf({ input }: Upgrade) {
  return (input.bundle?.files ?? []).flatMap((part) =>
    part.images === null ? [] : [{ ...part, images: part.images }],
  );
}

export type KubernetesProgram = (typeof KUBERNETES_PROGRAMS)[number];

/** By renaming, so that what runs goes on with the file that it was started from. */
export async function copyPrograms(
  context: StepContext,
  upgrade: Upgrade,
  machine: string,
  version: string,
  names: readonly KubernetesProgram[],
): Promise<void> {
  const { lab, input } = upgrade;
  for (const name of names) {
    const path = `${version}/bin/${name}`;
    const part = input.bundle?.files.find((one) => one.path === path);
    if (part === undefined) throw notThere(path);
    const options = { mode: 0o755, timeoutMs: minutes(lab, 10) };
    await context.shell(machine).sendFile(`/usr/bin/${name}`, largeFile(upgrade, part), options);
  }
}

/** As the programs themselves say; null for one that does not run. */
export async function programVersion(
  context: StepContext,
  { lab }: Upgrade,
  machine: string,
  name: KubernetesProgram,
): Promise<string | null> {
  const said = await run(context, machine, VERSION_OF[name], { timeoutMs: seconds(lab, 60) });
  return said.code === 0 ? (/\bv\d+\.\d+\.\d+\S*/.exec(said.stdout)?.[0] ?? null) : null;
}

const VERSION_OF: Readonly<Record<KubernetesProgram, readonly string[]>> = {
  kubeadm: ['kubeadm', 'version', '-o', 'short'],
  kubelet: ['kubelet', '--version'],
  kubectl: ['kubectl', 'version', '--client'],
};

function largeFile({ ports }: Upgrade, { path, sha256, size, images }: BundlePart): LargeFile {
  const place = placeOf(path);
  const content: LargeContent =
    images === null ? { program: place?.name ?? path, version: place?.version ?? '' } : { images };
  return {
    ...{ sha256, size, content },
    read: () => {
      const listed = ports.bundle?.files().find((file) => file.path === path);
      if (listed?.sha256 !== sha256) throw notThere(path);
      return ports.bundle?.read(path) ?? new Uint8Array();
    },
  };
}

function notThere(path: string): StepError {
  return new StepError({
    code: 'bundle-changed',
    message: `the bundle does not have ${path} any more as it was when the upgrade began`,
    remedy: 'Put it back as it was, and look with: homelab bundle verify DIR',
    retryable: false,
  });
}
