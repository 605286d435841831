/** docs/cli.md and schemas/ say what the program does: options, exit documents, error codes. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import t from 'tap';
import { buildProgram } from '../../lib/cli/app.js';
import { CONFIG_FLAGS } from '../../lib/config/flags.js';
import { WHATS } from '../../lib/generate/file.js';
import type { RunReport } from '../../lib/report/run-report.js';
import { documentProblems, documentSchemas } from '../helpers/documents.js';
import { fakeIo, runHomelab } from '../helpers/fake-io.js';
import { packageRoot } from '../helpers/package-root.js';

const ROOT = packageRoot();
const PAGE = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');

/** The text under `### homelab name`, up to the next heading. */
function section(name: string): string {
  const [, text = ''] = new RegExp(`^### homelab ${name}\\n([^]*?)(?=^##)`, 'm').exec(PAGE) ?? [];
  return text;
}

/** Options in the rows of a section's table, or codes in those of the page's. */
function rows(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name).sort();
}

function ownOptions(command: Command): readonly string[] {
  const own = command.options.map(({ long }) => long ?? '').filter((name) => !SHARED.includes(name));
  return [...own, ...command.commands.flatMap(ownOptions)];
}

/** Said once for all commands: at the top of the page, and in docs/configuration.md. */
const SHARED = ['--output', '--quiet', '--verbose', '--no-color', '--config', '--lab'].concat(
  CONFIG_FLAGS.map(({ name }) => `--${name}`),
);

t.test('docs/cli.md has every command with the options that are its own', async (t) => {
  const { io } = fakeIo([], { cwd: ROOT });
  const program = await buildProgram(io, async () => undefined, true);
  for (const command of program.commands) {
    const text = section(command.name());
    t.ok(text, `a section for ${command.name()}`);
    const documented = rows(text, /^\| `(--[a-z-]+)`/gm).filter((name) => !SHARED.includes(name));
    t.strictSame(documented, [...new Set(ownOptions(command))].sort(), `options of ${command.name()}`);
    for (const { name } of [...command.commands].map((one) => ({ name: one.name() })))
      t.ok(text.includes(name), `${command.name()} ${name}`);
  }
  const titles = rows(PAGE, /^### homelab (\S+)$/gm);
  t.strictSame(titles, program.commands.map((command) => command.name()).sort(), 'and no other command');
});

t.test('every schema explains itself, and its example on the page fits', async (t) => {
  const schemas = documentSchemas();
  const examples = [...PAGE.matchAll(/^```json (\S+)\n([^]*?)^```/gm)];
  for (const [, name = '', text = ''] of examples)
    t.strictSame(documentProblems(name, JSON.parse(text)), [], `the example of ${name}`);
  const wanted = [...schemas.keys()].filter((name) => name !== 'problem').sort();
  t.strictSame(examples.map(([, name]) => name).sort(), wanted, 'an example of every document');
  t.equal((PAGE.match(/^```json/gm) ?? []).length, examples.length, 'every example names its schema');
  for (const [name, schema] of schemas) {
    t.match(
      schema,
      { title: /./, description: /\.$/, $id: `https://homelab.invalid/${name}.schema.json` },
      name,
    );
    t.strictSame(undescribed(schema, name), [], `${name}: every property is described`);
  }
  t.not(documentProblems('version', { homelab: '1' }).length, 0, 'a document with a key missing is seen');
  t.match(JSON.stringify(schemas.get('render')), JSON.stringify(WHATS), 'render names every kind of file');
});

/** Paths of properties without a description. */
function undescribed(schema: unknown, path: string): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const inner = schema as Readonly<Record<string, unknown>>;
  const properties = Object.entries((inner['properties'] ?? {}) as Readonly<Record<string, object>>);
  const lacking = properties.filter(([, one]) => !('description' in one)).map(([name]) => `${path}.${name}`);
  const items = inner['items'] === undefined ? [] : undescribed(inner['items'], `${path}[]`);
  return [...lacking, ...items, ...properties.flatMap(([name, one]) => undescribed(one, `${path}.${name}`))];
}

/** Every code that lib/ gives an error or a problem, found in its text. */
function codesInLib(): readonly string[] {
  const codes = libTexts().flatMap((text) => {
    const plain = text.matchAll(/\b(?:code: |recorded\(\s*)'([a-z][a-z-]*)'/g);
    const chosen = text.matchAll(/\bcode: [^\n?]*\? '([a-z-]+)' : '([a-z-]+)'/g);
    const looked = text.matchAll(/\b(?:fine|amiss|checkProgram)\(\s*(?:programs,\s*)?'([a-z-]+)'/g);
    const named = text.matchAll(/\bconst code = '([a-z-]+)'/g);
    return [...plain, ...chosen, ...looked, ...named].flatMap((found) => found.slice(1));
  });
  return [...new Set([...codes, ...MADE.flatMap(([, made]) => made)])].sort();
}

/** Codes that are put together, as lib/ writes them, with what comes out. */
const MADE: readonly (readonly [string, readonly string[]])[] = [
  ['code: `nothing-to-${mode}`', ['nothing-to-abort', 'nothing-to-resume']],
];

function libTexts(): readonly string[] {
  const names = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, 'lib', name), 'utf8'));
}

t.test('docs/cli.md lists exactly the codes that lib/ has', async (t) => {
  const [, text = ''] = /^## Error codes\n([^]*)/m.exec(PAGE) ?? [];
  t.strictSame(rows(text, /^\| `([a-z-]+)`/gm), codesInLib());
  const made = libTexts().flatMap((one) => one.match(/\bcode: `[^`]*`/g) ?? []);
  t.strictSame(
    [...new Set(made)],
    MADE.map(([written]) => written),
    'no other code is put together',
  );
});

t.test('what commands about a lab print fits their schemas', async (t) => {
  const cwd = t.testdir({});
  const steps: readonly (readonly [string, string, number])[] = [
    ['up --topology k8s-single --until machines', 'saga-result', 0],
    ['status', 'status', 0],
    ['etcd status', 'etcd-status', 0],
    ['machine cut stage-cp-1', 'machine', 0],
    ['wait 5s', 'wait', 0],
    ['wait --for api --timeout 1s', 'wait', 1],
    ['down', 'saga-result', 0],
    ['up --seed 2', 'error', 2],
    ['machine cut stage-cp-9', 'error', 2],
    ['saga list', 'saga-list', 0],
    ['saga show', 'saga-show', 0],
    ['saga show 7', 'error', 2],
    ['report list', 'report-list', 0],
    ['report show 1', 'run-report', 0],
    ['report show', 'run-report', 0],
    ['report open', 'report-open', 0],
    ['report show 7', 'error', 2],
    ['saga graph down', 'saga-graph', 0],
    ['saga graph upgrade', 'saga-graph', 0],
    ['up --until machines', 'saga-result', 0],
    ['abort', 'saga-result', 0],
    ['resume', 'error', 2],
    ['destroy', 'saga-result', 0],
    ['status', 'error', 2],
  ];
  for (const [line, schema, code] of steps) {
    const ran = await runHomelab([...line.split(' '), '-o', 'json'], { cwd });
    t.strictSame(documentProblems(schema, JSON.parse(ran.stdout)), [], `${line} prints ${schema}`);
    t.equal(ran.code, code, `${line}: exit code`);
  }
  t.strictSame(readdirSync(cwd), [], 'nothing is left');
});

t.test('an operation that is gone on with keeps its report, which covers all of it', async (t) => {
  const cwd = t.testdir({});
  const ran = async (line: string): Promise<string> => (await runHomelab(line.split(' '), { cwd })).stdout;
  t.match(await ran('up --topology k8s-single --until machines'), /^report: .*0001-bootstrap\.html$/m);
  t.match(await ran('up'), /^report: .*0001-bootstrap\.html$/m);
  const report = JSON.parse(await ran('report show -o json')) as RunReport;
  t.match(report, { verdict: { word: 'completed', ok: true }, operation: 1, startedMs: 0 });
  t.match(report.command, /--seed 1$/);
  const power = report.lanes.find(({ group }) => group === 'power')?.intervals ?? [];
  t.strictSame(
    power.map(({ value }) => value),
    ['booting', 'running'],
    'what the first run saw is seen again in the log',
  );
  t.equal(power.at(-1)?.toMs, report.endedMs);
  t.match(await ran('report show'), /^Power\n {2}stage-cp-1 +~+=+$/m);
  const folder = join(cwd, '.homelab/stage/reports');
  t.strictSame(
    readdirSync(folder),
    ['html', 'json', 'xml'].map((ending) => `0001-bootstrap.${ending}`),
  );
  writeFileSync(join(folder, '0002-other.json'), '{"apiVersion": "homelab/v1", "kind": "Other"}');
  writeFileSync(join(folder, '0003-torn.json'), '{');
  const list = await runHomelab(['report', 'list', '-o', 'json'], { cwd });
  t.match(JSON.parse(list.stdout), { reports: [{ number: 1 }], reasons: [/0003-torn\.json/] });
});
