/** `homelab chaos`: scripted experiments on a lab: what there is, what is wrong with one, and running it. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { CancelledError, UserError } from '../../base/errors.js';
import type { Control } from '../../chaos/plan.js';
import { CHAOS } from '../../chaos/saga.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { continueChaos } from '../chaos/continue.js';
import { experiments } from '../chaos/copies.js';
import { chaosText, entryOf, runsText, scenarioDocument } from '../chaos/documents.js';
import { exitCodeOfVerdict, experiment, type ChaosRequest } from '../chaos/run.js';
import { builtinScenarioNames, mustReadScenario, scenarioText } from '../chaos/scenarios.js';
import { mustFindLab } from '../labs.js';
import { alreadyOpen, hasStoppedAsAsked, operate } from '../operation.js';
import { aboutLab, examples, speaking } from '../options.js';
import type { Session } from '../session.js';
import { textTable } from '../table.js';

export function define(command: Command, perform: Perform): void {
  const list = speaking(describe(command.command('list'), 'every scenario that homelab brings'));
  list.action(() => perform(list, chaosList));
  examples(list, [['homelab chaos list', 'name, what it needs, and what it shows']]);
  const show = speaking(describe(command.command('show'), 'one scenario as it is written'));
  show.argument('<scenario>', 'a name from `homelab chaos list`, or a file');
  show.action((reference: string) => perform(show, (session) => chaosShow(session, reference)));
  examples(show, [['homelab chaos show worker-loss > mine.yaml', 'a scenario of your own to begin with']]);
  const validate = speaking(describe(command.command('validate'), 'check a scenario without a lab'));
  validate.argument('<scenario>', 'a name, or a file');
  validate.action((reference: string) => perform(validate, (session) => chaosValidate(session, reference)));
  examples(validate, [['homelab chaos validate ./mine.yaml', 'every problem with its line']]);
  defineRun(aboutLab(describe(command.command('run'), 'run an experiment on a lab')), perform);
  examples(command, [['homelab chaos run halt-two-control-planes', 'lose the quorum, and get it back']]);
}

function defineRun(run: Command, perform: Perform): void {
  run
    .argument('<scenario>', 'a name, or a file')
    .option('--set <name=value>', 'change a setting of the scenario (repeatable)', collectSetting, {})
    .option('--seed <number>', 'chooses machines; with --runs, the first of the seeds', wholeNumber)
    .option('--runs <count>', 'so many times, on copies of a simulated lab that are thrown away', wholeNumber)
    .addOption(
      new Option('--control <kind>', 'show that it can fail: nothing injected, or nothing lifted').choices([
        'emptied',
        'unlifted',
      ]),
    )
    .action((reference: string) => perform(run, (session) => chaosRun(session, reference)));
  examples(run, [
    ['homelab chaos run halt-two-control-planes --set duration=5m', 'longer than the scenario says'],
    ['homelab chaos run kube-vip-failover-cut --runs 200', 'how fast the address moves, over 200 seeds'],
    ['homelab chaos run worker-loss --runs 1 --control emptied', 'without its fault: it must deviate'],
  ]);
}

function describe(command: Command, summary: string): Command {
  return command.summary(summary).description(summary);
}

async function chaosList(session: Session): Promise<number> {
  const scenarios = builtinScenarioNames().map((name) =>
    entryOf(mustReadScenario(scenarioText(session, name))),
  );
  const rows = scenarios.map(({ name, topology, providers, description }) => [
    ...[name, topology.vip ?? topology.kind ?? 'any', providers.join(', '), firstSentence(description)],
  ]);
  const text = textTable(['NAME', 'NEEDS', 'PROVIDERS', 'WHAT'], rows).join('\n');
  session.result({ scenarios }, `${text}\n`);
  return 0;
}

function firstSentence(text: string): string {
  return /^.*?\.(?=\s|$)/s.exec(text)?.[0] ?? text;
}

async function chaosShow(session: Session, reference: string): Promise<number> {
  const source = scenarioText(session, reference);
  session.result(scenarioDocument(mustReadScenario(source), source.text), source.text);
  return 0;
}

async function chaosValidate(session: Session, reference: string): Promise<number> {
  const source = scenarioText(session, reference);
  const { name } = mustReadScenario(source);
  session.result(
    { scenario: name, file: source.file, problems: [] },
    `${source.file}: scenario ${name} is sound\n`,
  );
  return 0;
}

async function chaosRun(session: Session, reference: string): Promise<number> {
  const { options } = session;
  const base = baseFolder(session);
  const lab = mustFindLab(base, options.lab);
  const settings = options['set'] as Readonly<Record<string, string>>;
  const source = { ...scenarioText(session, reference), settings };
  const seed = options.seed === undefined ? null : Number(options.seed);
  const control = (options['control'] as Control | undefined) ?? 'whole';
  mustReadScenario(source);
  const request: ChaosRequest = { source, control, seed: seed ?? lab.record.seed };
  const runs = options['runs'] as number | undefined;
  try {
    if (runs !== undefined) {
      const document = await experiments(session, lab, { ...request, seed: seed ?? 1 }, runs, reference);
      session.result(document, runsText(document));
      const { stuck, deviated, aborted } = document.verdicts;
      return stuck > 0 ? 3 : deviated > 0 ? 4 : aborted > 0 ? exitCodeOfVerdict('aborted') : 0;
    }
    return await operate(session, base, lab, async (operating) => {
      const { open } = operating;
      // A lab that was stopped before Kubernetes has machines, networks and disks to try.
      if (open !== null && open.saga !== CHAOS && !hasStoppedAsAsked(open)) throw alreadyOpen(lab, open);
      if (open?.saga === CHAOS) {
        session.note('an earlier experiment was cut short: its faults are lifted first');
        const { document } = await continueChaos(session, lab, operating, open, 'abort');
        if (document.verdict === 'stuck') throw earlierStuck(lab.name);
      }
      const { document, code } = await experiment(session, lab, operating, request);
      session.result(document, chaosText(document));
      return code;
    });
  } catch (error) {
    if (error instanceof CancelledError) return 130;
    throw error;
  }
}

function earlierStuck(lab: string): UserError {
  return new UserError({
    code: 'experiment-stuck',
    message: `an earlier experiment on lab ${lab} was cut short, and its faults could not be lifted`,
    remedy: 'Look at the lab with `homelab status`, then try `homelab abort`.',
    exitCode: 3,
  });
}

function collectSetting(
  text: string,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [, name, value] = /^([a-z][a-z_]*)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('NAME=VALUE is expected.');
  return { ...before, [name]: value };
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number from 1 is expected.');
}
