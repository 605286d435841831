/** `homelab up`: a lab from nothing, or what is missing of one that is there. */
import { dirname, relative } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { UserError, type Problem } from '../../base/errors.js';
import { listJournals, readJournal } from '../../engine/journal-file.js';
import { checkUntil } from '../../engine/open.js';
import { plannedOf } from '../../engine/records.js';
import type { SagaOutcome } from '../../engine/saga.js';
import { controlPlanes, workers, type LabSpec } from '../../model/lab.js';
import { resolveUpgrade } from '../../model/upgrade.js';
import { bootstrapSaga, type BootstrapInput } from '../../sagas/bootstrap.js';
import { UPGRADE } from '../../sagas/upgrade.js';
import type { Perform } from '../app.js';
import { verifiedLabBundle } from '../bundle/open.js';
import { configured, readConfiguration, resolveLab, type Configuration } from '../configuration.js';
import { collectFaults, planFaults } from '../faults.js';
import { hinted } from '../hints.js';
import {
  atVersion,
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
  hasStoppedAsAsked,
  operate,
  runOperation,
  wasBootstrapped,
  type Operating,
  type SagaDocument,
} from '../operation.js';
import { examples } from '../options.js';
import { sagaText } from '../saga-text.js';
import type { Session } from '../session.js';

const DEFAULT_SEED = 1;

/** Carries all that stands in the way of the machines on this computer. */
class HostError extends UserError {
  readonly problems: readonly Problem[];

  constructor(lab: Lab, problems: readonly Problem[]) {
    super({
      code: 'host-not-ready',
      message: `this computer is not ready for lab ${lab.name}; nothing was changed`,
      remedy: 'Mend what is named above; `homelab doctor` with the same options looks again, at all of it.',
    });
    this.problems = problems;
  }
}

export function define(command: Command, perform: Perform): void {
  configured(command)
    .option('--seed <number>', 'fixes everything random in a simulated lab (default: 1)', wholeNumber)
    .option('--until <stage>', 'stop after this stage, such as machines; the next `homelab up` goes on')
    .option(
      '--fault <time=action:machine>',
      'plan a fault at a lab time (simulator; repeatable)',
      collectFaults,
    )
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
    checkSimulatorOptions(session, lab);
    await verifiedLabBundle(session, configuration.base, lab.record.spec);
    return await operate(session, configuration.base, lab, (operating) => bootstrap(session, lab, operating));
  } catch (error) {
    // What was refused before anything began leaves nothing behind.
    if (isNew && listJournals(journalFolder(lab)).length === 0) forgetLab(configuration.base, lab);
    throw error;
  }
}

/** Real machines have neither chance that a seed could fix, nor a clock on which a fault could be planned. */
function checkSimulatorOptions({ options }: Session, lab: Lab): void {
  if (lab.record.spec.provider === 'sim') return;
  const typed = ['seed', 'fault'].find((name) => options[name] !== undefined);
  if (typed === undefined) return;
  throw new UserError({
    code: 'simulator-only',
    message: `--${typed} is for simulated labs, and lab ${lab.name} has real machines`,
    remedy: `Leave --${typed} out, or rehearse on the simulator: --provider sim --lab NAME`,
  });
}

/** Everything that may refuse comes before anything is begun, and before a fault is planned. */
async function bootstrap(session: Session, lab: Lab, operating: Operating): Promise<number> {
  const { open, ports, provider } = operating;
  const { spec } = lab.record;
  if (open !== null && !hasStoppedAsAsked(open)) throw alreadyOpen(lab, open);
  const problems = await provider.preflight(spec.machines);
  if (problems.some((problem) => problem.severity === 'error')) throw new HostError(lab, problems);
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

/** Of `up`, and of a resume that ends what an `up` began. */
export function bootstrapText(session: Session, lab: Lab, document: SagaDocument): string {
  const text = sagaText(session, document);
  return document.outcome === ('completed' satisfies SagaOutcome)
    ? `${text}\n${nextSteps(session, lab.record.spec)}`
    : text;
}

function nextSteps(session: Session, spec: LabSpec): string {
  const counts = `${controlPlanes(spec).length} control plane(s) and ${workers(spec).length} worker(s)`;
  const vip = spec.vip === null ? '' : ` (${spec.vip.provider})`;
  const api = `https://${spec.endpoint.host}:${spec.endpoint.port}${vip}`;
  const next = [
    ['homelab status', 'look at it'],
    ['homelab kubectl get nodes -o wide', 'use it'],
    [`homelab machine cut ${controlPlanes(spec)[0]?.name ?? ''}`, 'break it'],
    ['homelab destroy', 'remove it'],
  ].map(([typed = '', meaning = '']) => [hinted(session, typed), meaning] as const);
  const width = Math.max(...next.map(([typed]) => typed.length));
  return [
    `Kubernetes ${spec.kubernetes.version}, ${counts}, API at ${api}`,
    '',
    'Next:',
    ...next.map(([typed, meaning]) => `  ${typed.padEnd(width)}  ${meaning}`),
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
    checkSame(existing, spec);
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

/** An upgrade moves the lab on while the configuration still names the version that it began with. */
function checkSame(lab: Lab, wanted: LabSpec): void {
  const { spec } = lab.record;
  if (specDigest(spec) === specDigest(wanted)) return;
  const { version } = spec.kubernetes;
  if (specDigest(atVersion(wanted, version)) !== specDigest(spec)) throw changedSpec(spec.name);
  const resolution = resolveUpgrade(version, wanted.kubernetes.version);
  const isNewer = resolution.kind === 'upgrade';
  const wasUpgraded = listJournals(journalFolder(lab)).some(({ saga }) => saga === UPGRADE);
  if (!isNewer && !wasUpgraded) throw changedSpec(spec.name);
  throw new UserError({
    code: isNewer ? 'lab-changed' : 'lab-upgraded',
    message: `lab ${lab.name} is of ${version}, and the configuration says ${wanted.kubernetes.version}`,
    remedy: isNewer
      ? `Upgrade it with \`homelab k8s upgrade --to ${wanted.kubernetes.version}\`, or put the configuration back.`
      : `Write ${version} into it (k8s.version, or --kubernetes-version), and go on as before.`,
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
