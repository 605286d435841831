/** A report as JUnit XML, which continuous integration reads: a test case for each step and each assertion. */
import type { ReportAssertion, ReportRuns, ReportStep, RunReport } from './run-report.js';

export function junitXml(report: RunReport): string {
  const cases = [
    ...report.steps.map((step) => stepCase(report, step)),
    ...report.assertions.map((assertion) => assertionCase(report, assertion)),
    verdictCase(report),
  ];
  const failures = cases.filter(({ failed }) => failed).length;
  const skipped = cases.filter((one) => one.skipped).length;
  const seconds = inSeconds(report.endedMs - report.startedMs);
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}" time="${seconds}"`;
  const { subject, lab, provider, seed, versions, command, runs } = report;
  const properties = [
    ...Object.entries({ lab, provider, seed: String(seed ?? ''), command }),
    ...Object.entries(versions).map(([name, version]) => [`version.${name}`, version] as const),
    ...(runs === undefined ? [] : runsProperties(runs)),
  ].map(([name, value]) => `      <property name="${escaped(name)}" value="${escaped(value)}"/>`);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="homelab" ${counts}>`,
    `  <testsuite name="${escaped(subject.name)}" ${counts}>`,
    '    <properties>',
    ...properties,
    '    </properties>',
    ...cases.map(({ xml }) => xml),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

/** Such as `runs.held` and `p95.recovery`, in seconds. */
function runsProperties(runs: ReportRuns): readonly (readonly [string, string])[] {
  const { count, firstSeed, worstSeed, verdicts, distributions } = runs;
  const spreads = distributions.flatMap(({ name, minMs, p50Ms, p95Ms, maxMs }) =>
    Object.entries({ min: minMs, p50: p50Ms, p95: p95Ms, max: maxMs }).map(
      ([part, ms]) => [`${part}.${name}`, inSeconds(ms)] as const,
    ),
  );
  const whole = { runs: count, 'seed.first': firstSeed, 'seed.worst': worstSeed };
  return [
    ...Object.entries(whole).map(([name, value]) => [name, String(value)] as const),
    ...Object.entries(verdicts).map(([word, number]) => [`runs.${word}`, String(number)] as const),
    ...spreads,
  ];
}

interface Case {
  readonly xml: string;
  readonly failed: boolean;
  readonly skipped: boolean;
}

function stepCase(report: RunReport, { title, stage, outcome, spans }: ReportStep): Case {
  const [first] = spans;
  const last = spans.at(-1);
  const endMs = last === undefined ? report.startedMs : (last.toMs ?? report.endedMs);
  const time = inSeconds(first === undefined ? 0 : endMs - first.fromMs);
  const opening = `name="${escaped(title)}" classname="${escaped(`${report.subject.name}.${stage}`)}" time="${time}"`;
  if (outcome === 'failed' || outcome === 'undo-failed')
    return failedCase(opening, outcome === 'failed' ? 'it failed' : 'it could not be undone');
  if (outcome === 'done') return { xml: `    <testcase ${opening}/>`, failed: false, skipped: false };
  const xml = `    <testcase ${opening}>\n      <skipped message="${escaped(SKIPPED[outcome])}"/>\n    </testcase>`;
  return { xml, failed: false, skipped: true };
}

const SKIPPED = { skipped: 'it was done already', pending: 'it was not begun', undone: 'it was undone' };

function assertionCase(report: RunReport, assertion: ReportAssertion): Case {
  const { phase, name, expected, observed, ok, atMs, machine } = assertion;
  const opening = `name="${escaped(name)}" classname="${escaped(`${report.subject.name}.${phase}`)}"`;
  if (ok) return { xml: `    <testcase ${opening}/>`, failed: false, skipped: false };
  const when = atMs === null ? '' : ` at ${inSeconds(atMs)} s`;
  const where = machine === null ? '' : ` on ${machine}`;
  return failedCase(opening, `expected ${expected}, observed ${observed}${when}${where}`);
}

/** What failed without a step or an assertion that says so must not look like a success. */
function verdictCase({ subject, verdict }: RunReport): Case {
  const opening = `name="verdict" classname="${escaped(subject.name)}"`;
  if (verdict.ok) return { xml: `    <testcase ${opening}/>`, failed: false, skipped: false };
  return failedCase(opening, [verdict.word, ...verdict.lines].join('\n'));
}

function failedCase(opening: string, message: string): Case {
  const text = escaped(message);
  const xml = `    <testcase ${opening}>\n      <failure message="${text}">${text}</failure>\n    </testcase>`;
  return { xml, failed: true, skipped: false };
}

function inSeconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

/** Also for attributes, where a bare line break would be read as a space. What XML cannot hold becomes U+FFFD. */
function escaped(text: string): string {
  return Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (!isXml(code)) return '\ufffd';
    return SPECIAL.includes(character) ? `&#${code};` : character;
  }).join('');
}

const SPECIAL = '&<>"\'\t\n\r';

/** The characters of XML 1.0; half a surrogate pair is none. */
function isXml(code: number): boolean {
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || code >= 0x10000;
}
