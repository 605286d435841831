/**
 * containerd's own client: `ctr images import|ls|rm|mount|unmount`, `ctr containers|tasks ls`, `ctr version`. Only the
 * namespace `k8s.io`, which is the kubelet's, has anything; of the content of images only etcd's programs are there, as
 * plain files, and a sandbox has no process, so it is no task. Pulling and every other verb are not modelled.
 */
import { sha256Hex } from '../../base/digest.js';
import { parseArchive } from '../archive.js';
import { imageName, type Container } from '../containerd.js';
import { etcdVersion, printProgram } from '../image.js';
import type { Invocation } from '../process.js';
import type { Sim } from '../task.js';
import { Failure, notModelled, program } from './failure.js';
import { FlagProblem, parseFlags, type Flags } from './flags.js';
import { absolute } from './paths.js';

const KUBERNETES = 'k8s.io';
const SOCKET = '/run/containerd/containerd.sock';
const FLAGS = [
  'namespace|n=',
  'address|a=',
  'quiet|q',
  'all-platforms',
  'no-unpack',
  'sync',
  'digests',
  'rm',
  'rw',
];

export const ctr = program('command', function* run(call) {
  const flags = read(call);
  const [noun = '', verb = '', ...operands] = flags.operands;
  if (!call.machine.containers.serving)
    throw new Failure(`ctr: failed to dial "${SOCKET}": context deadline exceeded\n`);
  if (noun === 'version') {
    call.print('Client:\n  Version:  1.7.24\n\nServer:\n  Version:  1.7.24\n');
    return 0;
  }
  const running = isKubernetes(flags) ? call.machine.containers.containers : [];
  if (['tasks', 'task', 't'].includes(noun) && ['ls', 'list'].includes(verb)) {
    const tasks = running.filter((one) => one.process.running);
    const state = (one: Container): string => (one.process.stopped ? 'PAUSED' : 'RUNNING');
    const rows = tasks.map((one) => [one.id, String(one.process.pid), state(one)]);
    printRows(call, flags, ['TASK', 'PID', 'STATUS'], rows);
    return 0;
  }
  if (['containers', 'container', 'c'].includes(noun) && ['ls', 'list'].includes(verb)) {
    const pause = call.machine.containers.images().find((image) => image.includes('/pause:')) ?? '';
    const sandboxes = isKubernetes(flags) ? call.machine.containers.sandboxes : [];
    const all = [...running, ...sandboxes.map(({ id }) => ({ id, image: pause }))];
    const rows = all.map(({ id, image }) => [id, image, 'io.containerd.runc.v2']);
    printRows(call, flags, ['CONTAINER', 'IMAGE', 'RUNTIME'], rows.sort(byId));
    return 0;
  }
  if (!['images', 'image', 'i'].includes(noun)) throw notModelled('ctr', `"${noun}"`);
  switch (verb) {
    case 'import':
      yield* importArchive(call, flags, operands);
      return 0;
    case 'ls':
    case 'list':
      list(call, flags);
      return 0;
    case 'rm':
    case 'remove':
    case 'del':
    case 'delete':
      return remove(call, flags, operands);
    case 'mount':
      mount(call, flags, operands);
      return 0;
    case 'unmount':
      unmount(call, operands);
      return 0;
    default:
      throw notModelled('ctr', `"images ${verb}"`);
  }
});

function byId([a = '']: readonly string[], [b = '']: readonly string[]): number {
  return a < b ? -1 : 1;
}

/** Every column ends with a tab, the last one too, so that its blanks are printed. */
function printRows(
  call: Invocation,
  flags: Flags,
  heading: readonly string[],
  found: readonly (readonly string[])[],
): void {
  const rows = flags.has('quiet') ? found.map(([id = '']) => [id]) : [heading, ...found];
  const width = (column: number): number => Math.max(...rows.map((row) => (row[column] ?? '').length)) + 4;
  const line = (row: readonly string[]): string => row.map((cell, at) => cell.padEnd(width(at))).join('');
  call.print(rows.map((row) => `${flags.has('quiet') ? (row[0] ?? '') : line(row)}\n`).join(''));
}

function read(call: Invocation): Flags {
  try {
    return parseFlags(FLAGS, call.args);
  } catch (error) {
    if (!(error instanceof FlagProblem)) throw error;
    throw new Failure(`ctr: flag provided but not defined: -${error.flag.replace(/^-+/, '')}\n`);
  }
}

function* importArchive(call: Invocation, flags: Flags, [path]: readonly string[]): Sim<void> {
  const { containers, disk } = call.machine;
  if (path === undefined) throw new Failure('ctr: open : no such file or directory\n');
  if (!isKubernetes(flags)) throw notModelled('ctr', `images in namespaces other than ${KUBERNETES}`);
  const text = disk.read(absolute(call, path));
  if (text === null) throw new Failure(`ctr: open ${path}: no such file or directory\n`);
  const images = parseArchive(text);
  if (images === null) throw new Failure('ctr: archive/tar: invalid tar header\n');
  for (const image of images) {
    const problem = yield* containers.unpack(image);
    if (problem !== null) throw new Failure(`ctr: ${problem}\n`);
    call.print(`unpacking ${image} (sha256:${sha256Hex(image)})...done\n`);
  }
}

function list(call: Invocation, flags: Flags): void {
  const images = isKubernetes(flags) ? [...call.machine.containers.images()].sort() : [];
  const row = (image: string): string =>
    `${image} application/vnd.oci.image.index.v1+json sha256:${sha256Hex(image)} 30.0 MiB linux/amd64 -`;
  const lines = flags.has('quiet')
    ? images
    : ['REF TYPE DIGEST SIZE PLATFORMS LABELS', ...images.map((image) => row(image))];
  call.print(lines.map((line) => `${line}\n`).join(''));
}

/** Goes on to the next one after one that is not there. */
function remove(call: Invocation, flags: Flags, images: readonly string[]): number {
  let code = 0;
  for (const image of images) {
    if (isKubernetes(flags) && call.machine.containers.forget(image)) {
      call.print(`${image}\n`);
      continue;
    }
    call.printError(`ctr: image "${image}": not found\n`);
    code = 1;
  }
  return code;
}

const ETCD_PROGRAMS = ['etcd', 'etcdctl', 'etcdutl'];

function mount(call: Invocation, flags: Flags, [image = '', target = '']: readonly string[]): void {
  const { containers, disk } = call.machine;
  if (image === '') throw new Failure('ctr: please provide an image reference to mount\n');
  if (target === '') throw new Failure('ctr: please provide a target path to mount to\n');
  if (!isKubernetes(flags) || !containers.images().includes(image))
    throw new Failure(`ctr: image "${image}": not found\n`);
  const at = absolute(call, target);
  if (!disk.isDirectory(at)) throw new Failure(`ctr: mount ${target}: no such file or directory\n`);
  const folder = `${at}/usr/local/bin`;
  disk.makeDirectories(folder);
  if (imageName(image).endsWith('/etcd')) {
    const version = etcdVersion(image.slice(image.lastIndexOf(':') + 1));
    for (const name of ETCD_PROGRAMS) {
      disk.write(`${folder}/${name}`, printProgram({ program: name, version }), { mode: 0o755 });
    }
  }
  call.print(`sha256:${sha256Hex(image)}\n${target}\n`);
}

/** What is not mounted is no error. */
function unmount(call: Invocation, [target = '']: readonly string[]): void {
  if (target === '') throw new Failure('ctr: please provide a target path to unmount from\n');
  const { disk } = call.machine;
  const at = absolute(call, target);
  if (disk.isDirectory(at)) disk.emptyDirectory(at);
  call.print(`${target}\n`);
}

/** Without the flag ctr looks into a namespace of its own. */
function isKubernetes(flags: Flags): boolean {
  return flags.get('namespace') === KUBERNETES;
}
