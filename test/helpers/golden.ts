/**
 * Golden files: what a generator writes, kept under test/fixtures/golden and read like code when it changes.
 * `npm run snap` rewrites them; in CI (CI=true) nothing can.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from './package-root.js';

/** The part of tap's `t` that is used here. */
interface Assertions {
  comment(text: string): void;
  equal(found: string, wanted: string, message: string): boolean;
  fail(message: string): boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Compares `text` with the golden file `name`, such as `k8s-ha-kube-vip/Vagrantfile`; tap prints the diff. */
export function matchGolden(
  t: Assertions,
  name: string,
  text: string,
  env: Environment = process.env,
): boolean {
  const path = join(packageRoot(), 'test/fixtures/golden', name);
  if (env['HOMELAB_SNAP'] === '1') {
    if (isCi(env['CI'])) return t.fail(`${name}: golden files are not rewritten in CI`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    t.comment(`wrote test/fixtures/golden/${name}`);
  }
  if (!existsSync(path)) return t.fail(`${name}: no such golden file; make it with npm run snap and read it`);
  return t.equal(text, readFileSync(path, 'utf8'), `${name} is as recorded (npm run snap rewrites it)`);
}

export function isCi(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false' && value !== '0';
}
