/** Stills: when one answers a look, when one is taken, and that what it holds is the world that the log plays. */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runCli } from '../../lib/cli/app.js';
import type { NodeProgram } from '../../lib/cli/io.js';
import { isBundled } from '../../lib/cli/still.js';
import { documentProblems } from '../helpers/documents.js';
import { fakeIo, runHomelab, type Ran } from '../helpers/fake-io.js';
import { packageRoot } from '../helpers/package-root.js';
import { homelab } from '../helpers/real-time.js';

const BARE = ['--cni', 'none', '--csi', 'none', '--ingress', 'none'];
const notBundled = isBundled() ? false : 'dist/homelab.cjs is old: npm run bundle';

const cwd = t.testdir({});
const kept = (): string[] => readdirSync(join(cwd, '.homelab/stage/still')).filter((name) => name !== 'lock');
void t.test('a lab to look at', async (t) => {
  const { code, stderr } = await runHomelab(['up', '--topology', 'k8s-single', ...BARE], { cwd });
  t.equal(code, 0, stderr);
});

interface Asked {
  readonly shown: string[];
  readonly left: (readonly string[])[];
}

/** A look in this process, with a Node that shows and takes stills as told. */
async function look(
  line: string,
  node: Partial<NodeProgram>,
  env: Readonly<Record<string, string>> = {},
): Promise<Ran & Asked> {
  const asked: Asked = { shown: [], left: [] };
  const { io, written } = fakeIo(line.split(' '), { cwd, env });
  const code = await runCli({
    ...io,
    node: {
      tag: async () => 'node',
      show: async (still) => {
        asked.shown.push(still);
        return null;
      },
      build: async () => 1,
      leave: async (args) => void asked.left.push(args),
      ...node,
    },
  });
  return { code, ...written, ...asked };
}

const took: Partial<NodeProgram> = {
  build: async (still) => {
    writeFileSync(still, 'a still');
    return 0;
  },
};

void t.test('a look plays the log, and a still is taken behind it', { skip: notBundled }, async (t) => {
  const first = await look('status', took);
  t.match([first.code, first.stdout], [0, /stage-cp-1 +control-plane +running/]);
  t.strictSame([first.shown, first.left], [[], [['sim', 'still', '--lab', 'stage']]]);
  for (const [line, env] of [
    ['status', { HOMELAB_STILLS: 'no' }],
    ['sim replay -- status', {}],
    ['kubeconfig', {}],
  ] as const)
    t.strictSame((await look(line, took, env)).left, [], `${line} leaves none`);
});

void t.test('a still answers while it fits, and never afterwards', { skip: notBundled }, async (t) => {
  t.match(await look('sim still', took), { code: 0, stdout: /the world of stage is kept/ });
  t.equal(kept().length, 1);
  const shown = await look('status', { ...took, show: async () => 4 });
  t.match(shown, { code: 4, stdout: '', left: [] }, 'its exit code is that of the process that was shown');
  t.equal((await look('wait 1s', took)).code, 0);
  const after = await look('etcd status', took);
  t.strictSame([after.code, after.shown], [0, []], 'another log, another still');
  t.equal((await look('sim still', took)).code, 0);
  t.equal(kept().length, 1, 'the old one is gone');
});

void t.test(
  'a Node that takes no stills, or cannot begin with one, is not asked twice',
  { skip: notBundled },
  async (t) => {
    const refused = await look('status', took);
    t.match([refused.code, refused.shown.length], [0, 1]);
    t.match(refused.stdout, /running/, 'the log is played instead');
    t.match(await look('status', took), { code: 0, shown: [], left: [] });
    t.match(await look('sim still', {}), { code: 2, stderr: /no still of lab stage was taken/ });
    t.match(await look('status', took), { code: 0, shown: [], left: [] });
  },
);

void t.test('what a still holds is the world', { skip: notBundled }, async (t) => {
  const taken = await homelab(cwd, 'sim still -o json');
  t.equal(taken.code, 0, taken.stderr);
  const document = JSON.parse(taken.stdout) as { readonly path: string };
  t.strictSame(documentProblems('sim-still', document), []);
  t.equal(statSync(document.path).mode & 0o077, 0, 'it holds keys, as the log does');
  const fromStill = (line: string): string => {
    const args = ['--snapshot-blob', document.path, 'homelab', ...line.split(' '), '-o', 'json'];
    return spawnSync(process.execPath, args, { cwd, encoding: 'utf8' }).stdout;
  };
  const played = async (line: string): Promise<string> =>
    (await runHomelab(`${line} -o json`.split(' '), { cwd })).stdout;
  // The last one goes on from the world as it is: programs that were suspended run again.
  for (const line of ['status', 'etcd status', 'lint']) t.equal(fromStill(line), await played(line), line);
  const env = { ...process.env, HOMELAB_STILLS: '' };
  const program = join(packageRoot(), 'bin/homelab.js');
  const args = [program, 'status', '-o', 'json'];
  const shown = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8' }).stdout;
  t.equal(shown, await played('status'), 'shown by homelab itself');
  t.equal(kept().length, 1, 'and no other one was taken');
  t.equal((await homelab(cwd, 'machine cut -y stage-cp-1')).code, 0);
  t.equal(fromStill('status'), await played('status'), 'of another log it plays what is there');
});
