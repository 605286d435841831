/** `homelab report`: what is kept of operations and scenarios. Only looks, and shows. */
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { execa } from 'execa';
import { printDuration } from '../../base/duration.js';
import { messageOf, UserError } from '../../base/errors.js';
import { timelineText } from '../../report/timeline-text.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import type { Io } from '../io.js';
import { mustFindLab, type Lab } from '../labs.js';
import { aboutLab, examples } from '../options.js';
import { readReport, reportFiles, reportFolder, type ReportFile } from '../reports.js';
import type { Session } from '../session.js';
import { textTable } from '../table.js';

export function define(command: Command, perform: Perform): void {
  const list = aboutLab(describe(command.command('list'), 'every report of the lab and its verdict'));
  list.action(() => perform(list, reportList));
  examples(list, [['homelab report list', 'newest last']]);
  const show = aboutLab(describe(command.command('show'), 'a report as a timeline in the terminal'));
  show.argument('[number]', 'from `homelab report list`; the newest when left out');
  show.action((number: string | undefined) => perform(show, (session) => reportShow(session, number)));
  examples(show, [['homelab report show 1', 'steps, faults, machines, etcd, API and pods over time']]);
  const open = aboutLab(describe(command.command('open'), 'print where the page is, and open it'));
  open.argument('[number]', 'from `homelab report list`; the newest when left out');
  open.action((number: string | undefined) => perform(open, (session) => reportOpen(session, number)));
  examples(open, [['homelab report open', 'the page of the newest run, in the browser where there is one']]);
  examples(command, [['homelab report show', 'the newest run']]);
}

function describe(command: Command, summary: string): Command {
  return command.summary(summary).description(summary);
}

async function reportList(session: Session): Promise<number> {
  const lab = theLab(session);
  const reasons: string[] = [];
  const reports = reportFiles(lab).flatMap((file) => {
    try {
      return listed(session, lab, file);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      reasons.push(error.message);
      return [];
    }
  });
  const rows = reports.map(({ number, kind, subject, verdict, startedMs, endedMs, outages }) => [
    ...[String(number), kind, subject, verdict, printDuration(startedMs), printDuration(endedMs - startedMs)],
    String(outages),
  ]);
  const heads = ['NUMBER', 'KIND', 'OF', 'VERDICT', 'AT', 'TOOK', 'API OUTAGES'];
  const text = [...textTable(heads, rows), ...reasons].join('\n');
  session.result({ lab: lab.name, reports, reasons }, `${text}\n`);
  return 0;
}

function listed({ io }: Session, lab: Lab, file: ReportFile): readonly Listed[] {
  const report = readReport(file);
  // Documents of other kinds have commands of their own.
  if (report === null) return [];
  const { subject, verdict, startedMs, endedMs, outages } = report;
  return [
    {
      ...{ number: file.number, id: file.id, kind: subject.kind, subject: subject.name },
      ...{ verdict: verdict.word, ok: verdict.ok, startedMs, endedMs, outages: outages.length },
      page: relative(io.cwd, join(reportFolder(lab), `${file.id}.html`)),
    },
  ];
}

interface Listed {
  readonly number: number;
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly verdict: string;
  readonly ok: boolean;
  readonly startedMs: number;
  readonly endedMs: number;
  /** How often the API was away at one of the places where it is asked. */
  readonly outages: number;
  readonly page: string;
}

async function reportShow(session: Session, number: string | undefined): Promise<number> {
  const { report } = chooseReport(theLab(session), number);
  const { io, outColors } = session;
  const text = timelineText(report, { columns: io.stdout.columns, paintBad: outColors.red });
  session.result(report, text);
  return 0;
}

async function reportOpen(session: Session, number: string | undefined): Promise<number> {
  const lab = theLab(session);
  const { file } = chooseReport(lab, number);
  const page = join(reportFolder(lab), `${file.id}.html`);
  const { opened, reason } = await openPage(session.io, page);
  if (reason !== null) session.note(reason);
  const shown = relative(session.io.cwd, page);
  session.result({ lab: lab.name, id: file.id, page: shown, opened, reason }, `${shown}\n`);
  return 0;
}

interface OpenEnd {
  readonly opened: boolean;
  /** Why it was not opened; null when it was. */
  readonly reason: string | null;
}

/** With the desktop's own program; where there is no desktop the path is all that can be given. */
async function openPage({ env, platform }: Io, page: string): Promise<OpenEnd> {
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  const hasDisplay = platform === 'darwin' || isSet('DISPLAY') || isSet('WAYLAND_DISPLAY');
  if (!hasDisplay) return { opened: false, reason: 'there is no display here; open the page yourself' };
  const program = platform === 'darwin' ? 'open' : 'xdg-open';
  try {
    await execa(program, [page], { env, extendEnv: false, stdio: 'ignore', timeout: 10_000 });
    return { opened: true, reason: null };
  } catch (error) {
    return { opened: false, reason: `${program} did not open it: ${messageOf(error).split('\n')[0] ?? ''}` };
  }
}

function theLab(session: Session): Lab {
  return mustFindLab(baseFolder(session), session.options.lab);
}

function chooseReport(lab: Lab, number: string | undefined): ChosenReport {
  const wanted = reportFiles(lab).filter((file) => number === undefined || String(file.number) === number);
  for (const file of wanted.toReversed()) {
    const report = readReport(file);
    if (report !== null) return { file, report };
  }
  throw new UserError({
    code: 'no-such-report',
    message:
      number === undefined
        ? `lab ${lab.name} has no reports yet`
        : `lab ${lab.name} has no report ${number} of an operation or a scenario`,
    remedy: 'See what there is with: homelab report list',
  });
}

interface ChosenReport {
  readonly file: ReportFile;
  readonly report: NonNullable<ReturnType<typeof readReport>>;
}
