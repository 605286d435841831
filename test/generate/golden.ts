/**
 * Every generated file of every lab in test/helpers/labs.ts against its golden file. Files that are the same
 * on several machines are kept once; `files.txt` says where each one goes.
 */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { outputPath, type GeneratedFile } from '../../lib/generate/file.js';
import { resetConfig, upgradeConfig } from '../../lib/generate/kubeadm.js';
import { render } from '../../lib/generate/render.js';
import { matchGolden } from '../helpers/golden.js';
import { labs } from '../helpers/labs.js';
import { packageRoot } from '../helpers/package-root.js';

for (const [name, lab] of Object.entries(labs)) {
  void t.test(name, (t) => {
    const names = goldenNames(render(lab));
    const index = [...names].map(([file, golden]) => line(file, golden)).join('');
    matchGolden(t, `${name}/files.txt`, index);
    const kept = new Set(['files.txt']);
    for (const [file, golden] of names) {
      if (!kept.has(golden)) matchGolden(t, `${name}/${golden}`, withoutDigest(file.content));
      kept.add(golden);
    }
    t.same(goldenFiles(name), [...kept].sort(), 'there is no golden file that nothing makes any more');
    t.end();
  });
}

void t.test('upgrade and reset', (t) => {
  const slow = labs['k8s-ha-slow-bridge'];
  const old = labs['k8s-ha-v1.30'];
  if (slow === undefined || old === undefined) throw new Error('the labs are named otherwise');
  matchGolden(t, 'upgrade/kubeadm-upgrade.yaml', upgradeConfig(slow, 'v1.32.0') ?? '');
  t.equal(upgradeConfig(old, 'v1.30.9'), null, 'kubeadm 1.30 has no UpgradeConfiguration');
  t.not(upgradeConfig(old, 'v1.31.0'), null, 'the new kubeadm decides, not the old cluster');
  t.equal(resetConfig(old), null, 'kubeadm 1.30 has no ResetConfiguration');
  t.end();
});

/** The name of the node image has a digest of all that is in packer/, which would change with every word there. */
function withoutDigest(text: string): string {
  return text.replace(/(homelab\/node-v[\d.]+-)[0-9a-f]{12}/, '$1<digest>');
}

/** File → name of its golden file: the first file with the same name and content stands for the others. */
function goldenNames(files: readonly GeneratedFile[]): ReadonlyMap<GeneratedFile, string> {
  const firsts = new Map<string, string>();
  const names = new Map<GeneratedFile, string>();
  for (const file of files) {
    const key = `${file.path}\n${file.content}`;
    const own = file.machine === null ? file.path : `${file.machine}/${basename(file.path)}`;
    const golden = firsts.get(key) ?? own;
    firsts.set(key, golden);
    names.set(file, golden);
  }
  return names;
}

function line(file: GeneratedFile, golden: string): string {
  return `${file.what} ${file.mode.toString(8)} ${outputPath(file)} = ${golden}\n`;
}

/** What lies in a lab's golden folder, relative to it, sorted. */
function goldenFiles(folder: string): readonly string[] {
  const root = join(packageRoot(), 'test/fixtures/golden', folder);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}
