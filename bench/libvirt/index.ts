/**
 * `npm run bench:libvirt [-- PAIRS]`: what homelab costs beside plain Vagrant and plain ssh, on real machines. Prints
 * tables, writes bench/libvirt.json, and exits with 1 when a figure misses its target. docs/performance.md explains.
 */
import { writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostPrograms } from '../../lib/provider/libvirt/host-program.js';
import { kvmWorks } from '../../lib/provider/libvirt/kvm.js';
import { packageRoot } from '../../test/helpers/package-root.js';
import type { Shape } from '../../test/libvirt/helpers/configuration.js';
import { prepareHost, whyNot } from '../../test/libvirt/helpers/host.js';
import { isReached, table } from '../figure.js';
import { commandFigures } from './commands.js';
import { upFigures } from './up.js';

const PAIRS = 5;

const write = (text: string): void => {
  process.stdout.write(text);
};

async function bench(pairs: number): Promise<number> {
  const host = prepareHost();
  Object.assign(process.env, host.env);
  try {
    // Plain Vagrant is told the driver, and so is homelab: finding it out takes 5 s where KVM is there and hangs.
    const driver = (await kvmWorks(hostPrograms(process.env), tmpdir())) ? 'kvm' : 'qemu';
    const four: Shape = { name: 'b4', subnet: '192.168.86', controlPlanes: 1, workers: 3, driver };
    const one: Shape = { name: 'b1', subnet: '192.168.87', controlPlanes: 1, workers: 0, driver };
    const measured = [
      await upFigures(four, pairs, write),
      await upFigures(one, pairs, write),
      await commandFigures(one, write),
    ];
    const figures = measured.flatMap((one) => one.figures);
    const runs = measured.flatMap((one) => one.runs);
    write(`\n${table(figures)}`);
    const missed = figures.filter((figure) => !isReached(figure)).map(({ name }) => name);
    const document = { node: process.versions.node, cores: cpus().length, pairs, figures, runs };
    writeFileSync(join(packageRoot(), 'bench/libvirt.json'), `${JSON.stringify(document, null, 2)}\n`);
    if (missed.length > 0) write(`missed: ${missed.join(', ')}\n`);
    return missed.length > 0 ? 1 : 0;
  } finally {
    host.stop();
  }
}

const why = whyNot();
if (why.length > 0) {
  write(`real machines cannot run here:\n${why.map((reason) => `  ${reason}\n`).join('')}`);
  process.exitCode = 2;
} else {
  process.exitCode = await bench(Number(process.argv[2] ?? PAIRS));
}
