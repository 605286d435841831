/**
 * A configuration file as documents: split, named by group, version and kind, and checked against the fields of
 * their kinds. Component documents (kubelet, kube-proxy) are read by their own programs and not checked here.
 */
import { parseAllDocuments } from 'yaml';
import type { Tree } from '../tree.js';
import { KubeadmFailure, warn, type Kubeadm } from './context.js';
import { schemaOf, type ConfigApi } from './config-schema.js';
import { checkDocument, isTree } from './schema.js';

export interface Document {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly tree: Tree;
}

const COMPONENTS = new Set([
  'kubelet.config.k8s.io/v1beta1 KubeletConfiguration',
  'kubeproxy.config.k8s.io/v1alpha1 KubeProxyConfiguration',
]);

const LATER_KINDS: ReadonlySet<string> = new Set(['ResetConfiguration', 'UpgradeConfiguration']);

export function readConfigFile(kubeadm: Kubeadm, path: string): string {
  const { disk } = kubeadm.call.machine;
  const text = disk.read(path);
  if (text !== null) return text;
  const why = disk.isDirectory(path)
    ? `read ${path}: is a directory`
    : `open ${path}: no such file or directory`;
  throw new KubeadmFailure(`unable to read config from "${path}" : ${why}`);
}

/** Splits a file into its documents. Throws a `KubeadmFailure` for broken YAML and for a kind given twice. */
export function splitDocuments(content: string): Document[] {
  const documents: Document[] = [];
  for (const part of parseAllDocuments(content)) {
    const [problem] = 'errors' in part ? part.errors : [];
    if (problem !== undefined) {
      throw new KubeadmFailure(
        `error converting YAML to JSON: yaml: ${problem.message.split('\n')[0] ?? ''}`,
      );
    }
    const tree = part.toJS() as unknown;
    if (tree === null || tree === undefined) continue;
    if (!isTree(tree)) throw new KubeadmFailure('error unmarshaling JSON: document is not an object');
    documents.push(nameDocument(tree));
  }
  const kinds = documents.map((one) => one.kind);
  const twice = kinds.find((kind, index) => kinds.indexOf(kind) !== index);
  if (twice !== undefined) {
    throw new KubeadmFailure(`invalid configuration: kind "${twice}" is specified twice in YAML file`);
  }
  return documents;
}

function nameDocument(tree: Tree): Document {
  const { apiVersion, kind } = tree;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || apiVersion === '' || kind === '') {
    throw new KubeadmFailure(
      'invalid configuration: kind and apiVersion is mandatory information that must be specified',
    );
  }
  const cut = apiVersion.indexOf('/');
  return {
    group: cut < 0 ? '' : apiVersion.slice(0, cut),
    version: apiVersion.slice(cut + 1),
    kind,
    tree,
  };
}

/** The API versions that this kubeadm reads: v1beta4, and with it reset's and upgrade's kinds, came with 1.31. */
export function knownApi(kubeadm: Kubeadm, document: Document): ConfigApi | null {
  if (document.group !== 'kubeadm.k8s.io') return null;
  if (document.version === 'v1beta3') return LATER_KINDS.has(document.kind) ? null : 'v1beta3';
  return document.version === 'v1beta4' && kubeadm.version.minor >= 31 ? 'v1beta4' : null;
}

export function isComponent(document: Document): boolean {
  return COMPONENTS.has(`${document.group}/${document.version} ${document.kind}`);
}

/** `kubeadm.k8s.io/v1beta9, Kind=ClusterConfiguration`. */
export function gvkText(document: Document): string {
  return `${document.group}/${document.version}, Kind=${document.kind}`;
}

/** Type errors end the command; unknown fields do so only when `strict`, and are warned of otherwise. */
export function checkFields(kubeadm: Kubeadm, document: Document, api: ConfigApi, strict: boolean): void {
  const schema = schemaOf(api, document.kind);
  if (schema === null) return;
  const unknown = checkDocument(document.tree, schema);
  if (unknown.length === 0) return;
  const { group, version, kind } = document;
  const gvk = `schema.GroupVersionKind{Group:"${group}", Version:"${version}", Kind:"${kind}"}`;
  const fields = unknown.map((path) => `unknown field "${path}"`).join(', ');
  const text = `error unmarshaling configuration ${gvk}: strict decoding error: ${fields}`;
  if (strict) throw new KubeadmFailure(text);
  warn(kubeadm, 'initconfiguration.go:361', text);
}

/** kubeadm from 1.31 on tells people to leave v1beta3. */
export function warnOldApi(kubeadm: Kubeadm, document: Document): void {
  if (document.version !== 'v1beta3' || kubeadm.version.minor < 31) return;
  const spec = `"${document.group}/${document.version}" (kind: "${document.kind}")`;
  const advice =
    "Please use 'kubeadm config migrate --old-config old.yaml --new-config new.yaml', " +
    'which will write the new, similar spec using a newer API version.';
  warn(kubeadm, 'common.go:101', `your configuration file uses a deprecated API spec: ${spec}. ${advice}`);
}
