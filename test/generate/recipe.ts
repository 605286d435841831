/**
 * The recipe in packer/: its HCL with the variables that homelab generates, as Packer reads it, and its scripts as
 * shells read them. A program that is not installed skips its tests by name; nothing is built here.
 */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { cloudInitSeed } from '../../lib/generate/cloud-init.js';
import { kubeVipManifest } from '../../lib/generate/kube-vip.js';
import { packerBuildVariables, packerVariables, packerVariablesFile } from '../../lib/generate/packer.js';
import type { LabSpec } from '../../lib/model/lab.js';
import { labs, makeLab } from '../helpers/labs.js';
import { packageRoot } from '../helpers/package-root.js';

const RECIPE = join(packageRoot(), 'packer');
const SCRIPTS = readdirSync(join(RECIPE, 'scripts'));
/** Packer reads the key already when it validates. */
const KEY = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
}).privateKey;
const read = (name: string): string => readFileSync(join(RECIPE, name), 'utf8');

/** What `skip` of a test wants: false when the program is here, else the reason. */
function missing(program: string): string | false {
  const { error, status } = spawnSync(program, ['--version'], { timeout: 60_000 });
  return error === undefined && status === 0 ? false : `${program} is not installed`;
}

/** Packer's verdict on node.pkr.hcl with all that homelab gives it for a lab. */
function validate(folder: string, lab: LabSpec, change: object = {}): { code: number | null; said: string } {
  mkdirSync(join(folder, 'there'), { recursive: true });
  writeFileSync(join(folder, 'key'), KEY);
  const build = packerBuildVariables(lab, {
    ...{ base_image: join(folder, 'base.qcow2'), ssh_private_key_file: join(folder, 'key') },
    ...{ seed_directory: join(folder, 'there'), bundle_directory: join(folder, 'there') },
    ...{ output_directory: join(folder, 'output'), accelerator: 'kvm' },
  });
  writeFileSync(join(folder, 'node.pkrvars.json'), packerVariablesFile(lab));
  writeFileSync(join(folder, 'build.pkrvars.json'), JSON.stringify({ ...build, ...change }));
  const files = ['node', 'build'].map((name) => `-var-file=${join(folder, name)}.pkrvars.json`);
  const { status, stdout, stderr } = spawnSync('packer', ['validate', ...files, 'node.pkr.hcl'], {
    ...{ cwd: RECIPE, encoding: 'utf8', timeout: 120_000 },
    env: { ...process.env, CHECKPOINT_DISABLE: '1', PACKER_CACHE_DIR: join(folder, 'cache') },
  });
  return { code: status, said: `${stdout}${stderr}` };
}

t.test('packer validate accepts the recipe with every lab', { skip: missing('packer') }, async (t) => {
  for (const [name, lab] of Object.entries(labs)) {
    const { code, said } = validate(t.testdir({}), lab);
    t.equal(code, 0, `${name}: ${said}`);
  }
  const lab = makeLab({});
  t.not(validate(t.testdir({}), lab, { accelerator: 'warp' }).code, 0, 'and notices what is wrong');
});

t.test('every variable of the recipe is given, and no other', async (t) => {
  const declared = [...read('node.pkr.hcl').matchAll(/^variable "(\w+)" \{([^}]*)\}/gm)];
  const optional = declared.filter(([, , body = '']) => body.includes('default')).map(([, name]) => name);
  const lab = makeLab({ vip: 'kube-vip' });
  const places = {
    base_image: 'a',
    ssh_private_key_file: 'b',
    seed_directory: 'c',
    bundle_directory: 'd',
    output_directory: 'e',
    accelerator: 'tcg',
  } as const;
  const given = Object.keys({ ...packerVariables(lab), ...packerBuildVariables(lab, places) });
  const names = declared.map(([, name]) => name).filter((name) => !optional.includes(name));
  t.strictSame(given.sort(), names.sort());
  const used = new Set([...read('node.pkr.hcl').matchAll(/\bvar\.(\w+)/g)].map(([, name]) => name));
  t.strictSame(
    declared.map(([, name]) => name).filter((name) => !used.has(name)),
    [],
    'all are used',
  );
});

t.test('plugins.pkr.hcl: its shape only, for Packer 1.6 neither reads nor fetches plugins', async (t) => {
  const text = read('plugins.pkr.hcl').replaceAll(/^\s*#.*\n/gm, '');
  t.match(
    text,
    /^packer \{\n {2}required_version = ">= 1\.7\.0"\n {2}required_plugins \{\n {4}qemu = \{\n[^{}]*\}\n {2}\}\n\}\n$/,
  );
  t.match(text, /source {2}= "github\.com\/hashicorp\/qemu"\n {6}version = "~> 1\.\d+"/);
  t.notMatch(read('node.pkr.hcl'), /^packer \{/m, 'the block is nowhere else');
  t.comment('plugins.pkr.hcl was not run: the Packer that is tested with has no plugins');
});

t.test('the build runs every script, in order, and they are bash', { skip: missing('bash') }, async (t) => {
  const run = [...read('node.pkr.hcl').matchAll(/"scripts\/([\w-]+\.sh)"/g)].map(([, name]) => name ?? '');
  t.strictSame(run, [...SCRIPTS].sort());
  for (const name of ['files/common.sh', ...SCRIPTS.map((script) => `scripts/${script}`)]) {
    const { status, stderr } = spawnSync('bash', ['-n', join(RECIPE, name)], { encoding: 'utf8' });
    t.equal(status, 0, `${name} ${stderr}`);
    if (name.startsWith('scripts/'))
      t.match(read(name), /^#!\/usr\/bin\/env bash\n# [^]*\nset -euo pipefail\n/, name);
  }
});

t.test('shellcheck finds nothing in the scripts', { skip: missing('shellcheck') }, async (t) => {
  const files = SCRIPTS.map((name) => `packer/scripts/${name}`);
  const { status, stdout } = spawnSync('shellcheck', ['-x', 'packer/files/common.sh', ...files], {
    ...{ cwd: packageRoot(), encoding: 'utf8' },
  });
  t.equal(status, 0, stdout);
});

t.test('the template of kube-vip is the manifest of a lab with its values taken out', async (t) => {
  const lab = makeLab({ vip: 'kube-vip' });
  const filled = read('files/kube-vip.yaml')
    .replace('@VERSION@', 'v1.0.4')
    .replaceAll('"@VIP@"', lab.vip?.address ?? '')
    .replaceAll('"@INTERFACE@"', 'eth1');
  t.strictSame(parse(filled), parse(kubeVipManifest(lab, 'steady')));
});

t.test('the seed lets the build in and nobody else', async (t) => {
  const [userData, metaData] = cloudInitSeed('debian', 'ssh-ed25519 AAAA homelab-build');
  t.match(userData?.content, /^#cloud-config\n/);
  t.match(parse(userData?.content ?? ''), {
    users: [{ name: 'debian', lock_passwd: true, ssh_authorized_keys: ['ssh-ed25519 AAAA homelab-build'] }],
    ssh_pwauth: false,
  });
  t.match(parse(metaData?.content ?? ''), { 'instance-id': /./ });
});
