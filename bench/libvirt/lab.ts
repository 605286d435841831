/** The labs that are measured, and the programs that are, each in a folder of its own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../test/helpers/package-root.js';
import { configuration, type Shape } from '../../test/libvirt/helpers/configuration.js';
import { virsh } from '../../test/libvirt/helpers/programs.js';
import { timed } from '../clock.js';

export interface BenchLab {
  readonly shape: Shape;
  /** homelab's working folder. */
  readonly folder: string;
  /** The lab's own folder in it. */
  readonly own: string;
  /** Where plain Vagrant runs, on the same Vagrantfile. */
  readonly plain: string;
}

export function makeBenchLab(shape: Shape): BenchLab {
  const folder = mkdtempSync(join(tmpdir(), `homelab-bench-${shape.name}-`));
  const plain = join(folder, 'plain');
  mkdirSync(plain);
  writeFileSync(join(folder, 'config-homelab.yaml'), configuration(shape));
  return { shape, folder, own: join(folder, '.homelab', shape.name), plain };
}

export function removeBenchLab({ folder }: BenchLab): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Seconds that a program takes. A run that fails is no measurement. */
export async function secondsOf(cwd: string, program: string, args: readonly string[]): Promise<number> {
  const ms = await timed(() => {
    mustSucceed(cwd, program, args);
  });
  return ms / 1_000;
}

export function mustSucceed(cwd: string, program: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status === 0) return;
  throw new Error(
    `${program} ${args.join(' ')} ended with ${String(status)}:\n${stdout}${stderr}`.slice(-4_000),
  );
}

export function homelabArgs(line: string): readonly string[] {
  return [join(packageRoot(), 'bin/homelab.js'), ...line.split(' ')];
}

/** The networks as homelab defined them, so that plain Vagrant can be given the same. */
export function networksOf({ shape }: BenchLab): readonly string[] {
  return virsh('net-list', '--name')
    .stdout.split(/\s+/)
    .filter((name) => name === `homelab-${shape.name}` || name === `homelab-${shape.name}-mgmt`)
    .map((name) => virsh('net-dumpxml', '--inactive', name).stdout);
}

export function startNetworks(lab: BenchLab, networks: readonly string[]): void {
  for (const [index, xml] of networks.entries()) {
    const file = join(lab.folder, `network-${index}.xml`);
    writeFileSync(file, xml);
    mustSucceed(lab.folder, 'virsh', ['-c', 'qemu:///system', 'net-create', file]);
  }
}

export function stopNetworks({ shape }: BenchLab): void {
  for (const suffix of ['', '-mgmt']) virsh('net-destroy', `homelab-${shape.name}${suffix}`);
}

export function takeVagrantfile({ own, plain }: BenchLab): void {
  writeFileSync(join(plain, 'Vagrantfile'), readFileSync(join(own, 'Vagrantfile')));
}
