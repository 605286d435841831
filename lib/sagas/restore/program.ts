/**
 * The program that makes data from a copy of etcd: etcdutl, which from etcd 3.6 on is the only one. Machines need not
 * have it; the image of the etcd that runs on them does, and of just the right version.
 */
import { StepError, type StepContext } from '../../engine/saga.js';
import { MANIFESTS_DIR } from '../../generate/paths.js';
import type { LabSpec } from '../../model/lab.js';
import { tagOf } from '../facts/facts.js';
import { fileText } from '../facts/machine.js';
import { must, run } from '../remote.js';
import { minutes, seconds } from '../timing.js';
import { ETCDUTL, IMAGE_MOUNT, STOPPED } from './paths.js';

/** A program of the search path, or one that is to be taken out of an image first. */
export type RestoringProgram = { readonly name: 'etcdutl' | 'etcdctl' } | { readonly image: string };

/** Null when there is none. */
export async function restoringProgram(
  context: StepContext,
  lab: LabSpec,
  machine: string,
): Promise<RestoringProgram | null> {
  const image = await runningImage(context, lab, machine);
  const wanted = image === null ? null : minorOf(tagOf(image));
  const utl = await versionOf(context, lab, machine, 'etcdutl');
  if (utl !== null && (wanted === null || minorOf(utl) === wanted)) return { name: 'etcdutl' };
  if (image !== null && (await isThere(context, lab, machine, image))) return { image };
  return (await isOldEtcdctl(context, lab, machine, wanted)) ? { name: 'etcdctl' } : null;
}

/** One that still restores, for an etcd that takes what it makes. */
async function isOldEtcdctl(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  wanted: number | null,
): Promise<boolean> {
  const version = await versionOf(context, lab, machine, 'etcdctl');
  return version !== null && minorOf(version) < 6 && (wanted === null || wanted < 6);
}

export function noProgram(machine: string): StepError {
  return new StepError({
    code: 'no-etcdutl',
    message: `${machine} has no etcdutl of its etcd's release, neither installed nor in etcd's image`,
    remedy: `Put etcdutl of etcd's release into /usr/local/bin of ${machine}.`,
    retryable: false,
  });
}

/** What is to be typed for it, taken out of the image where it is in one. */
export async function ready(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  program: RestoringProgram,
): Promise<string> {
  if ('name' in program) return program.name;
  await removeProgram(context, lab, machine);
  const short = { timeoutMs: seconds(lab, 60) };
  await must(context, machine, ['mkdir', '-p', IMAGE_MOUNT], short);
  const mount = ['ctr', '-n', 'k8s.io', 'images', 'mount', program.image, IMAGE_MOUNT];
  await must(context, machine, mount, { timeoutMs: minutes(lab, 2) });
  const copied = await run(context, machine, ['cp', `${IMAGE_MOUNT}/usr/local/bin/etcdutl`, ETCDUTL], short);
  await unmount(context, lab, machine);
  if (copied.code === 0) return ETCDUTL;
  // An image of somebody else's may leave it out.
  if (await isOldEtcdctl(context, lab, machine, minorOf(tagOf(program.image)))) return 'etcdctl';
  throw noProgram(machine);
}

export async function removeProgram(context: StepContext, lab: LabSpec, machine: string): Promise<void> {
  await unmount(context, lab, machine);
  // Of a folder that is still mounted nothing is removed: it is read-only.
  await must(context, machine, ['rm', '-rf', ETCDUTL, IMAGE_MOUNT], { timeoutMs: seconds(lab, 60) });
}

/** Whatever it says: a power cut leaves nothing mounted, and perhaps the snapshot that it was made from. */
async function unmount(context: StepContext, lab: LabSpec, machine: string): Promise<void> {
  const argv = ['ctr', '-n', 'k8s.io', 'images', 'unmount', '--rm', IMAGE_MOUNT];
  await run(context, machine, argv, { timeoutMs: minutes(lab, 2) });
}

/** By the manifest, which a restore that went on may have moved aside already. */
async function runningImage(context: StepContext, lab: LabSpec, machine: string): Promise<string | null> {
  for (const folder of [MANIFESTS_DIR, STOPPED]) {
    const text = await fileText(context, lab, machine, `${folder}/etcd.yaml`);
    const image = text === null ? null : /^\s*image:\s*["']?([^\s"']+)/m.exec(text)?.[1];
    if (image !== null && image !== undefined) return image;
  }
  return null;
}

async function isThere(context: StepContext, lab: LabSpec, machine: string, image: string): Promise<boolean> {
  const argv = ['ctr', '-n', 'k8s.io', 'images', 'ls', '-q'];
  const listed = await run(context, machine, argv, { timeoutMs: minutes(lab, 2) });
  return listed.stdout.split('\n').includes(image);
}

async function versionOf(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  name: 'etcdutl' | 'etcdctl',
): Promise<string | null> {
  const said = await run(context, machine, [name, 'version'], { timeoutMs: seconds(lab, 60) });
  return said.code === 0 ? (/version: (\S+)/.exec(said.stdout)?.[1] ?? null) : null;
}

/** `3.5.15-0` → 5. */
function minorOf(version: string): number {
  return Number(version.replace(/^v/, '').split('.')[1]);
}
