/** The command line as a whole: what it refuses, how it speaks, and the help of every command. */
import t from 'tap';
import { withOptions } from '../../lib/cli/hints.js';
import { CATALOGUE } from '../../lib/cli/catalogue.js';
import { documentProblems } from '../helpers/documents.js';
import { runHomelab, type FakeOptions, type Ran } from '../helpers/fake-io.js';

/** Exactly one JSON document on standard output. */
function parsed({ stdout }: Ran): { error?: { code: string; message: string; remedy: string } } {
  return JSON.parse(stdout) as ReturnType<typeof parsed>;
}

/** Colours begin with it. */
const ESCAPE = '\u001b';

t.test('wrong usage is refused with exit code 2 and what to type instead', async (t) => {
  const cwd = t.testdir({});
  const rows: readonly (readonly [string, RegExp])[] = [
    ['plna', /unknown command 'plna'\n.*Did you mean plan\?/],
    ['frobnicate', /unknown command 'frobnicate'\n.*homelab --help/],
    ['frobnicate --really', /unknown command 'frobnicate'/],
    ['--frobnicate', /unknown option '--frobnicate'/],
    ['plan --topolgy k8s-ha', /unknown option '--topolgy'\n.*Did you mean --topology\?/],
    ['plan --topology', /option '--topology <name\|path>' argument missing\nSee: homelab plan --help/],
    ['plan -o yaml', /argument 'yaml' is invalid\. Allowed choices are text, json/],
    ['plan surplus', /too many arguments/],
    ['completion', /missing required argument 'shell'/],
    ['completion tcsh', /value 'tcsh' is invalid[^]*bash, zsh, fish/],
    ['init --topology k8s-huge', /argument 'k8s-huge' is invalid/],
  ];
  for (const [line, wanted] of rows) {
    const ran = await runHomelab(line.split(' '), { cwd });
    t.match(ran.stderr, wanted, line);
    t.equal(ran.code, 2, `${line}: exit code`);
    t.equal(ran.stdout, '', `${line}: nothing on standard output`);
    t.notMatch(ran.stderr, /\n {4}at /, `${line}: no stack`);
  }
});

t.test('hints name the lab and its place where a person must', async (t) => {
  const typed =
    'Go on with `homelab resume`, or look: homelab etcd status, homelab exec stage-cp-1 -- uptime';
  t.equal(withOptions(typed, ''), typed, 'one lab needs no name');
  t.equal(
    withOptions(typed, ' --lab b'),
    'Go on with `homelab resume --lab b`, or look: homelab etcd status --lab b, ' +
      'homelab exec --lab b stage-cp-1 -- uptime',
  );
  for (const other of [
    'homelab up --topology k8s-ha',
    'homelab sim fork',
    'homelab destroy --lab c',
    'homelab upset',
  ])
    t.equal(withOptions(other, ' --lab b'), other);

  const cwd = t.testdir({});
  const homelab = (line: string): Promise<Ran> => runHomelab(line.split(' '), { cwd });
  const one = await homelab('up --topology k8s-single --until machines');
  t.match(one.stdout, /Go on with: homelab up\n/, 'the only lab');
  const two = await homelab('up --topology k8s-single --until machines --lab b');
  t.match(two.stdout, /Go on with: homelab up --lab b\n/);
  t.match((await homelab('status --lab b')).stdout, /homelab resume --lab b, or homelab abort --lab b/);
  const refused = parsed(await homelab('resume --lab stage --fault x -o json'));
  t.equal(refused.error?.remedy, 'See: homelab resume --help', 'help is about no lab');
});

t.test('with -o json a refusal is exactly one document too', async (t) => {
  const cwd = t.testdir({ 'bad.yaml': 'name: [\n', 'wrong.yaml': 'nmae: x\n' });
  const rows: readonly (readonly [string, string])[] = [
    ['plna -o json', 'usage'],
    ['-o json plan', 'usage'],
    ['plan -o json --frobnicate', 'usage'],
    ['plan --output=json surplus', 'usage'],
    ['completion -o json', 'usage'],
    ['plan -o json -f none.yaml', 'no-config'],
    ['plan -o json --host-memory lots', 'wrong-size'],
    ['render -o json everything', 'unknown-what'],
    ['render -o json -f bad.yaml', 'bad-configuration'],
    ['doctor -o json -f wrong.yaml', 'bad-configuration'],
    ['init -o json --lab Not_A_Name', 'bad-configuration'],
    ['init -o json --config bad.yaml', 'file-exists'],
  ];
  for (const [line, code] of rows) {
    const ran = await runHomelab(line.split(' '), { cwd });
    const document = parsed(ran);
    t.strictSame(documentProblems('error', document), [], `${line}: fits the schema`);
    t.equal(document.error?.code, code, line);
    t.equal(ran.code, 2, `${line}: exit code`);
    t.ok(ran.stderr.includes(document.error?.message.split(' (')[0] ?? '?'), `${line}: and for people`);
  }
  const ran = await runHomelab(['plna', '-o', 'json'], { cwd });
  t.strictSame(parsed(ran).error, {
    code: 'usage',
    message: "unknown command 'plna' (Did you mean plan?)",
    remedy: 'See: homelab --help',
  });
});

t.test('homelab alone and --help say where to begin', async (t) => {
  const cwd = t.testdir({});
  const alone = await runHomelab([], { cwd });
  const help = await runHomelab(['--help'], { cwd });
  t.strictSame(alone, help);
  t.equal(alone.code, 0);
  t.equal(alone.stderr, '');
  t.match(alone.stdout, /homelab up --topology k8s-ha/);
  for (const { name, summary } of CATALOGUE)
    t.match(alone.stdout, new RegExp(`^  ${name} .*${summary.slice(0, 20)}`, 'm'));
});

for (const { name } of CATALOGUE) {
  t.test(`help of ${name} has an example`, async (t) => {
    const cwd = t.testdir({});
    const widths = [40, 80, 200];
    for (const columns of widths) {
      const { code, stdout, stderr } = await runHomelab([name, '--help'], { cwd, columns, isTTY: true });
      t.equal(code, 0);
      t.equal(stderr, '');
      t.match(stdout, new RegExp(`^Usage: homelab ${name}`));
      t.match(stdout, new RegExp(`^Examples:\n  .*homelab ${name}`, 'm'), `${columns} columns: an example`);
      t.notOk(stdout.includes(ESCAPE), 'no escape codes');
      const wide = stdout.split('\n').filter((line) => columns >= 80 && line.length > Math.min(100, columns));
      t.strictSame(wide, [], `${columns} columns are enough`);
    }
  });
}

t.test('colours only where a terminal shows them', async (t) => {
  const cwd = t.testdir({ 'bad.yaml': 'nmae: x\n' });
  const colours = async (args: readonly string[], options: Omit<FakeOptions, 'cwd'>): Promise<boolean> => {
    const { stdout, stderr } = await runHomelab(args, { cwd, ...options });
    return `${stdout}${stderr}`.includes(ESCAPE);
  };
  for (const args of [['doctor'], ['plan', '-f', 'bad.yaml']]) {
    t.equal(await colours(args, { isTTY: true }), true, 'a terminal');
    t.equal(await colours(args, { isTTY: false }), false, 'no terminal');
    t.equal(await colours(args, { isTTY: true, env: { NO_COLOR: '1' } }), false, 'NO_COLOR');
    t.equal(
      await colours(args, { isTTY: true, env: { NO_COLOR: '' } }),
      true,
      'an empty NO_COLOR counts for nothing',
    );
    t.equal(await colours([...args, '--no-color'], { isTTY: true }), false, '--no-color');
  }
});
