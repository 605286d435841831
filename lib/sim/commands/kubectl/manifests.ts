/** Objects from -f FILE or -f -: YAML documents, JSON, and kind List. Folders and URLs are not modelled. */
import { parseAllDocuments } from 'yaml';
import type { ResourceType } from '../../api/resources.js';
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { listAt, textAt } from '../../tree.js';
import { Failure } from '../failure.js';
import { absolute } from '../paths.js';
import { resourceOfKind } from './resources.js';
import type { Session } from './session.js';

export interface Manifest {
  readonly type: ResourceType;
  /** With the namespace that it goes to filled in. */
  readonly object: KubeObject;
}

/** The objects of all -f files; ends kubectl when there is none or one is wrong. */
export function* readManifests(session: Session, verb: string): Sim<Manifest[]> {
  const files = session.flags.list('filename');
  if (files.length === 0) throw new Failure('error: must specify one of -f and -k\n');
  const manifests: Manifest[] = [];
  for (const file of files) {
    for (const tree of parseFile(session, file)) manifests.push(yield* resolve(session, file, tree));
  }
  if (manifests.length === 0) throw new Failure(`error: no objects passed to ${verb}\n`);
  return manifests;
}

function parseFile(session: Session, file: string): unknown[] {
  const shown = file === '-' ? 'STDIN' : file;
  const { disk } = session.call.machine;
  if (file !== '-' && disk.isDirectory(absolute(session.call, file))) {
    throw new Failure('error: the simulator does not model -f with a folder\n');
  }
  const content =
    file === '-' ? new TextDecoder().decode(session.call.stdin) : disk.read(absolute(session.call, file));
  if (content === null) throw new Failure(`error: the path "${file}" does not exist\n`);
  const documents = parseAllDocuments(content);
  const trees: unknown[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const [problem] = document.errors;
    if (problem !== undefined) {
      const reason = problem.message.split('\n')[0] ?? '';
      throw new Failure(`error: error parsing ${shown}: error converting YAML to JSON: yaml: ${reason}\n`);
    }
    const tree = document.toJS() as unknown;
    if (tree === null || tree === undefined) continue;
    if (textAt(tree, 'kind') === 'List') trees.push(...listAt(tree, 'items'));
    else trees.push(tree);
  }
  return trees;
}

function* resolve(session: Session, file: string, tree: unknown): Sim<Manifest> {
  const shown = file === '-' ? 'STDIN' : file;
  const kind = textAt(tree, 'kind');
  const apiVersion = textAt(tree, 'apiVersion');
  const missing = [
    ...(apiVersion === null ? ['apiVersion not set'] : []),
    ...(kind === null ? ['kind not set'] : []),
  ];
  if (kind === null || apiVersion === null) {
    const text = missing.length > 1 ? `[${missing.join(', ')}]` : missing[0];
    throw new Failure(
      `error: error validating "${shown}": error validating data: ${text ?? ''}; ` +
        'if you choose to ignore these errors, turn validation off with --validate=false\n',
    );
  }
  const name = textAt(tree, 'metadata', 'name') ?? '';
  const given = textAt(tree, 'metadata', 'namespace');
  const type =
    resourceOfKind(apiVersion, kind) ?? resourceOfKind(apiVersion, kind, yield* session.customResources());
  if (type === null) {
    throw new Failure(
      `error: resource mapping not found for name: "${name}" namespace: "${given ?? ''}" from "${shown}": ` +
        `no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first\n`,
    );
  }
  const asked = session.flags.get('namespace');
  if (given !== null && asked !== null && given !== asked && type.namespaced) {
    throw new Failure(
      `error: the namespace from the provided object "${given}" does not match the namespace "${asked}". ` +
        `You must pass '--namespace=${given}' to perform this operation.\n`,
    );
  }
  const object = tree as KubeObject;
  const metadata = type.namespaced
    ? { ...object.metadata, namespace: given ?? session.namespace }
    : object.metadata;
  return { type, object: { ...object, metadata } };
}
