/** `homelab up`: a lab from nothing, or what is missing of one that is there. */
import { dirname, relative } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { UserError } from '../../base/errors.js';
import { listJournals, readJournal, type JournalEntry } from '../../engine/journal-file.js';
import { checkUntil } from '../../engine/open.js';
import { plannedOf } from '../../engine/records.js';
import { resultOf } from '../../engine/result.js';
import type { SagaOutcome } from '../../engine/saga.js';
import { controlPlanes, workers, type LabSpec } from '../../model/lab.js';
import type { Provider } from '../../provider/provider.js';
import { BOOTSTRAP, bootstrapSaga, type BootstrapInput } from '../../sagas/bootstrap.js';
import type { Perform } from '../app.js';
import {
  ConfigurationError,
  configured,
  readConfiguration,
  resolveLab,
  type Configuration,
} from '../configuration.js';
import { parseFaults } from '../faults.js';
import {
  createLab,
  findLab,
  forgetLab,
  journalFolder,
  labNames,
  mustFindLab,
  specDigest,
  type Lab,
} from '../labs.js';
import {
  alreadyOpen,
  exitCodeOf,
  operate,
  runOperation,
  wasBootstrapped,
  type Operating,
  type SagaDocument,
} from '../operation.js';
import { examples } from '../options.js';
import { asSim } from '../providers.js';
import { sagaText } from '../saga-text.js';
import type { Session } from '../session.js';

const DEFAULT_SEED = 1;

export function define(command: Command, perform: Perform): void {
  configured(command)
    .option('--seed <number>', 'fixes everything random in a simulated lab (default: 1)', wholeNumber)
    .option('--until <stage>', 'stop after this stage, such as machines; the next `homelab up` goes on')
    .option('--fault <time=action:machine>', 'plan a fault at a lab time (simulator; repeatable)', collect)
    .action(() => perform(command, up));
  examples(command, [
    ['homelab up --topology k8s-ha', 'three control planes and three workers, simulated'],
    ['homelab up --topology k8s-ha --vip-provider haproxy', 'the same behind a load balancer'],
    ['homelab up --until machines', 'only the machines'],
    ['homelab up --fault 4m=cut:stage-cp-3', 'with a power cut four minutes in'],
  ]);
}

async function up(session: Session): Promise<number> {
  const configuration = readConfiguration(session);
  const { lab, isNew } = chooseLab(session, configuration);
  try {
    return await operate(session, configuration.base, lab, (operating) => bootstrap(session, lab, operating));
  } catch (error) {
    // What was refused before anything began leaves nothing behind.
    if (isNew && listJournals(journalFolder(lab)).length === 0) forgetLab(configuration.base, lab);
    throw error;
  }
}

/** Everything that may refuse comes before anything is begun, and before a fault is planned. */
async function bootstrap(session: Session, lab: Lab, operating: Operating): Promise<number> {
  const { open, ports, provider } = operating;
  const { spec } = lab.record;
  if (open !== null && !goesOn(open)) throw alreadyOpen(lab, open);
  const problems = await provider.preflight(spec.machines);
  if (problems.some((problem) => problem.severity === 'error')) throw new ConfigurationError(problems);
  const input: BootstrapInput =
    open === null
      ? { existing: (await provider.machines()).map(({ name }) => name), initialized: wasBootstrapped(lab) }
      : (plannedOf(readJournal(open.path)).input as BootstrapInput);
  const saga = bootstrapSaga(spec, input, ports);
  const until = session.options['until'] as string | undefined;
  if (until !== undefined) checkUntil(saga, until);
  await planFaults(session, spec, provider);
  const document = await runOperation(session, lab, operating, {
    ...{ saga, journal: open, mode: 'run' },
    ...(until === undefined ? {} : { until }),
  });
  session.result(document, bootstrapText(session, lab, document));
  return exitCodeOf(document.outcome, 'run');
}

/** A bootstrap that stopped where `--until` said goes on with the next `up`; every other open saga waits for a word. */
function goesOn(open: JournalEntry): boolean {
  return open.saga === BOOTSTRAP && resultOf(readJournal(open.path)).outcome === 'partial';
}

async function planFaults(session: Session, spec: LabSpec, provider: Provider): Promise<void> {
  const texts = (session.options['fault'] ?? []) as readonly string[];
  if (texts.length === 0) return;
  const sim = asSim(provider);
  for (const fault of parseFaults(texts, spec, provider.clock.nowMs())) await sim.planFault(fault);
}

/** Of `up`, and of a resume that ends what an `up` began. */
export function bootstrapText(session: Session, lab: Lab, document: SagaDocument): string {
  const text = sagaText(session, document);
  return document.outcome === ('completed' satisfies SagaOutcome)
    ? `${text}\n${nextSteps(lab.record.spec)}`
    : text;
}

function nextSteps(spec: LabSpec): string {
  const counts = `${controlPlanes(spec).length} control plane(s) and ${workers(spec).length} worker(s)`;
  const vip = spec.vip === null ? '' : ` (${spec.vip.provider})`;
  const api = `https://${spec.endpoint.host}:${spec.endpoint.port}${vip}`;
  return [
    `Kubernetes ${spec.kubernetes.version}, ${counts}, API at ${api}`,
    '',
    'Next:',
    '  homelab status                          look at it',
    '  homelab kubectl get nodes -o wide       use it',
    `  homelab machine cut ${(controlPlanes(spec)[0]?.name ?? '').padEnd(20)}break it`,
    '  homelab destroy                         remove it',
    '',
  ].join('\n');
}

/** The lab that exists, unchanged; or a new one from the configuration. */
function chooseLab(
  session: Session,
  configuration: Configuration,
): { readonly lab: Lab; readonly isNew: boolean } {
  const { base, file, overrides } = configuration;
  const names = labNames(base);
  const described = file !== null || Object.keys(overrides).some((name) => name !== 'lab');
  if (
    !described &&
    names.length > 0 &&
    (overrides['lab'] === undefined || names.includes(overrides['lab']))
  ) {
    return { lab: checkSeed(session, mustFindLab(base, overrides['lab'])), isNew: false };
  }
  const name = overrides['lab'];
  const copy = name === undefined ? null : findLab(base, name);
  // A copy made by `sim fork` keeps the name that its machines have from the lab it was made of.
  const spec =
    copy === null
      ? resolveLab(session, configuration)
      : resolveLab(session, readConfiguration(session, { ...overrides, lab: copy.record.spec.name }));
  const existing = copy ?? findLab(base, spec.name);
  if (existing !== null) {
    if (specDigest(existing.record.spec) !== specDigest(spec)) throw changedSpec(spec.name);
    return { lab: checkSeed(session, existing), isNew: false };
  }
  const seed = (session.options.seed as number | string | undefined) ?? DEFAULT_SEED;
  const config = file === null ? null : relative(dirname(file), file);
  const record = { version: 1, seed: Number(seed), config, flags: overrides, spec } as const;
  return { lab: createLab(base, record), isNew: true };
}

function checkSeed(session: Session, lab: Lab): Lab {
  const wanted = session.options.seed;
  if (wanted === undefined || Number(wanted) === lab.record.seed) return lab;
  throw new UserError({
    code: 'other-seed',
    message: `lab ${lab.name} was made with seed ${lab.record.seed}, not ${wanted}`,
    remedy: `Leave --seed out, or make another lab: --lab NAME --seed ${wanted}`,
  });
}

function changedSpec(name: string): UserError {
  return new UserError({
    code: 'lab-changed',
    message: `lab ${name} exists and was made from another configuration`,
    remedy:
      'Put the configuration back, start over with `homelab destroy` and `homelab up`, or name another lab with --lab.',
  });
}

function wholeNumber(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number is expected.');
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
