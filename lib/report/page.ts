/**
 * A report as one HTML page that needs nothing beside itself: everything that can be said in words is in its markup,
 * the timeline is drawn by the script that is put into it. The page may not load anything, nor run any other script.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { toBase64Bytes } from '../base/base64.js';
import { printDuration, printMoment, printSpan } from '../base/duration.js';
import { element, raw, table, type Markup } from './markup.js';
import { PAGE_SCRIPT, PAGE_STYLE } from './page-parts.js';
import { runsSection } from './page-runs.js';
import type { RunReport } from './run-report.js';

export function reportPage(report: RunReport): string {
  const sections = [
    assertions(report),
    availability(report),
    faults(report),
    steps(report),
    measures(report),
    reasons(report),
    again(report),
  ];
  const head = element('head', {}, [
    raw('<meta charset="utf-8">'),
    raw('<meta name="viewport" content="width=device-width, initial-scale=1">'),
    raw(`<meta http-equiv="Content-Security-Policy" content="${policy()}">`),
    element('title', {}, [titleOf(report)]),
    raw(`<style>${PAGE_STYLE}</style>`),
  ]);
  const body = element('body', {}, [
    header(report),
    element('main', {}, [
      ...(report.runs === undefined ? [] : [runsSection(report.runs)]),
      timeline(),
      ...sections,
    ]),
    raw(`<script type="application/json" id="report">${embedded(report)}</script>`),
    raw(`<script>${PAGE_SCRIPT}</script>`),
  ]);
  return `<!doctype html>\n${element('html', { lang: 'en' }, [head, body]).html}\n`;
}

/** Only this style and this script, by their digests: a text that broke out of its place could still not run. */
function policy(): string {
  const [style, script] = [PAGE_STYLE, PAGE_SCRIPT].map((text) => {
    return `'sha256-${toBase64Bytes(sha256(new TextEncoder().encode(text)))}'`;
  });
  const own = `style-src ${style ?? ''}; script-src ${script ?? ''}`;
  return `default-src 'none'; ${own}; base-uri 'none'; form-action 'none'`;
}

/** JSON that cannot end the element it is in, whatever texts it holds. */
function embedded(report: RunReport): string {
  return JSON.stringify(report).replaceAll('<', '\\u003c');
}

function titleOf({ verdict, subject, lab }: RunReport): string {
  return `${verdict.word}: ${subject.name} of lab ${lab}`;
}

function header(report: RunReport): Markup {
  const { verdict, subject, lab, provider, seed, versions } = report;
  const where = provider === 'sim' ? 'simulated: Kubernetes is modelled, not executed' : `on ${provider}`;
  const facts: readonly (readonly [string, string])[] = [
    ['Lab', `${lab}, ${where}`],
    ['Kubernetes', versions.kubernetes],
    ['homelab', versions.homelab],
    ...(seed === null ? [] : [['Seed', String(seed)] as const]),
    ['Lab time', `${printMoment(report.startedMs)} to ${printMoment(report.endedMs)}`],
    ['Took', `${printDuration(report.endedMs - report.startedMs)}${wallOf(report)}`],
  ];
  return element('header', {}, [
    element('div', { class: 'top' }, [
      element('span', {}, [`homelab report of a ${subject.kind}`]),
      element('button', { id: 'theme', type: 'button' }, ['Light or dark']),
    ]),
    element('h1', {}, [
      element('span', { class: verdict.ok ? 'good-word' : 'bad-word' }, [verdict.word]),
      `: ${subject.name} of lab ${lab}`,
    ]),
    lines([...verdict.lines, ...(subject.description === '' ? [] : [`What it is: ${subject.description}`])]),
    element(
      'dl',
      { class: 'facts' },
      facts.map(([name, value]) =>
        element('div', {}, [element('dt', {}, [name]), element('dd', {}, [value])]),
      ),
    ),
  ]);
}

function wallOf({ wallMs }: RunReport): string {
  return wallMs === undefined ? '' : `, ${printDuration(wallMs)} of wall time`;
}

function lines(texts: readonly string[]): Markup {
  return element(
    'ul',
    { class: 'lines' },
    texts.map((text) => element('li', {}, [text])),
  );
}

const HINT =
  'Point at a segment, or go through them with the arrow keys. + and − zoom, Enter shows a segment, ' +
  '0 shows everything, a and d move; dragging marks the part to show.';

function timeline(): Markup {
  const button = (id: string, text: string, label: string): Markup =>
    element('button', { id, type: 'button', 'aria-label': label }, [text]);
  return element('section', {}, [
    element('h2', {}, ['Timeline']),
    element('div', { class: 'tools' }, [
      button('zoom-in', '+', 'zoom in'),
      button('zoom-out', '−', 'zoom out'),
      button('pan-left', '←', 'earlier'),
      button('pan-right', '→', 'later'),
      button('zoom-whole', 'All', 'show everything'),
    ]),
    element('div', { id: 'chart', tabindex: '0', role: 'application', 'aria-label': 'timeline' }, []),
    element('p', { id: 'detail', 'aria-live': 'polite' }, [HINT]),
    element(
      'ul',
      { class: 'legend' },
      LEGEND.map(([kind, text]) => {
        return element('li', {}, [element('i', { class: kind }, []), text]);
      }),
    ),
    raw('<noscript><p>The timeline needs scripts; the tables below say the same in words.</p></noscript>'),
  ]);
}

const LEGEND = [
  ['good', 'as it should be'],
  ['leader', 'leads etcd'],
  ['warn', 'not quite there'],
  ['bad', 'failed or away'],
  ['off', 'switched off'],
  ['done', 'step'],
  ['undo', 'step undone'],
  ['unknown', 'not known, or not yet'],
] as const;

function assertions({ assertions: all }: RunReport): Markup {
  if (all.length === 0) return raw('');
  const rows = all.map(({ phase, name, expected, observed, ok, atMs, machine }) => [
    element('span', { class: ok ? 'good-word' : 'bad-word' }, [ok ? 'held' : 'not held']),
    phase,
    name,
    expected,
    observed,
    atMs === null ? '–' : printMoment(atMs),
    machine ?? '–',
  ]);
  const heads = ['Verdict', 'Phase', 'What', 'Expected', 'Observed', 'At', 'Machine'];
  return section('Expected and observed', [table(heads, rows)]);
}

function availability({ lanes, outages, vipMoves, lowestMargin, endedMs }: RunReport): Markup {
  if (lanes.length === 0) return raw('');
  const away = outages.map(({ title, fromMs, toMs, why }) => [
    title,
    printMoment(fromMs),
    toMs === null ? 'not again' : printMoment(toMs),
    printSpan((toMs ?? endedMs) - fromMs),
    why ?? 'nothing that was under way explains it',
  ]);
  const moves = vipMoves.map(({ from, to, leftMs, atMs, why }) => [
    ...[from, to, printMoment(leftMs), printSpan(Math.max(0, atMs - leftMs))],
    why ?? 'nothing that was under way explains it',
  ]);
  const margin =
    lowestMargin === null
      ? 'etcd was not seen.'
      : `At the least, etcd could spare ${lowestMargin.spare} of its voters, ` +
        `from ${printMoment(lowestMargin.fromMs)} on.`;
  return section('API, floating address and quorum', [
    away.length === 0
      ? element('p', {}, ['The API answered wherever it had answered before.'])
      : table(['API at', 'Away from', 'Back at', 'For', 'Under way'], away),
    moves.length === 0
      ? element('p', {}, ['The floating address stayed where it was.'])
      : table(['Address left', 'Went to', 'At', 'Nobody had it for', 'Under way'], moves),
    element('p', {}, [margin]),
  ]);
}

function faults({ faults: all }: RunReport): Markup {
  if (all.length === 0) return raw('');
  const rows = all.map(({ title, machines, fromMs, toMs }) => [
    ...[title, machines.join(', '), printMoment(fromMs)],
    toMs === null ? 'not lifted' : printMoment(toMs),
  ]);
  return section('Faults', [table(['Fault', 'Machines', 'From', 'Until'], rows)]);
}

function steps({ steps: all }: RunReport): Markup {
  if (all.length === 0) return raw('');
  const rows = all.map(({ title, stage, outcome, spans }) => {
    const first = spans[0];
    const toMs = spans.at(-1)?.toMs ?? null;
    return [
      element('span', { class: outcome.includes('failed') ? 'bad-word' : '' }, [outcome]),
      ...[stage, title, first === undefined ? '–' : printMoment(first.fromMs)],
      first === undefined || toMs === null ? '–' : printDuration(toMs - first.fromMs),
      String(spans.filter(({ kind }) => kind === 'attempt').length),
    ];
  });
  return section('Steps', [table(['Outcome', 'Stage', 'Step', 'From', 'Took', 'Attempts'], rows)]);
}

function measures({ measures: all }: RunReport): Markup {
  if (all.length === 0) return raw('');
  return section('Durations', [
    table(
      ['What', 'Took'],
      all.map(({ name, ms }) => [name, printDuration(ms)]),
    ),
  ]);
}

function reasons({ reasons: all }: RunReport): Markup {
  return all.length === 0 ? raw('') : section('What this report cannot say', [lines(all)]);
}

function again({ command, provider, seed }: RunReport): Markup {
  const exactly =
    provider === 'sim'
      ? `With seed ${seed ?? ''} and the same version of homelab it goes the same way, to the millisecond.`
      : 'Real machines never do it quite the same way twice.';
  return section('Run it again', [
    element('pre', {}, [element('code', {}, [command])]),
    element('p', {}, [exactly]),
  ]);
}

function section(title: string, content: readonly Markup[]): Markup {
  return element('section', {}, [element('h2', {}, [title]), ...content]);
}
