/** `homelab saga`: the operations of a lab, from their journals. Only looks. */
import type { Command } from 'commander';
import { printDuration } from '../../base/duration.js';
import { UserError } from '../../base/errors.js';
import { listJournals, readJournal, type JournalEntry } from '../../engine/journal-file.js';
import { mermaid } from '../../engine/mermaid.js';
import { resultOf } from '../../engine/result.js';
import { controlPlanes, type LabSpec } from '../../model/lab.js';
import { resolveUpgrade } from '../../model/upgrade.js';
import { parseVersion, printMinor } from '../../model/version.js';
import { BOOTSTRAP, type BootstrapInput } from '../../sagas/bootstrap.js';
import { UPGRADE, type UpgradeInput } from '../../sagas/upgrade.js';
import type { LabFolder } from '../../sagas/ports.js';
import { REJOIN, type RejoinInput } from '../../sagas/rejoin.js';
import { RESTORE, type RestoreInput } from '../../sagas/restore.js';
import { recordedSaga } from '../../sagas/registry.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { configured, readConfiguration, resolveLab } from '../configuration.js';
import { journalFolder, labFolder, labNames, mustFindLab, type Lab } from '../labs.js';
import { aboutLab, examples } from '../options.js';
import type { Session } from '../session.js';
import { textTable } from '../table.js';

export function define(command: Command, perform: Perform): void {
  const list = aboutLab(describe(command.command('list'), 'every operation of the lab and how it ended'));
  list.action(() => perform(list, sagaList));
  examples(list, [['homelab saga list', 'newest last']]);
  const show = aboutLab(describe(command.command('show'), 'the steps of one operation'));
  show.argument('[number]', 'from `homelab saga list`; the newest when left out');
  show.action((number: string | undefined) => perform(show, (session) => sagaShow(session, number)));
  examples(show, [['homelab saga show 1', 'outcome, attempts and lab time of each step']]);
  const graph = configured(
    describe(command.command('graph'), 'the plan of an operation as a Mermaid diagram'),
  );
  graph.argument('[saga]', 'bootstrap, upgrade, restore, rejoin, down or destroy', BOOTSTRAP);
  graph.action((name: string) => perform(graph, (session) => sagaGraph(session, name)));
  examples(graph, [['homelab saga graph bootstrap --topology k8s-ha', 'for any Mermaid viewer']]);
  examples(command, [['homelab saga show', 'the steps of the newest operation']]);
}

function describe(command: Command, summary: string): Command {
  return command.summary(summary).description(summary);
}

async function sagaList(session: Session): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const sagas = journalsOf(lab).map((entry) => {
    const { steps, ...result } = resultOf(readJournal(entry.path));
    const done = steps.filter(({ outcome }) => outcome === 'done' || outcome === 'skipped').length;
    const { saga, outcome, durationMs } = result;
    return { number: entry.number, saga, outcome, durationMs, steps: steps.length, done };
  });
  const rows = sagas.map((one) => [
    String(one.number),
    ...[one.saga, one.outcome, `${one.done}/${one.steps}`, printDuration(one.durationMs)],
  ]);
  const text = textTable(['NUMBER', 'SAGA', 'OUTCOME', 'STEPS', 'LAB TIME'], rows).join('\n');
  session.result({ lab: lab.name, sagas }, `${text}\n`);
  return 0;
}

async function sagaShow(session: Session, number: string | undefined): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const entry = chooseJournal(lab, number);
  const result = resultOf(readJournal(entry.path));
  const rows = result.steps.map(({ title, outcome, attempts, startedAtMs, durationMs }) => [
    startedAtMs === null ? '-' : printDuration(startedAtMs),
    outcome,
    String(attempts),
    durationMs === null ? '-' : printDuration(durationMs),
    title,
  ]);
  const lines = [
    `${result.saga} of lab ${lab.name}: ${result.outcome}`,
    ...(result.error === null ? [] : [`because: ${result.error.message}`, result.error.remedy]),
    ...textTable(['AT', 'OUTCOME', 'ATTEMPTS', 'TOOK', 'STEP'], rows),
  ];
  session.result({ number: entry.number, ...result, lab: lab.name }, `${lines.join('\n')}\n`);
  return 0;
}

/** Of a lab that exists, or of what the configuration and flags describe. */
async function sagaGraph(session: Session, name: string): Promise<number> {
  const configuration = readConfiguration(session);
  const { base, overrides, file } = configuration;
  const described = file !== null || Object.keys(overrides).some((flag) => flag !== 'lab');
  const existing = !described && labNames(base).length > 0 ? mustFindLab(base, overrides['lab']) : null;
  const spec = existing === null ? resolveLab(session, configuration) : existing.record.spec;
  const folder = existing === null ? emptyFolder : labFolder(existing);
  const ports = { folder, bundle: null, recordVersion: () => undefined };
  const saga = recordedSaga(name, spec, inputOf(name, spec), ports);
  const text = mermaid(saga);
  session.result({ saga: name, lab: spec.name, mermaid: text }, text.endsWith('\n') ? text : `${text}\n`);
  return 0;
}

/** What a plan is drawn from: a lab that is not there yet, or one that goes to the next minor. */
function inputOf(name: string, spec: LabSpec): BootstrapInput | UpgradeInput | RestoreInput | RejoinInput {
  const { kubernetes, bundle } = spec;
  if (name === REJOIN)
    return {
      machines: controlPlanes(spec)
        .slice(1)
        .map((one) => one.name),
    };
  if (name === RESTORE) return { snapshot: '0001-by-hand', sha256: '', wasWhole: true, token: 'restored' };
  if (name !== UPGRADE) return { existing: [], initialized: false };
  const from = kubernetes.version;
  const next = parseVersion(from)?.minor ?? 0;
  const resolution = resolveUpgrade(from, printMinor(next + 1));
  const to = resolution.kind === 'upgrade' ? resolution.to : from;
  const nothing = {
    cordoned: [],
    manifests: {},
    bundle: bundle === null ? null : { files: [], present: {} },
  };
  return { from, to, maxUnavailable: 1, drainTimeoutMs: 480_000, snapshot: `before-${to}`, ...nothing };
}

/** A plan is only drawn from it: nothing is kept. */
const emptyFolder: LabFolder = {
  read: () => null,
  readBytes: () => null,
  list: () => [],
  write: () => undefined,
  remove: () => undefined,
};

function journalsOf(lab: Lab): readonly JournalEntry[] {
  return listJournals(journalFolder(lab)).filter(({ path }) => readJournal(path).length > 0);
}

function chooseJournal(lab: Lab, number: string | undefined): JournalEntry {
  const journals = journalsOf(lab);
  const chosen =
    number === undefined ? journals.at(-1) : journals.find((entry) => String(entry.number) === number);
  if (chosen !== undefined) return chosen;
  throw new UserError({
    code: 'no-such-saga',
    message:
      number === undefined
        ? `lab ${lab.name} has no operations yet`
        : `lab ${lab.name} has no operation ${number}`,
    remedy: 'See what there is with: homelab saga list',
  });
}
