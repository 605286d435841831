/** What every way of upgrading begins with: facts of the cluster, judged, and the input of the saga. */
import { UserError, type Problem } from '../base/errors.js';
import type { UpgradeRefusal, UpgradeResolution } from '../model/upgrade.js';
import type { Provider } from '../provider/provider.js';
import { nextSnapshotName } from '../sagas/etcd-snapshot.js';
import type { ClusterFinding } from '../sagas/facts/facts.js';
import { gatherFacts } from '../sagas/facts/gather.js';
import { refusalFinding } from '../sagas/facts/rules.js';
import type { SagaPorts } from '../sagas/ports.js';
import type { UpgradeInput } from '../sagas/upgrade.js';
import { upgradeFindings } from '../sagas/upgrade/findings.js';
import { upgradeInput } from '../sagas/upgrade/input.js';
import { bundleParts, bundleUse, type BundlePart } from '../sagas/upgrade/bundle.js';
import { asking, saidPlainly } from './asking.js';
import { verifiedLabBundle, type VerifiedBundle } from './bundle/open.js';
import type { Lab } from './labs.js';
import { wasBootstrapped } from './operation.js';
import { openProvider } from './providers.js';
import type { Session } from './session.js';

export type WantedUpgrade = Extract<UpgradeResolution, { kind: 'upgrade' }>;

/** What an upgrade is prepared on: the lab itself, or a copy of it. */
export interface UpgradeGround {
  /** The folder that the lab's paths are relative to. */
  readonly base: string;
  readonly lab: Lab;
  readonly provider: Provider;
  readonly ports: SagaPorts;
}

/** Facts, judged: every error at once refuses, before anything is touched. So does a bundle that lacks something. */
export async function prepareUpgrade(
  session: Session,
  { base, lab, provider, ports }: UpgradeGround,
  { from, to }: WantedUpgrade,
): Promise<{ readonly input: UpgradeInput; readonly findings: readonly ClusterFinding[] }> {
  const { spec } = lab.record;
  const parts = partsOf(await verifiedLabBundle(session, base, spec, [to]), { from, to });
  const facts = await saidPlainly(() => gatherFacts(asking(session, provider), spec));
  const findings = upgradeFindings(facts, spec, { from, to });
  if (findings.some(({ severity }) => severity === 'error')) throw refused(findings);
  const { maxUnavailable, drainTimeout } = session.options;
  const context = asking(session, provider);
  const bundle = parts === null ? null : await saidPlainly(() => bundleUse(context, spec, parts));
  const input = upgradeInput(spec, facts, {
    from,
    to,
    maxUnavailable: (maxUnavailable as number | undefined) ?? spec.maxUnavailable,
    drainTimeoutMs: (drainTimeout as number | undefined) ?? null,
    snapshot: nextSnapshotName(ports.folder, `before-${to}`),
    bundle,
  });
  return { input, findings };
}

function partsOf(
  verified: VerifiedBundle | null,
  versions: { readonly from: string; readonly to: string },
): readonly BundlePart[] | null {
  if (verified === null) return null;
  const archives = new Map(verified.facts.files.map(({ path, archive }) => [path, archive?.images ?? []]));
  const imagesOf = (path: string): readonly string[] => (archives.get(path) ?? []).map(({ name }) => name);
  return bundleParts(verified.bundle.files, imagesOf, versions);
}

/** What the rules of versions refuse, with all that is wrong with the cluster besides: one look, one list. */
export async function refusedWithAll(
  session: Session,
  lab: Lab,
  refusals: readonly UpgradeRefusal[],
): Promise<UserError> {
  const rules = refusals.map(refusalFinding);
  if (!wasBootstrapped(lab)) return refused(rules);
  const { spec } = lab.record;
  const { version } = spec.kubernetes;
  const provider = await openProvider(session.io, lab, 'look');
  try {
    const facts = await saidPlainly(() => gatherFacts(asking(session, provider), spec));
    return refused([...rules, ...upgradeFindings(facts, spec, { from: version, to: version })]);
  } finally {
    await provider.close();
  }
}

/** Carries every finding as a problem. */
class UpgradeRefused extends UserError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    super({
      code: errors.length === 1 ? (errors[0]?.code ?? 'upgrade-preflight') : 'upgrade-preflight',
      message:
        errors.length === 1
          ? (errors[0]?.message ?? '')
          : `${errors.length} things stand in the way of the upgrade; nothing was changed`,
      remedy: errors.length === 1 ? (errors[0]?.remedy ?? '') : 'Mend what is named above and try again.',
    });
    this.problems = errors.length === 1 ? [] : problems;
  }
}

function refused(findings: readonly ClusterFinding[]): UpgradeRefused {
  return new UpgradeRefused(findings.map(problemOf));
}

export function problemOf({ code, severity, message, remedy, reference }: ClusterFinding): Problem {
  const nowhere = { file: null, line: null, column: null, expected: null, found: null };
  return { code, severity, message, remedy: `${remedy} (${reference})`, ...nowhere };
}
