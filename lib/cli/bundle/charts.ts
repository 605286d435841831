/**
 * Manifests of add-ons: the pinned charts that an online lab installs, fetched with their digests and rendered by the
 * pinned helm with the same values, then made fit for nodes without a network. helm runs on this computer.
 */
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { messageOf, UserError } from '../../base/errors.js';
import { helmDownload } from '../../bundle/downloads.js';
import { offlineManifest } from '../../bundle/manifest.js';
import { addonReleases, type AddonRelease } from '../../generate/addons.js';
import { toYaml } from '../../generate/yaml.js';
import type { Architecture } from '../../model/bundle.js';
import type { LabSpec } from '../../model/lab.js';
import type { RunHostProgram } from '../../provider/libvirt/host-program.js';
import { fileExists, writeWhole } from '../files.js';
import { unpack } from './unpack.js';
import { oddDownload, type Web } from './web.js';

const HELM_TIMEOUT_MS = 120_000;

export interface RenderedAddons {
  /** By their paths in the bundle. */
  readonly manifests: ReadonlyMap<string, string>;
  readonly images: readonly string[];
}

export interface ChartTools {
  readonly web: Web;
  readonly run: RunHostProgram;
  readonly signal: AbortSignal;
  /** For what is needed only now. */
  readonly work: string;
}

export async function renderAddons(tools: ChartTools, lab: LabSpec): Promise<RenderedAddons> {
  const releases = addonReleases(lab);
  const manifests = new Map<string, string>();
  const images = new Set<string>();
  // An interrupted run leaves the helm that it has checked.
  if (releases.length > 0 && !fileExists(join(tools.work, 'helm'))) {
    await unpack(tools.web, helmDownload(hostSystem(), hostArchitecture()), tools.work, tools.work);
  }
  for (const release of releases) {
    const offline = offlineManifest(await render(tools, lab, release));
    manifests.set(`common/manifests/${release.manifest}`, withNamespace(release, offline.text));
    for (const image of offline.images) images.add(image);
  }
  return { manifests, images: [...images] };
}

/** The processor of this computer, in Kubernetes' words. */
function hostArchitecture(): Architecture {
  return arch() === 'arm64' ? 'arm64' : 'amd64';
}

function hostSystem(): 'linux' | 'darwin' {
  return platform() === 'darwin' ? 'darwin' : 'linux';
}

async function render(tools: ChartTools, lab: LabSpec, release: AddonRelease): Promise<string> {
  const { web, run, signal, work } = tools;
  const chart = await chartOf(web, release, work);
  const values = join(work, `${release.name}.values.yaml`);
  writeWhole(values, release.values);
  const ended = await run({
    argv: [
      ...[join(work, 'helm'), 'template', release.name, chart, '--namespace', release.namespace],
      ...['--include-crds', '--kube-version', lab.kubernetes.version, '--values', values],
    ],
    env: { HELM_CACHE_HOME: work, HELM_CONFIG_HOME: work, HELM_DATA_HOME: work },
    ...{ timeoutMs: HELM_TIMEOUT_MS, signal },
  });
  if (ended.kind === 'exited' && ended.code === 0) return new TextDecoder().decode(ended.stdout);
  const why = ended.kind === 'missing' ? ended.why : new TextDecoder().decode(ended.stderr).trim();
  throw new UserError({
    code: 'chart-not-rendered',
    message: `helm did not make a manifest of ${release.chart} ${release.version}: ${why || ended.kind}`,
    remedy: `Make common/manifests/${release.manifest} by hand, and list it with: homelab bundle index DIR`,
  });
}

/** The chart's archive, by the index of its repository, which has the digests. */
async function chartOf(web: Web, { repo, chart, version }: AddonRelease, work: string): Promise<string> {
  const base = repo.replace(/\/*$/, '/');
  const index = parseIndex(`${base}index.yaml`, await web.text(`${base}index.yaml`));
  const entry = index.entries?.[chart]?.find((one) => plain(one.version) === plain(version));
  const [url] = entry?.urls ?? [];
  if (url === undefined || entry?.digest === undefined) {
    throw oddDownload(`${base}index.yaml`, `it has no ${chart} ${version} with a digest`);
  }
  const path = join(work, `${chart}-${version}.tgz`);
  await web.download(new URL(url, base).href, path, { sha256: entry.digest.replace('sha256:', '') });
  return path;
}

interface ChartIndex {
  readonly entries?: Readonly<
    Record<
      string,
      readonly { readonly version?: string; readonly digest?: string; readonly urls?: readonly string[] }[]
    >
  >;
}

function parseIndex(url: string, text: string): ChartIndex {
  try {
    return parse(text, { maxAliasCount: 0 }) as ChartIndex;
  } catch (error) {
    throw oddDownload(url, `it is not YAML: ${messageOf(error)}`);
  }
}

/** Some charts write their versions with a v, and some indexes without. */
function plain(version: string | undefined): string | undefined {
  return version?.replace(/^v/, '');
}

/** helm makes the namespace while it installs, and a manifest must bring it. */
function withNamespace({ namespace }: AddonRelease, text: string): string {
  if (namespace === 'kube-system') return text;
  const object = toYaml({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  return `${object}---\n${text}`;
}
