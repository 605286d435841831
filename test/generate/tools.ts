/**
 * The generated files read by the programs that will read them for real. A program that is not installed
 * skips its tests by name; nothing here starts a machine or a service.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { render } from '../../lib/generate/render.js';
import { ruby } from '../../lib/generate/vagrantfile.js';
import { labs } from '../helpers/labs.js';

interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

function run(
  argv: readonly [string, ...string[]],
  options: { input?: string; cwd?: string; env?: object } = {},
): Outcome {
  const [program, ...args] = argv;
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 120_000,
    ...options,
    env: { ...process.env, ...options.env },
  });
  return { code: result.status, output: `${result.stdout}${result.stderr}` };
}

/** What `skip` of a test wants: false when the program is here, else the reason. */
function missing(program: string, flag = '--version'): string | false {
  const result = spawnSync(program, [flag], { timeout: 60_000 });
  return result.error === undefined && result.status === 0 ? false : `${program} is not installed`;
}

/** Vagrant without its libvirt plugin would refuse the Vagrantfile for a reason of its own. */
function vagrantMissing(): string | false {
  const absent = missing('vagrant');
  if (absent !== false) return absent;
  return run(['vagrant', 'plugin', 'list']).output.includes('vagrant-libvirt')
    ? false
    : 'no vagrant-libvirt plugin';
}

/** The single file of this name and kind for a lab. */
function content(name: string, what: 'vagrantfile' | 'haproxy'): string | undefined {
  const lab = labs[name];
  return lab === undefined ? undefined : render(lab, what)[0]?.content;
}

void t.test('ruby -c reads every Vagrantfile', { skip: missing('ruby') }, (t) => {
  for (const name of Object.keys(labs)) {
    const outcome = run(['ruby', '-c'], { input: content(name, 'vagrantfile') ?? '' });
    t.same(outcome, { code: 0, output: 'Syntax OK\n' }, name);
  }
  t.end();
});

void t.test('ruby reads back any quoted text', { skip: missing('ruby') }, (t) => {
  const texts = ["it's", '\\', "\\'", "'", '#{1 + 1}', '"', '\\n', 'end\nfoo', 'ü €', "a\\\\'b", ''];
  const program = `require 'json'; print JSON.generate([${texts.map(ruby).join(', ')}])`;
  const outcome = run(['ruby', '-Eutf-8', '-'], { input: `# encoding: utf-8\n${program}` });
  t.equal(outcome.code, 0, outcome.output);
  t.same(JSON.parse(outcome.output), texts);
  t.end();
});

void t.test('vagrant validate accepts the Vagrantfile', { skip: vagrantMissing(), timeout: 120_000 }, (t) => {
  const folder = t.testdir();
  const env = { VAGRANT_DEFAULT_PROVIDER: 'libvirt', VAGRANT_HOME: join(folder, 'home') };
  const validate = (name: string, text: string): Outcome => {
    const cwd = join(folder, name);
    mkdirSync(cwd);
    writeFileSync(join(cwd, 'Vagrantfile'), text);
    return run(['vagrant', 'validate'], { cwd, env });
  };
  for (const name of ['k8s-ha-haproxy', 'k8s-ha-slow-bridge']) {
    const outcome = validate(name, content(name, 'vagrantfile') ?? '');
    t.equal(outcome.code, 0, outcome.output);
    t.match(outcome.output, /validated successfully/, name);
  }
  const wrong = (content('k8s-single', 'vagrantfile') ?? '').replace('libvirt.cpus', 'libvirt.cpuz');
  t.not(validate('wrong', wrong).code, 0, 'and it would notice a setting that does not exist');
  t.end();
});

void t.test('haproxy -c accepts haproxy.cfg without a warning', { skip: missing('haproxy', '-v') }, (t) => {
  for (const name of ['k8s-ha-haproxy', 'k8s-ha-v1.30']) {
    const path = join(t.testdir(), `${name}.cfg`);
    writeFileSync(path, content(name, 'haproxy') ?? '');
    const outcome = run(['haproxy', '-c', '-f', path]);
    t.equal(outcome.code, 0, outcome.output);
    t.notMatch(outcome.output, /WARNING|ALERT/, name);
  }
  t.end();
});
