/** `homelab k8s upgrade`: the cluster of a lab to another version, or the plan of it. */
import { InvalidArgumentError, type Command } from 'commander';
import { findOpenJournal } from '../../engine/journal-file.js';
import { toYaml } from '../../generate/yaml.js';
import { resolveUpgrade } from '../../model/upgrade.js';
import { nothingToUpgrade, upgradePlan, upgradePlanText } from '../../report/upgrade-plan.js';
import { upgradeSaga } from '../../sagas/upgrade.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { offeredVersions } from '../bundle/open.js';
import { durationOption } from '../duration-option.js';
import { collectFaults, planFaults } from '../faults.js';
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
import { restore } from '../restore.js';
import { inventoryOf } from '../rehearsal-ground.js';
import { DEFAULT_RUNS, rehearseUpgrade } from '../rehearse.js';
import type { Session } from '../session.js';
import { prepareUpgrade, problemOf, refusedWithAll, type WantedUpgrade } from '../upgrade-preparation.js';
import { upgradeText } from '../upgrade-text.js';

export function define(command: Command, perform: Perform): void {
  const summary = 'upgrade the cluster to another version of Kubernetes';
  const own = aboutLab(command.command('upgrade').summary(summary).description(summary));
  own
    .requiredOption('--to <version>', 'such as v1.32, or v1.32.0')
    .option('--dry-run', 'show every step, its commands, its time and what is up meanwhile; change nothing')
    .option(
      '--rehearse',
      'run it on simulated copies of the lab and say what is to be expected; change nothing',
    )
    .option('--runs <count>', `how many copies are rehearsed on (default: ${DEFAULT_RUNS})`, wholeCount)
    .option('--from <file>', 'with --rehearse: what the cluster is like, from `homelab k8s inventory`')
    .option(
      '--seed <number>',
      'of the first rehearsed run; the others count up from it (default: 1)',
      wholeSeed,
    )
    .option(
      '--max-unavailable <count>',
      'how many workers may be away at once (default: as configured)',
      wholeCount,
    )
    .option('--drain-timeout <time>', 'how long a drain waits for budgets and pods', durationOption)
    .option('--fault <time=action:machine>', FAULT, collectFaults)
    .action(() => perform(own, upgrade));
  examples(own, [
    ['homelab k8s upgrade --to v1.32 --dry-run', 'what would be done, and what is up at each moment'],
    ['homelab k8s upgrade --to v1.32 --rehearse', 'how long it takes and what may go wrong, of 200 runs'],
    ['homelab k8s upgrade --to v1.32', 'to the newest patch of v1.32 that homelab knows'],
    ['homelab k8s upgrade --to v1.32.0 --max-unavailable 2', 'two workers at a time'],
  ]);
  defineRestore(command, perform);
  defineInventory(command, perform);
  examples(command, [['homelab k8s upgrade --to v1.32', summary]]);
}

function defineRestore(command: Command, perform: Perform): void {
  const summary = 'bring the cluster back to a copy of etcd';
  const own = aboutLab(command.command('restore').summary(summary).description(summary));
  own
    .requiredOption('--snapshot <name>', 'from `homelab etcd snapshot list`')
    .option('-y, --yes', 'do not ask although everything since the copy is lost')
    .option('--fault <time=action:machine>', FAULT, collectFaults)
    .action(() => perform(own, restore));
  examples(own, [['homelab k8s restore --snapshot 0001-by-hand', 'what it costs is said first']]);
}

function defineInventory(command: Command, perform: Perform): void {
  const summary = 'print what a rehearsal needs to know of the cluster; only looks';
  const own = aboutLab(command.command('inventory').summary(summary).description(summary));
  own.action(() => perform(own, inventory));
  examples(own, [
    [
      'homelab k8s inventory > inventory.yaml',
      'to look at, to change, and for `k8s upgrade --rehearse --from`',
    ],
  ]);
}

async function inventory(session: Session): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  if (!wasBootstrapped(lab)) throw notUp(lab);
  const document = await inventoryOf(session, lab);
  session.result(document, toYaml({ ...document }));
  return 0;
}

const FAULT = 'plan a fault at a lab time (simulator; repeatable)';

async function upgrade(session: Session): Promise<number> {
  const base = baseFolder(session);
  const lab = mustFindLab(base, session.options.lab);
  const { spec } = lab.record;
  const offered = offeredVersions(base, spec);
  const resolution = resolveUpgrade(spec.kubernetes.version, String(session.options['to']), offered);
  const open = findOpenJournal(journalFolder(lab));
  if (open !== null) throw alreadyOpen(lab, open);
  if (resolution.kind === 'refused') throw await refusedWithAll(session, lab, resolution.refusals);
  if (resolution.kind === 'nothing') {
    const document = nothingToUpgrade(spec, resolution.version, []);
    session.result(document, upgradePlanText(document));
    return 0;
  }
  if (!wasBootstrapped(lab)) throw notUp(lab);
  if (session.options['dryRun'] === true) return dryRun(session, base, lab, resolution);
  if (session.options['rehearse'] === true) return rehearseUpgrade(session, base, lab, resolution);
  return operate(session, base, lab, async (operating) => {
    const { provider, ports } = operating;
    for (const note of resolution.notes) session.note(note);
    const { input, findings } = await prepareUpgrade(session, { base, lab, provider, ports }, resolution);
    for (const finding of findings) session.note(session.problemText(problemOf(finding)));
    await planFaults(session, spec, provider);
    const saga = upgradeSaga(spec, input, ports);
    const document = await runOperation(session, lab, operating, { saga, journal: null, mode: 'run' });
    session.result(document, await upgradeText(session, lab, provider, document, input));
    return exitCodeOf(document.outcome, 'run');
  });
}

/** On a simulated lab everything is asked of a copy that is thrown away; real machines are only read. */
async function dryRun(session: Session, base: string, lab: Lab, wanted: WantedUpgrade): Promise<number> {
  const { spec } = lab.record;
  const provider = await openProvider(session.io, lab, 'look');
  try {
    const ports = portsOf(base, lab);
    const ground = { base, lab, provider, ports };
    const { input, findings } = await prepareUpgrade(session, ground, wanted);
    const document = upgradePlan(spec, upgradeSaga(spec, input, ports), input, wanted.notes, findings);
    session.result(document, upgradePlanText(document));
    return 0;
  } finally {
    await provider.close();
  }
}

function wholeCount(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a number from 1 is expected.');
}

function wholeSeed(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number is expected.');
}
