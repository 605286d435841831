/**
 * Manifests of add-ons without a network: which images they start, and how a chart's manifest is made one that needs
 * no registry. Read as kubectl reads them: YAML 1.1, several documents.
 */
import { isMap, isScalar, parseAllDocuments, visit, type Document, type Scalar } from 'yaml';
import { messageOf } from '../base/errors.js';
import { parseImage, printImage } from '../model/image-reference.js';

export interface ManifestImages {
  /** Names as they are written, each once. */
  readonly images: readonly string[];
  /** Those of them that a node would ask a registry for although they are there: policy `Always`, or no fixed tag. */
  readonly pulled: readonly string[];
}

/** Throws an `Error` with the place when the text is no YAML. */
export function manifestImages(text: string): ManifestImages {
  const images = new Set<string>();
  const pulled = new Set<string>();
  for (const document of documentsOf(text)) {
    for (const { name, policy } of mentions(document)) {
      images.add(name.value);
      if (isPulled(name.value, policy?.value)) pulled.add(name.value);
    }
  }
  return { images: [...images].sort(), pulled: [...pulled].sort() };
}

export interface OfflineManifest {
  readonly text: string;
  /** Names with tag and digest as the chart has them: what is to be fetched. */
  readonly images: readonly string[];
}

/**
 * A rendered chart for nodes without a network: hooks of other moments than the installation are left out, because
 * kubectl would run them at once; nothing is pulled anew; and digests are taken from names, because an imported image
 * answers to its tag alone.
 */
export function offlineManifest(rendered: string): OfflineManifest {
  const images = new Set<string>();
  const kept = documentsOf(rendered).filter((document) => isMap(document.contents) && isInstalled(document));
  for (const document of kept) {
    for (const { name, policy } of mentions(document)) {
      images.add(name.value);
      const parsed = parseImage(name.value);
      if (parsed?.digest !== null && parsed?.tag !== null && parsed !== null) name.value = printImage(parsed);
      if (policy?.value === 'Always') policy.value = 'IfNotPresent';
    }
  }
  const texts = kept.map((document) => {
    // The marks between documents are put in by the join below, once.
    const text = document.toString({ lineWidth: 0 }).replace(/^---\n/, '');
    return `${text.trimEnd()}\n`;
  });
  return { text: texts.join('---\n'), images: [...images].sort() };
}

interface Mention {
  readonly name: Scalar<string>;
  readonly policy: Scalar<string> | null;
}

/**
 * Containers' images, and images that controllers are told to start: variables such as CSI_ATTACHER_IMAGE, and the
 * word after an argument such as --engine-image.
 */
function mentions(document: Document): readonly Mention[] {
  const found: Mention[] = [];
  const add = (name: unknown, policy: unknown): void => {
    if (!isText(name) || parseImage(name.value) === null) return;
    found.push({ name, policy: isText(policy) ? policy : null });
  };
  visit(document, {
    Map: (_, map) => {
      // A container has a name beside its image; an `image` key of a custom resource's own need not be one.
      if (map.has('name')) add(map.get('image', true), map.get('imagePullPolicy', true));
      const variable = map.get('name');
      if (typeof variable === 'string' && /(?:^|_)IMAGE$/.test(variable)) add(map.get('value', true), null);
    },
    Seq: (_, { items }) => {
      for (const [index, item] of items.entries()) {
        if (isText(item) && /^--[a-z-]*image$/.test(item.value)) add(items[index + 1], null);
      }
    },
  });
  return found;
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === 'string';
}

/** Without a policy the kubelet asks for `latest` every time, and for every other tag only once. */
function isPulled(name: string, policy: string | undefined): boolean {
  return policy === 'Always' || (policy === undefined && parseImage(name)?.tag === 'latest');
}

const INSTALLED = ['crd-install', 'pre-install', 'post-install'];

function isInstalled(document: Document): boolean {
  const hook = document.getIn(['metadata', 'annotations', 'helm.sh/hook']);
  return typeof hook !== 'string' || hook.split(',').some((moment) => INSTALLED.includes(moment.trim()));
}

function documentsOf(text: string): readonly Document[] {
  const documents: readonly Document.Parsed[] = [...parseAllDocuments(text, { version: '1.1' })];
  const broken = documents.flatMap(({ errors }) => errors)[0];
  if (broken !== undefined) throw new Error(messageOf(broken).split('\n')[0]);
  return documents;
}
