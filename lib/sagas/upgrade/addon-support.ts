/**
 * Which Kubernetes minors the makers of add-ons name for a release of theirs. A small dated table of the add-ons that
 * homelab puts in; what is not in it is not judged. Longhorn and Flannel name no newest minor.
 */
import { parseVersion, printMinor } from '../../model/version.js';
import { tagOf, type ClusterFacts, type ClusterFinding } from '../facts/facts.js';
import { finding } from '../facts/rules.js';

/** The day up to which the table was brought. */
const SUPPORT_AS_OF = '2026-09-15';

interface Support {
  readonly addon: string;
  /** Image by which it is known, without its tag. */
  readonly image: RegExp;
  /** The release's minor, as its tag begins. */
  readonly tag: RegExp;
  readonly fromMinor: number;
  readonly toMinor: number;
  readonly reference: string;
}

const CILIUM = 'https://docs.cilium.io/en/stable/network/kubernetes/compatibility/';
const INGRESS = 'https://github.com/kubernetes/ingress-nginx#supported-versions-table';

const TABLE: readonly Support[] = [
  row('Cilium 1.16', /\/cilium\/cilium$/, /^v1\.16\./, 27, 30, CILIUM),
  row('Cilium 1.17', /\/cilium\/cilium$/, /^v1\.17\./, 29, 32, CILIUM),
  row('Cilium 1.18', /\/cilium\/cilium$/, /^v1\.18\./, 30, 33, CILIUM),
  row('ingress-nginx 1.12', /\/ingress-nginx\/controller$/, /^v1\.12\./, 28, 32, INGRESS),
  row('ingress-nginx 1.13', /\/ingress-nginx\/controller$/, /^v1\.13\./, 29, 33, INGRESS),
];

function row(
  addon: string,
  image: RegExp,
  tag: RegExp,
  fromMinor: number,
  toMinor: number,
  reference: string,
): Support {
  return { addon, image, tag, fromMinor, toMinor, reference };
}

export function addonFindings({ workloads }: ClusterFacts, to: string): readonly ClusterFinding[] {
  const target = parseVersion(to);
  if (target === null) return [];
  const images = new Set((workloads ?? []).flatMap((workload) => workload.images));
  const met = TABLE.filter((support) =>
    [...images].some((image) => {
      const tag = tagOf(image);
      const name = tag === '' ? image : (image.split('@')[0] ?? image).slice(0, -tag.length - 1);
      return support.image.test(name) && support.tag.test(tag);
    }),
  );
  return met
    .filter(({ fromMinor, toMinor }) => target.minor < fromMinor || target.minor > toMinor)
    .map(({ addon, fromMinor, toMinor, reference }) =>
      finding('warning', {
        code: 'addon-untested',
        message:
          `${addon} is tested by its makers with ${printMinor(fromMinor)} to ${printMinor(toMinor)}, not with ` +
          `${printMinor(target.minor)} (as of ${SUPPORT_AS_OF})`,
        remedy: 'Upgrade the add-on first, to a release that names this version.',
        reference,
      }),
    );
}
