/** `homelab k8s upgrade`: the cluster of a lab to another version, or the plan of it. */
import { InvalidArgumentError, type Command } from 'commander';
import { UserError, type Problem } from '../../base/errors.js';
import { resolveUpgrade, type UpgradeResolution } from '../../model/upgrade.js';
import type { Provider } from '../../provider/provider.js';
import { nothingToUpgrade, upgradePlan, upgradePlanText } from '../../report/upgrade-plan.js';
import { nextSnapshotName } from '../../sagas/etcd-snapshot.js';
import type { ClusterFinding } from '../../sagas/facts/facts.js';
import { gatherFacts } from '../../sagas/facts/gather.js';
import { refusalFinding } from '../../sagas/facts/rules.js';
import type { SagaPorts } from '../../sagas/ports.js';
import { upgradeSaga, type UpgradeInput } from '../../sagas/upgrade.js';
import { upgradeFindings } from '../../sagas/upgrade/findings.js';
import { upgradeInput } from '../../sagas/upgrade/input.js';
import type { Perform } from '../app.js';
import { asking, saidPlainly } from '../asking.js';
import { baseFolder } from '../base-folder.js';
import { durationOption } from '../duration-option.js';
import { collectFaults, planFaults } from '../faults.js';
import { findOpenJournal } from '../../engine/journal-file.js';
import { journalFolder, mustFindLab, type Lab } from '../labs.js';
import {
  alreadyOpen,
  exitCodeOf,
  notUp,
  operate,
  portsOf,
  runOperation,
  wasBootstrapped,
} from '../operation.js';
import { aboutLab, examples } from '../options.js';
import { openProvider } from '../providers.js';
import type { Session } from '../session.js';
import { upgradeText } from '../upgrade-text.js';

type Wanted = Extract<UpgradeResolution, { kind: 'upgrade' }>;

export function define(command: Command, perform: Perform): void {
  const summary = 'upgrade the cluster to another version of Kubernetes';
  const own = aboutLab(command.command('upgrade').summary(summary).description(summary));
  own
    .requiredOption('--to <version>', 'such as v1.32, or v1.32.0')
    .option('--dry-run', 'show every step, its commands, its time and what is up meanwhile; change nothing')
    .option('--max-unavailable <count>', 'how many workers may be away at once', wholeCount)
    .option('--drain-timeout <time>', 'how long a drain waits for budgets and pods', durationOption)
    .option(
      '--fault <time=action:machine>',
      'plan a fault at a lab time (simulator; repeatable)',
      collectFaults,
    )
    .action(() => perform(own, upgrade));
  examples(own, [
    ['homelab k8s upgrade --to v1.32 --dry-run', 'what would be done, and what is up at each moment'],
    ['homelab k8s upgrade --to v1.32', 'to the newest patch of v1.32 that homelab knows'],
    ['homelab k8s upgrade --to v1.32.0 --max-unavailable 2', 'two workers at a time'],
  ]);
  examples(command, [['homelab k8s upgrade --to v1.32', summary]]);
}

async function upgrade(session: Session): Promise<number> {
  const base = baseFolder(session);
  const lab = mustFindLab(base, session.options.lab);
  const resolution = resolveUpgrade(lab.record.spec.kubernetes.version, String(session.options['to']));
  const open = findOpenJournal(journalFolder(lab));
  if (open !== null) throw alreadyOpen(lab, open);
  if (resolution.kind === 'refused') throw refused(resolution.refusals.map(refusalFinding));
  if (resolution.kind === 'nothing') {
    const document = nothingToUpgrade(lab.record.spec, resolution.version, []);
    session.result(document, upgradePlanText(document));
    return 0;
  }
  if (!wasBootstrapped(lab)) throw notUp(lab);
  if (session.options['dryRun'] === true) return dryRun(session, base, lab, resolution);
  return operate(session, base, lab, async (operating) => {
    const { provider, ports } = operating;
    for (const note of resolution.notes) session.note(note);
    const { input, findings } = await prepare(session, lab, provider, ports, resolution);
    for (const finding of findings) session.note(session.problemText(problemOf(finding)));
    await planFaults(session, lab.record.spec, provider);
    const saga = upgradeSaga(lab.record.spec, input, ports);
    const document = await runOperation(session, lab, operating, { saga, journal: null, mode: 'run' });
    session.result(document, await upgradeText(session, lab, provider, document, input));
    return exitCodeOf(document.outcome, 'run');
  });
}

/** On a simulated lab everything is asked of a copy that is thrown away; real machines are only read. */
async function dryRun(session: Session, base: string, lab: Lab, wanted: Wanted): Promise<number> {
  const { spec } = lab.record;
  const provider = openProvider(session.io, lab, 'look');
  try {
    const ports = portsOf(base, lab);
    const { input, findings } = await prepare(session, lab, provider, ports, wanted);
    const document = upgradePlan(spec, upgradeSaga(spec, input, ports), input, wanted.notes, findings);
    session.result(document, upgradePlanText(document));
    return 0;
  } finally {
    await provider.close();
  }
}

/** Facts, judged: every error at once refuses, before anything is touched. */
async function prepare(
  session: Session,
  lab: Lab,
  provider: Provider,
  ports: SagaPorts,
  { from, to }: Wanted,
): Promise<{ readonly input: UpgradeInput; readonly findings: readonly ClusterFinding[] }> {
  const { spec } = lab.record;
  const facts = await saidPlainly(() => gatherFacts(asking(session, provider), spec));
  const findings = upgradeFindings(facts, spec, { from, to });
  if (findings.some(({ severity }) => severity === 'error')) throw refused(findings);
  const { maxUnavailable, drainTimeout } = session.options;
  const input = upgradeInput(spec, facts, {
    from,
    to,
    maxUnavailable: (maxUnavailable as number | undefined) ?? 1,
    drainTimeoutMs: (drainTimeout as number | undefined) ?? null,
    snapshot: nextSnapshotName(ports.folder, `before-${to}`),
  });
  return { input, findings };
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

function problemOf({ code, severity, message, remedy, reference }: ClusterFinding): Problem {
  const nowhere = { file: null, line: null, column: null, expected: null, found: null };
  return { code, severity, message, remedy: `${remedy} (${reference})`, ...nowhere };
}

function wholeCount(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a number from 1 is expected.');
}
