/**
 * Labs of real machines for tests: small ones, each in a folder and on a network of its own, driven through the library
 * or through the real program, and looked at through virsh.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { must } from '../../../lib/base/errors.js';
import { resolve } from '../../../lib/config/resolve.js';
import type { LabSpec } from '../../../lib/model/lab.js';
import type { Provider } from '../../../lib/provider/provider.js';
import { openProvider } from '../../../lib/provider/registry.js';
import { startHomelab, type Ended, type Started } from '../../helpers/real-time.js';
import { configuration, type Shape } from './configuration.js';
import { virsh } from './programs.js';

export interface TestLab {
  readonly name: string;
  /** Where the configuration is and homelab runs. */
  readonly folder: string;
  readonly spec: LabSpec;
  /** Runs one command line of homelab to its end, words separated by blanks. */
  homelab(line: string): Promise<Ended>;
  start(line: string): Started;
  /** The lab's provider in this process. */
  open(): Promise<Provider>;
  /** What libvirt, Vagrant and the folder still have of the lab; homelab is not asked. */
  leftovers(): readonly string[];
}

/** A command that takes longer hangs: four first boots take 80 s on an idle computer, ten times that on a busy one. */
const LIMIT_MS = 20 * 60_000;
/** Of real Kubernetes without KVM. */
const LONG_LIMIT_MS = 4 * 60 * 60_000;
/** What `skip` of a test wants: the box that the runner has prepared, or why there is none. */
export function notPrepared(): string | false {
  return process.env['HOMELAB_TEST_BOX'] === undefined ? 'started without npm run test:libvirt' : false;
}

export function makeLab(t: Test, shape: Shape): TestLab {
  return makeLabOf(t, shape.name, configuration(shape));
}

/** Of a whole configuration. Whatever a test leaves is removed at its end, so that the next begins with nothing. */
export function makeLabOf(t: Test, name: string, text: string): TestLab {
  const folder = mkdtempSync(join(tmpdir(), `homelab-${name}-`));
  const file = join(folder, 'config-homelab.yaml');
  writeFileSync(file, text);
  const { spec, problems } = resolve({ text, file, overrides: {} });
  const lab: TestLab = {
    name,
    folder,
    spec: must(spec, problems.map(({ message }) => message).join('; ')),
    homelab: (line) => lab.start(line).ended,
    start: (line) =>
      startHomelab(
        folder,
        line.split(' '),
        '',
        process.env['HOMELAB_BUNDLE'] === undefined ? LIMIT_MS : LONG_LIMIT_MS,
      ),
    open: () => openProvider({ lab: lab.spec, host: { folder: labFolder(lab), env: process.env } }),
    leftovers: () => leftovers(name, folder),
  };
  t.teardown(() => {
    cleanUp(lab);
  });
  return lab;
}

export function labFolder({ folder, name }: TestLab): string {
  const path = join(folder, '.homelab', name);
  mkdirSync(path, { recursive: true });
  return path;
}

function leftovers(lab: string, folder: string): readonly string[] {
  const words = (...args: readonly string[]): readonly string[] => virsh(...args).stdout.split(/\s+/);
  const domain = `homelab_${lab}-`;
  const network = `homelab-${lab}`;
  const dnsmasq = '/var/lib/libvirt/dnsmasq';
  const index = join(
    process.env['VAGRANT_HOME'] ?? join(homedir(), '.vagrant.d'),
    'data/machine-index/index',
  );
  const found = (kind: string, names: readonly string[]): readonly string[] =>
    names.map((name) => `${kind} ${name}`);
  return [
    ...found(
      'domain',
      words('list', '--all', '--name').filter((name) => name.startsWith(domain)),
    ),
    ...found(
      'volume',
      words('vol-list', 'default').filter((name) => name.startsWith(domain)),
    ),
    ...found(
      'network',
      words('net-list', '--all', '--name').filter((name) => isNetwork(name, network)),
    ),
    ...found(
      'lease',
      existsSync(dnsmasq)
        ? readdirSync(dnsmasq).filter((name) => isNetwork(name.split('.')[0] ?? '', network))
        : [],
    ),
    ...found(
      'of vagrant',
      existsSync(index) && readFileSync(index, 'utf8').includes(folder) ? ['machine-index'] : [],
    ),
    ...found('folder', existsSync(join(folder, '.homelab')) ? ['.homelab'] : []),
  ];
}

/** The lab network or its management network, and not that of a lab whose name begins alike. */
function isNetwork(name: string, network: string): boolean {
  return name === network || name === `${network}-mgmt`;
}

/** The last resort after a failed test, by libvirt's own means. */
function cleanUp({ name: lab, folder }: TestLab): void {
  for (const what of leftovers(lab, folder)) {
    const [kind = '', name = ''] = what.split(' ');
    if (kind === 'domain') {
      virsh('destroy', name);
      virsh('undefine', name, '--nvram', '--snapshots-metadata', '--managed-save');
    }
    if (kind === 'volume') virsh('vol-delete', '--pool', 'default', name);
    if (kind === 'network') {
      virsh('net-destroy', name);
      virsh('net-undefine', name);
    }
  }
  rmSync(folder, { recursive: true, force: true });
  spawnSync('vagrant', ['global-status', '--prune'], { stdio: 'ignore' });
}
