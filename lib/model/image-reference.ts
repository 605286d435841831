/**
 * Names of container images, as containerd keeps them: with their registry and a tag. Leaves out whether such an
 * image exists.
 */

export interface ImageReference {
  /** Such as `registry.k8s.io`; Docker's own registry is `docker.io`. */
  readonly registry: string;
  /** Such as `coredns/coredns`. */
  readonly repository: string;
  /** Null when only a digest names it. */
  readonly tag: string | null;
  /** `sha256:` and 64 hex digits; null when the tag alone names it. */
  readonly digest: string | null;
}

const HOST = /(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+(?::\d+)?|[A-Za-z0-9-]+:\d+|localhost/;
const PATH = /[a-z0-9]+(?:[._/-]+[a-z0-9]+)*/;
const REFERENCE = new RegExp(
  `^(?:(${HOST.source})/)?(${PATH.source})(?::([\\w][\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** Reads a name as Docker does: `nginx` is `docker.io/library/nginx:latest`. Null when it is no name of an image. */
export function parseImage(text: string): ImageReference | null {
  const match = REFERENCE.exec(text);
  if (match === null) return null;
  const [, registry = 'docker.io', path = '', tag, digest] = match;
  const official = registry === 'docker.io' && !path.includes('/');
  return {
    registry: registry === 'index.docker.io' ? 'docker.io' : registry,
    repository: official ? `library/${path}` : path,
    tag: tag ?? (digest === undefined ? 'latest' : null),
    digest: digest ?? null,
  };
}

/** `registry.k8s.io/pause`: the name without tag and digest. */
export function repositoryOf({ registry, repository }: ImageReference): string {
  return `${registry}/${repository}`;
}

/** The whole name; the digest is left out where there is a tag, because an imported image answers to its tag. */
export function printImage(reference: ImageReference): string {
  const { tag, digest } = reference;
  return `${repositoryOf(reference)}${tag === null ? `@${digest ?? ''}` : `:${tag}`}`;
}
