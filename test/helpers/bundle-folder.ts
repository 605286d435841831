/** Bundles made for tests: programs that are ELF by their first bytes, and archives of images with tiny layers. */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { create } from 'tar';
import type { BundleNeeds } from '../../lib/bundle/needs.js';
import type { Architecture } from '../../lib/model/bundle.js';

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The head of an ELF program, and something that makes it its own. */
export function program(name: string, architecture: Architecture = 'amd64'): Uint8Array {
  const head = new Uint8Array(64);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head[18] = architecture === 'amd64' ? 62 : 183;
  return new Uint8Array([...head, ...new TextEncoder().encode(name)]);
}

/** A whole image by its parts, as a registry has it. */
export interface MadeImage {
  readonly manifest: string;
  readonly config: string;
  readonly layer: string;
}

export function image(name: string, architecture = 'amd64'): MadeImage {
  const config = JSON.stringify({ architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: [] } });
  const layer = `layer of ${name} for ${architecture}`;
  const blob = (mediaType: string, content: string): object => ({
    mediaType: `application/vnd.oci.image.${mediaType}`,
    digest: `sha256:${sha256(content)}`,
    size: content.length,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: blob('config.v1+json', config),
    layers: [blob('layer.v1.tar', layer)],
  });
  return { manifest, config, layer };
}

export function write(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** An OCI layout with one image, as `ctr images export` writes it. */
export function ociFiles(name: string, architecture = 'amd64'): Readonly<Record<string, string>> {
  const { manifest, config, layer } = image(name, architecture);
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: `sha256:${sha256(manifest)}`,
        size: manifest.length,
        annotations: { 'io.containerd.image.name': name },
      },
    ],
  };
  return {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    'index.json': JSON.stringify(index),
    ...Object.fromEntries([manifest, config, layer].map((one) => [`blobs/sha256/${sha256(one)}`, one])),
  };
}

/** As an old `docker save` writes it: `manifest.json` with several names, and no index. */
export function dockerFiles(
  names: readonly string[],
  architecture = 'amd64',
): Readonly<Record<string, string>> {
  return {
    'manifest.json': JSON.stringify([{ Config: 'c.json', RepoTags: names, Layers: ['l/layer.tar'] }]),
    'c.json': JSON.stringify({ architecture }),
    'l/layer.tar': `layer of ${names.join()}`,
  };
}

export async function pack(
  folder: string,
  path: string,
  files: Readonly<Record<string, string>>,
  gzip = false,
): Promise<void> {
  const scratch = join(folder, `${path}.parts`);
  write(scratch, files);
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  await create({ cwd: scratch, file: join(folder, path), portable: true, gzip }, Object.keys(files));
  rmSync(scratch, { recursive: true });
}

/** A folder with all that `needs` asks for, one archive for each image. */
export async function fill(folder: string, needs: BundleNeeds): Promise<void> {
  for (const { path } of needs.files) {
    write(folder, { [path]: path.endsWith('.yaml') ? 'kind: Namespace\n' : program(path) });
  }
  for (const [index, { image: name, folder: below }] of needs.images.entries()) {
    await pack(folder, `${below}/${index}.tar`, index % 2 === 0 ? ociFiles(name) : dockerFiles([name]));
  }
}
