/**
 * The node image of a lab as a Vagrant box: built by Packer from packer/ when it is not there, and removed.
 * Everything on the way lies in a scratch folder in the lab's, which goes whatever becomes of the build.
 */
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { CancelledError, UserError } from '../../base/errors.js';
import { cloudInitSeed } from '../../generate/cloud-init.js';
import {
  boxFiles,
  nodeImageName,
  packerBuildVariables,
  packerVariablesFile,
  recipeDigest,
  type Accelerator,
} from '../../generate/packer.js';
import { PACKER_RECIPE } from '../../generate/packer-recipe.js';
import { bundleDigest, nodeFiles, type OpenBundle } from '../../model/bundle.js';
import type { LabSpec } from '../../model/lab.js';
import type { NodeImage } from '../provider.js';
import { Boxes } from './boxes.js';
import type { RunHostProgram } from './host-program.js';
import { kvmWorks } from './kvm.js';
import type { LabFiles } from './lab-files.js';
import { Packer } from './packer.js';
import { mustRun } from './must-run.js';
import type { Env } from './vagrant-boxes.js';
import type { Virsh } from './virsh.js';

export interface NodeImageOptions {
  readonly lab: LabSpec;
  readonly files: LabFiles;
  readonly run: RunHostProgram;
  readonly clock: Clock;
  readonly virsh: Virsh;
  readonly env: Env;
  /** Opens the lab's bundle; null for a lab without one. Asked only when the image's name or content is wanted. */
  readonly bundle: () => OpenBundle | null;
  /** What runs the build's machine; found out on this computer unless told. */
  readonly accelerator?: Accelerator;
  /** The folder of the recipe; the one that homelab brings unless told otherwise. */
  readonly recipe?: string;
}

/** The box that a lab's node image is kept as; `bundle` is null for a lab without one. */
export function imageNameOf(lab: LabSpec, bundle: OpenBundle | null): string {
  return nodeImageName(lab, bundle === null ? null : bundleDigest(bundle.bundle, lab.kubernetes.version));
}

type BuildOptions = Parameters<NodeImage['build']>[0];

// This file runs as dist/lib/provider/libvirt/node-image.js.
const RECIPE = join(import.meta.dirname, '../../../../packer');
const KEYGEN_MS = 60_000;
/** Packs some gigabytes. */
const TAR_MS = 1_200_000;

/** Null when the lab names a box of its own. */
export function openNodeImage(options: NodeImageOptions): NodeImage | null {
  return options.lab.box === null ? new BuiltImage(options) : null;
}

class BuiltImage implements NodeImage {
  readonly #options: NodeImageOptions;
  readonly #boxes: Boxes;

  constructor(options: NodeImageOptions) {
    this.#options = options;
    this.#boxes = new Boxes(options);
  }

  get name(): string {
    const { lab, bundle } = this.#options;
    return imageNameOf(lab, bundle());
  }

  async isThere(): Promise<boolean> {
    return this.#boxes.has(this.name);
  }

  async build(options: BuildOptions): Promise<void> {
    if (await this.isThere()) return;
    const { files, run, clock, recipe = RECIPE } = this.#options;
    checkRecipe(recipe);
    const [log, pidFile] = [join(files.logs, 'packer.log'), join(files.image, 'packer.json')];
    const packer = new Packer({ run, clock, recipe, log, pidFile });
    await packer.check();
    await packer.endStray();
    rmSync(files.image, { recursive: true, force: true });
    try {
      await this.#build(packer, options);
    } finally {
      rmSync(files.image, { recursive: true, force: true });
    }
  }

  remove(): Promise<void> {
    return this.#boxes.remove(this.name);
  }

  async #build(packer: Packer, { signal, onProgress = () => undefined }: BuildOptions): Promise<void> {
    const { lab, files, run } = this.#options;
    const at = (name: string): string => join(files.image, name);
    const output = at('output');
    mkdirSync(at('seed'), { recursive: true });
    mkdirSync(files.logs, { recursive: true });
    const { privateKey, publicKey } = await this.#keys();
    for (const { name, content } of cloudInitSeed(lab.image.sshUser, publicKey)) {
      writeFileSync(join(at('seed'), name), content);
    }
    stageBundle(lab, this.#options.bundle(), at('bundle'));
    const variables = packerBuildVariables(lab, {
      base_image: this.#baseImage(),
      ssh_private_key_file: privateKey,
      seed_directory: at('seed'),
      bundle_directory: at('bundle'),
      output_directory: output,
      accelerator: await this.#accelerator(),
    });
    writeFileSync(at('node.pkrvars.json'), packerVariablesFile(lab));
    writeFileSync(at('build.pkrvars.json'), `${JSON.stringify(variables, null, 2)}\n`);
    const common = { onProgress, ...(signal === undefined ? {} : { signal }) };
    await packer.build({
      ...{ variables: [at('node.pkrvars.json'), at('build.pkrvars.json')], cache: at('cache') },
      ...{ timeScale: lab.timeScale, ...common },
    });
    if (signal?.aborted === true) throw new CancelledError();
    onProgress(`adding the box ${this.name}`);
    const archive = await packBox(run, output, at('node.box'));
    await this.#boxes.add(this.name, archive, signal);
  }

  /** The configured key, or one that lives as long as the build. */
  async #keys(): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
    const { lab, files, run } = this.#options;
    const given = lab.image.sshKey;
    const privateKey = given === null ? join(files.image, 'key') : resolve(configurationFolder(files), given);
    const keygen = (...args: readonly string[]): Promise<string> =>
      mustRun(run, { argv: ['ssh-keygen', '-q', ...args, '-f', privateKey], timeoutMs: KEYGEN_MS });
    if (given === null) await keygen('-t', 'ed25519', '-N', '', '-C', 'homelab-build');
    const publicKey = (await keygen('-y', '-P', '')).trim();
    // The recipe takes away lines with this mark before the image is done.
    return { privateKey, publicKey: `${publicKey.split(' ').slice(0, 2).join(' ')} homelab-build` };
  }

  async #accelerator(): Promise<Accelerator> {
    const { lab, files, run, accelerator } = this.#options;
    if (accelerator !== undefined) return accelerator;
    if (lab.driver !== 'auto') return lab.driver === 'kvm' ? 'kvm' : 'tcg';
    return (await kvmWorks(run, files.image)) ? 'kvm' : 'tcg';
  }

  #baseImage(): string {
    const { lab, files } = this.#options;
    const { base: image } = lab.image;
    return /^[a-z0-9+]+:\/\//.test(image) || isAbsolute(image)
      ? image
      : resolve(configurationFolder(files), image);
  }
}

/** What paths in the configuration are relative to: a lab's folder is `.homelab/<lab>` beside it. */
function configurationFolder(files: LabFiles): string {
  return resolve(files.folder, '../..');
}

/**
 * The image's name holds the digest of the recipe as it was when homelab was compiled: with another recipe the
 * name would not tell what is in the image.
 */
function checkRecipe(folder: string): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const recipe = files.map((path) => ({
    path: relative(folder, path).replaceAll('\\', '/'),
    content: readFileSync(path, 'utf8'),
  }));
  if (recipeDigest(recipe) === PACKER_RECIPE) return;
  throw new UserError({
    code: 'recipe-changed',
    message: `${folder} is not the recipe that this homelab was built with`,
    remedy:
      'In a checkout type `npm run snap -- config/` and `npm run build`; otherwise install homelab again.',
  });
}

/** Only what is listed, linked where the file system allows, so that a gigabyte is not copied twice. */
function stageBundle(lab: LabSpec, open: OpenBundle | null, folder: string): void {
  mkdirSync(folder);
  if (open === null) return;
  for (const { path } of nodeFiles(open.bundle, lab.kubernetes.version)) {
    const source = join(open.folder, path);
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    try {
      linkSync(source, target);
    } catch {
      copyFileSync(source, target); // Another file system, or one without links.
    }
  }
}

/** `folder` holds Packer's `box.img`. */
async function packBox(run: RunHostProgram, folder: string, archive: string): Promise<string> {
  for (const { path, content } of boxFiles()) writeFileSync(join(folder, path), content);
  const names = [...boxFiles().map(({ path }) => path), 'box.img'];
  const packed = `${archive}.part`;
  await mustRun(run, { argv: ['tar', '-C', folder, '--sparse', '-cf', packed, ...names], timeoutMs: TAR_MS });
  rmSync(folder, { recursive: true });
  renameSync(packed, archive);
  return archive;
}
