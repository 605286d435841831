/** `homelab lint`: what is to be known of a cluster, now or before an upgrade. Only looks. */
import type { Command } from 'commander';
import { resolveUpgrade } from '../../model/upgrade.js';
import { lintDocument, lintText } from '../../report/lint.js';
import type { ClusterFinding, FindingSeverity } from '../../sagas/facts/facts.js';
import { gatherFacts } from '../../sagas/facts/gather.js';
import { refusalFinding } from '../../sagas/facts/rules.js';
import { upgradeFindings } from '../../sagas/upgrade/findings.js';
import type { Perform } from '../app.js';
import { asking, saidPlainly } from '../asking.js';
import { baseFolder } from '../base-folder.js';
import { offeredVersions } from '../bundle/open.js';
import { hinted } from '../hints.js';
import { mustFindLab, type Lab } from '../labs.js';
import { notUp, wasBootstrapped } from '../operation.js';
import { aboutLab, examples } from '../options.js';
import type { Session } from '../session.js';
import { looking } from '../still.js';

/** A scenario that deviated, a violation, or a finding: the lab is as it was, and somebody should look. */
export const EXIT_FINDINGS = 4;

export function define(command: Command, perform: Perform): void {
  aboutLab(command)
    .option('--to <version>', 'judge what an upgrade to this version would meet too')
    .action(() => perform(command, looking(lint)));
  examples(command, [
    ['homelab lint', 'is anything wrong with the cluster, or about to be?'],
    ['homelab lint --to v1.32', 'and what would stand in the way of an upgrade?'],
  ]);
}

async function lint(session: Session): Promise<number> {
  const base = baseFolder(session);
  const lab = mustFindLab(base, session.options.lab);
  if (!wasBootstrapped(lab)) throw notUp(lab);
  const { spec } = lab.record;
  const { version } = spec.kubernetes;
  const { to, refusals } = target(base, lab, session.options['to'] as string | undefined);
  const { openProvider } = await import('../providers.js'); // A still answers without it.
  const provider = await openProvider(session.io, lab, 'look');
  try {
    const nowMs = provider.clock.nowMs();
    const facts = await saidPlainly(() => gatherFacts(asking(session, provider), spec));
    const findings = [...refusals, ...upgradeFindings(facts, spec, { from: version, to: to ?? version })];
    const hints = findings.map((one) => ({ ...one, remedy: hinted(session, one.remedy) }));
    const { reasons } = facts;
    const document = lintDocument({ lab: lab.name, nowMs, version, to, findings: hints, reasons });
    session.result(document, lintText(document, painter(session)));
    return document.ok ? 0 : EXIT_FINDINGS;
  } finally {
    await provider.close();
  }
}

/** The version that is asked about, and what rules of versions say against it; the cluster is judged all the same. */
function target(
  base: string,
  lab: Lab,
  wanted: string | undefined,
): { readonly to: string | null; readonly refusals: readonly ClusterFinding[] } {
  if (wanted === undefined) return { to: null, refusals: [] };
  const { spec } = lab.record;
  const resolution = resolveUpgrade(spec.kubernetes.version, wanted, offeredVersions(base, spec));
  if (resolution.kind === 'upgrade') return { to: resolution.to, refusals: [] };
  if (resolution.kind === 'nothing') return { to: resolution.version, refusals: [] };
  return { to: null, refusals: resolution.refusals.map(refusalFinding) };
}

function painter({ outColors: color }: Session) {
  return (severity: FindingSeverity, text: string): string =>
    severity === 'error' ? color.red(text) : severity === 'warning' ? color.yellow(text) : text;
}
