/** Completion scripts: what they offer, asked of the real shells where these are installed. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { buildProgram } from '../../lib/cli/app.js';
import { CATALOGUE } from '../../lib/cli/catalogue.js';
import { completedCommands } from '../../lib/cli/completion/tree.js';
import { fakeIo, runHomelab } from '../helpers/fake-io.js';

const folder = t.testdir({ cwd: { 'lab one.yaml': '', labs: {} }, scripts: {} });
const [cwd, scripts] = [join(folder, 'cwd'), join(folder, 'scripts')];
const SHELLS = ['bash', 'zsh', 'fish'] as const;

async function script(shell: string): Promise<string> {
  const { code, stdout, stderr } = await runHomelab(['completion', shell], { cwd });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** Runs `text` as a script file, because fish does not read one from a socket. */
function run(shell: string, flags: readonly string[], text: string): { stdout: string; stderr: string } {
  const path = join(scripts, 'script');
  writeFileSync(path, text);
  return spawnSync(shell, [...flags, path], { cwd, encoding: 'utf8' });
}

function absent(shell: string): string | false {
  return spawnSync(shell, ['-c', 'exit 0']).status === 0 ? false : `${shell} is not installed`;
}

t.test('the tree has every command, option and choice', async (t) => {
  const { io } = fakeIo([], { cwd });
  const commands = completedCommands(await buildProgram(io, async () => undefined, true));
  const at = (path: string): (typeof commands)[number] | undefined =>
    commands.find((command) => command.path === path);
  t.strictSame(
    at('homelab')?.words.map(({ word }) => word),
    CATALOGUE.map(({ name }) => name),
  );
  t.match(at('homelab completion')?.words, [{ word: 'bash' }, { word: 'zsh' }, { word: 'fish' }]);
  t.match(
    at('homelab plan')?.options.find(({ names }) => names.includes('-o')),
    { names: ['-o', '--output'], value: ['text', 'json'] },
  );
  const valueOf = (name: string): unknown =>
    at('homelab render')?.options.find(({ names }) => names.includes(name))?.value;
  t.same(
    [valueOf('--config'), valueOf('--out'), valueOf('--workers'), valueOf('--quiet')],
    ['file', 'file', 'text', 'none'],
  );
  t.ok(at('homelab machine cut'), 'subcommands too');
});

for (const shell of SHELLS) {
  t.test(`the script for ${shell} is good ${shell}`, { skip: absent(shell) }, async (t) => {
    t.equal(run(shell, ['-n'], await script(shell)).stderr, '');
    t.not(run(shell, ['-n'], 'case (').stderr, '', 'a script that is not good is seen');
  });
}

t.test('bash offers what fits at the cursor', { skip: absent('bash') }, async (t) => {
  const text = await script('bash');
  /** The last word is the one that is being typed; `=` is a word of its own, as bash splits it. */
  const offered = (...words: readonly string[]): readonly string[] => {
    const input = `${text}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_homelab
printf '%s\\n' "\${COMPREPLY[@]}"
`;
    const { stdout, stderr } = run('bash', ['--norc'], input);
    // compopt speaks only while bash itself completes.
    t.equal(stderr.replaceAll(/^.*compopt.*\n/gm, ''), '', words.join(' '));
    return stdout.split('\n').filter((line) => line !== '');
  };
  t.strictSame(
    offered('homelab', ''),
    CATALOGUE.map(({ name }) => name),
  );
  t.strictSame(offered('homelab', 'pl'), ['plan']);
  t.strictSame(offered('homelab', '-'), ['-V', '--version', '-h', '--help']);
  t.strictSame(offered('homelab', 'plan', '--host'), ['--host-memory']);
  t.strictSame(offered('homelab', 'plan', '-o', ''), ['text', 'json']);
  t.strictSame(offered('homelab', 'plan', '--output', '=', 'j'), ['json']);
  t.strictSame(offered('homelab', 'plan', '--output', '='), ['text', 'json']);
  t.strictSame(offered('homelab', 'init', '--topology', 'k8s-s'), ['k8s-single']);
  t.strictSame(offered('homelab', 'init', '-q', '--topology', 'k8s-s'), ['k8s-single'], 'after an option');
  t.strictSame(
    offered('homelab', 'render', '--config', ''),
    ['lab one.yaml', 'labs'],
    'a name with a space is one',
  );
  t.strictSame(offered('homelab', 'render', '--workers', ''), [], 'a number is not guessed');
  t.strictSame(offered('homelab', 'completion', ''), ['bash', 'zsh', 'fish']);
  t.strictSame(offered('homelab', 'machine', 'c'), ['cut']);
  t.ok(offered('homelab', 'machine', 'cut', '--l').includes('--lab'));
});

t.test('zsh offers what fits at the cursor', { skip: absent('zsh') }, async (t) => {
  // compadd, _files and _describe belong to zsh's completion system, which runs only inside its line editor.
  const stubs = `
compdef() { : }
compset() { [[ $1 == -P ]] && PREFIX=\${PREFIX#*=} }
compadd() { shift; print -l -- "$@" }
_files() { print -- FILES }
_describe() { print -l -- \${\${(P)2}%%:*} }
`;
  const text = await script('zsh');
  const offered = (...typed: readonly string[]): readonly string[] => {
    const input = `${stubs}${text}
words=(${typed.map((word) => `'${word}'`).join(' ')})
CURRENT=${typed.length}
PREFIX='${typed.at(-1) ?? ''}'
_homelab
`;
    const { stdout, stderr } = run('zsh', ['-f'], input);
    t.equal(stderr, '', typed.join(' '));
    return stdout.split('\n').filter((line) => line !== '');
  };
  t.strictSame(
    offered('homelab', ''),
    CATALOGUE.map(({ name }) => name),
  );
  t.strictSame(offered('homelab', 'plan', '-o', ''), ['text', 'json']);
  t.strictSame(offered('homelab', 'plan', '--output=j'), ['text', 'json']);
  t.strictSame(offered('homelab', 'render', '--config', ''), ['FILES']);
  t.strictSame(offered('homelab', 'machine', '').slice(0, 2), ['halt', 'start']);
  t.ok(offered('homelab', 'machine', 'cut', '-').includes('--lab'));
});

t.test('fish offers what fits at the cursor', { skip: absent('fish') }, async (t) => {
  const text = await script('fish');
  const offered = (line: string): readonly string[] => {
    const input = `${text}\ncomplete -C '${line}'\n`;
    const { stdout, stderr } = run('fish', ['--no-config'], input);
    t.equal(stderr, '', line);
    return stdout
      .split('\n')
      .filter((word) => word !== '')
      .map((word) => word.split('\t')[0] ?? '');
  };
  t.strictSame([...offered('homelab ')].sort(), CATALOGUE.map(({ name }) => name).sort());
  t.strictSame(offered('homelab plan -o '), ['json', 'text']);
  t.strictSame(offered('homelab plan --output=j'), ['--output=json']);
  t.strictSame(offered('homelab plan --host'), ['--host-memory']);
  t.strictSame(offered('homelab machine c'), ['cut']);
  t.ok(offered('homelab machine cut --l').includes('--lab'));
});
