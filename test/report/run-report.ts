// A report as JUnit XML, as a page and as a timeline, with texts that try to be more than text.
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { sha256Hex } from '../../lib/base/digest.js';
import { toBase64Bytes } from '../../lib/base/base64.js';
import { junitXml } from '../../lib/report/junit.js';
import { LaneFold } from '../../lib/report/lanes.js';
import { PAGE_SCRIPT } from '../../lib/report/page-parts.js';
import { reportPage } from '../../lib/report/page.js';
import { runReport, type RunReport } from '../../lib/report/run-report.js';
import { timelineText } from '../../lib/report/timeline-text.js';
import { documentProblems } from '../helpers/documents.js';

const HOSTILE = `</script><script>alert(1)</script>"'><img src=x onerror=alert(2)> ]]> & \u0000\u001b[31m \ud800`;

function hostileReport(text: string): RunReport {
  const fold = new LaneFold({ exact: false });
  fold.note(0, { key: text, title: text, group: 'probe', value: text, good: true });
  fold.note(0, { key: 'vip', title: text, group: 'vip', value: text, good: true });
  fold.note(0, { key: 'api:endpoint', title: text, group: 'api', value: 'answers', good: true });
  fold.note(60_000, { key: 'vip', title: text, group: 'vip', value: 'cp-2', good: true });
  fold.note(61_000, { key: 'api:endpoint', title: text, group: 'api', value: 'no answer', good: false });
  fold.note(61_050, { key: 'api:endpoint', title: text, group: 'api', value: 'answers', good: true });
  const span = { fromMs: 10_000, toMs: 70_000, kind: 'attempt', ok: false } as const;
  return runReport({
    ...{ lab: text, provider: 'sim', seed: 1, operation: 1, command: text, startedMs: 0, endedMs: 100_000 },
    subject: { kind: 'scenario', name: text, description: text },
    versions: { homelab: text, kubernetes: text },
    verdict: { word: text, ok: false, lines: [text, ''] },
    steps: [
      { key: text, title: text, stage: text, outcome: 'failed', takesDown: [text], spans: [span] },
      { key: 'b', title: 'b', stage: 's', outcome: 'done', takesDown: [], spans: [{ ...span, ok: true }] },
      { key: 'c', title: 'c', stage: 's', outcome: 'pending', takesDown: [], spans: [] },
    ],
    faults: [{ key: text, title: text, machines: [text], fromMs: 20_000, toMs: null }],
    assertions: [
      { phase: 'during', name: text, expected: text, observed: text, ok: false, atMs: 5, machine: text },
      { phase: 'recovery', name: 'r', expected: 'e', observed: 'o', ok: true, atMs: null, machine: null },
    ],
    lanes: fold.lanes(100_000),
    measures: [{ name: text, ms: 5 }],
    runs: {
      ...{ count: 20, firstSeed: 1, worstSeed: 7, verdicts: { held: 19, [text]: 1 } },
      distributions: [
        { name: text, count: 20, minMs: 1, p50Ms: 50, p95Ms: 95, maxMs: 100, worstSeed: 7 },
        { name: 'never', count: 1, minMs: 0, p50Ms: 0, p95Ms: 0, maxMs: 0, worstSeed: 1 },
      ],
    },
    reasons: [text],
  });
}

const report = hostileReport(HOSTILE);

t.test('a report fits its schema', async (t) => {
  t.strictSame(documentProblems('run-report', JSON.parse(JSON.stringify(report))), []);
});

t.test(
  'JUnit XML has a case for each step, assertion and the verdict, and only what XML can hold',
  async (t) => {
    const xml = junitXml(report);
    t.match(xml, /<testsuites name="homelab" tests="6" failures="3" errors="0" skipped="1" time="100.000">/);
    t.equal((xml.match(/<testcase /g) ?? []).length, 6);
    t.equal((xml.match(/<failure /g) ?? []).length, 3);
    t.notMatch(xml, /<script|<img|\]\]>|[\u0000-\u0008\u000e-\u001f]|[\ud800-\udfff]/u);
    t.strictSame([...new Set(xml.match(/<\/?\w+/g))].sort(), TAGS, 'no other element');
  },
);

const TAGS = ['failure', 'properties', 'property', 'skipped', 'testcase', 'testsuite', 'testsuites']
  .flatMap((tag) => [`<${tag}`, `</${tag}`])
  .filter((tag) => !['</property', '</skipped'].includes(tag))
  .sort();

t.test('the page holds texts as texts, loads nothing, and runs only its own script', async (t) => {
  const page = reportPage(report);
  t.equal((page.match(/<script/g) ?? []).length, 2, 'the data and the script');
  t.equal((page.match(/<\/script/g) ?? []).length, 2);
  t.notMatch(page, /<img/);
  t.notMatch(page, /<[a-z]+[^>]*\s(?:src|href)=|url\(|@import|https?:/, 'nothing is loaded');
  const digest = toBase64Bytes(Buffer.from(sha256Hex(PAGE_SCRIPT), 'hex'));
  t.ok(page.includes(`script-src 'sha256-${digest}'`), 'the policy names this script only');
  const [, data = ''] = /id="report">([^]*?)<\/script>/.exec(page) ?? [];
  t.strictSame(JSON.parse(data), JSON.parse(JSON.stringify(report)), 'the data is the report');
  t.ok(page.indexOf('<h1>') < page.indexOf('id="chart"'), 'the verdict comes first');
  t.doesNotThrow(() => void runInNewContext(`() => {${PAGE_SCRIPT}}`), 'the script is one that parses');
});

for (const columns of [20, 40, 80, 200]) {
  t.test(`the timeline fits ${columns} columns and has nothing that a terminal acts on`, async (t) => {
    const text = timelineText(report, { columns, paintBad: (bad) => bad });
    const lines = text.split('\n');
    const words = HOSTILE.split(/\s/).map((word) => word.length);
    const most = Math.max(40, columns, ...words.map((length) => length + 8));
    t.strictSame(
      lines.filter((line) => line.length > most),
      [],
    );
    t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
}

t.test('of what falls into one column the worst is shown', async (t) => {
  const text = timelineText(hostileReport('cp-1'), { columns: 40, paintBad: (bad) => `<${bad}>` });
  t.match(text, /^ {2}cp-1 +=+<!>=+$/m, 'an outage of 50 ms in 100 s');
  t.match(text, /^ {2}cp-1 +A+B+$/m, 'and who had the address');
  t.match(text, /^ {2}cp-1 from 1m01.000s for 50 ms: .*moved from cp-1 to cp-2: cut short|cp-1$/m);
});
