/**
 * Releases as helm 3 keeps them: one Secret a revision, with the state in its labels. The content is JSON in base64
 * twice, as helm's is, but not compressed.
 */
import { fromBase64, toBase64 } from '../../../base/base64.js';
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { textAt } from '../../tree.js';
import type { Session } from '../kubectl/session.js';
import { ask } from './requests.js';

export type ReleaseStatus =
  'deployed' | 'failed' | 'pending-install' | 'pending-upgrade' | 'superseded' | 'uninstalling';

export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly version: number;
  readonly info: {
    readonly first_deployed: string;
    readonly last_deployed: string;
    readonly deleted: string;
    readonly description: string;
    readonly status: ReleaseStatus;
  };
  readonly chart: {
    readonly metadata: { readonly name: string; readonly version: string; readonly appVersion: string };
  };
  readonly config: unknown;
  /** What it created, so that an upgrade and an uninstallation know it. */
  readonly objects: readonly KubeObject[];
}

function secretName(release: Release): string {
  return `sh.helm.release.v1.${release.name}.v${release.version}`;
}

function toSecret(release: Release): KubeObject {
  const { name, namespace, version, info } = release;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'helm.sh/release.v1',
    metadata: {
      name: secretName(release),
      namespace,
      labels: { name, owner: 'helm', status: info.status, version: String(version) },
    },
    data: { release: toBase64(toBase64(JSON.stringify(release))) },
  };
}

function fromSecret(secret: KubeObject): Release | null {
  const outer = fromBase64(textAt(secret, 'data', 'release') ?? '');
  const inner = outer === null ? null : fromBase64(outer);
  return inner === null || inner === '' ? null : (JSON.parse(inner) as Release);
}

/** All revisions of one release, or of all releases, oldest first. */
export function* history(session: Session, namespace: string | null, name: string | null): Sim<Release[]> {
  const scope = namespace === null ? '' : `/namespaces/${namespace}`;
  const selector = `owner%3Dhelm${name === null ? '' : `%2Cname%3D${name}`}`;
  const list = (yield* ask(session, 'GET', `/api/v1${scope}/secrets?labelSelector=${selector}`)) as {
    readonly items: readonly KubeObject[];
  };
  return list.items
    .map(fromSecret)
    .filter((release) => release !== null)
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version - b.version));
}

export function* create(session: Session, release: Release): Sim<void> {
  yield* ask(session, 'POST', `/api/v1/namespaces/${release.namespace}/secrets`, toSecret(release));
}

/** Writes a new state of a revision. */
export function* update(
  session: Session,
  release: Release,
  status: ReleaseStatus,
  description: string,
): Sim<Release> {
  const changed = { ...release, info: { ...release.info, status, description } };
  const path = `/api/v1/namespaces/${release.namespace}/secrets/${secretName(release)}`;
  yield* ask(session, 'PUT', path, toSecret(changed));
  return changed;
}

export function* forget(session: Session, release: Release): Sim<void> {
  yield* ask(session, 'DELETE', `/api/v1/namespaces/${release.namespace}/secrets/${secretName(release)}`);
}
