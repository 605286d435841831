/**
 * `homelab up --until machines` beside `vagrant up` of the Vagrantfile that homelab has generated, in turn, each first
 * in every other pair. Plain Vagrant is given homelab's networks beforehand and they are not in its time: left alone it
 * makes them from several threads at once, which does not always come to a good end.
 */
import type { Shape } from '../../test/libvirt/helpers/configuration.js';
import type { Figure } from '../figure.js';
import {
  homelabArgs,
  makeBenchLab,
  mustSucceed,
  networksOf,
  removeBenchLab,
  secondsOf,
  startNetworks,
  stopNetworks,
  takeVagrantfile,
  type BenchLab,
} from './lab.js';
import { describe, median, type Measured } from './runs.js';

const UP = 'up --until machines';

export async function upFigures(
  shape: Shape,
  pairs: number,
  write: (text: string) => void,
): Promise<Measured> {
  const lab = makeBenchLab(shape);
  const count = shape.controlPlanes + shape.workers;
  const [homelab, plain]: [number[], number[]] = [[], []];
  try {
    const networks = await warmUp(lab);
    const ways = [
      async () => homelab.push(await homelabUp(lab)),
      async () => plain.push(await vagrantUp(lab, networks)),
    ];
    for (let pair = 0; pair < pairs; pair += 1) {
      for (const way of pair % 2 === 0 ? ways : ways.toReversed()) await way();
      write(`${count} machines, pair ${pair + 1}: homelab ${last(homelab)} s, plain ${last(plain)} s\n`);
    }
  } finally {
    removeBenchLab(lab);
  }
  const runs = { what: `up of ${count} machines`, homelab, plain };
  write(describe(runs));
  return { figures: [figureOf(count, homelab, plain)], runs: [runs] };
}

function figureOf(count: number, homelab: readonly number[], plain: readonly number[]): Figure {
  const [mine, theirs] = [median(homelab), median(plain)];
  if (count === 1) {
    const what = '`homelab up --until machines` of 1 machine − `vagrant up`';
    return { name: 'up-1', what, value: mine - theirs, unit: 's', target: { bound: 'at most', value: 4 } };
  }
  const what = `\`homelab up --until machines\` of ${count} machines ÷ \`vagrant up\``;
  return {
    name: `up-${count}`,
    what,
    value: mine / theirs,
    unit: '',
    target: { bound: 'at most', value: 1.1 },
  };
}

/** The first run also uploads the box's disk and lets libvirt look at the emulator: neither is what is measured. */
async function warmUp(lab: BenchLab): Promise<readonly string[]> {
  mustSucceed(lab.folder, process.execPath, homelabArgs(UP));
  takeVagrantfile(lab);
  const networks = networksOf(lab);
  mustSucceed(lab.folder, process.execPath, homelabArgs('destroy -y'));
  return networks;
}

async function homelabUp(lab: BenchLab): Promise<number> {
  const seconds = await secondsOf(lab.folder, process.execPath, homelabArgs(UP));
  mustSucceed(lab.folder, process.execPath, homelabArgs('destroy -y'));
  return seconds;
}

async function vagrantUp(lab: BenchLab, networks: readonly string[]): Promise<number> {
  startNetworks(lab, networks);
  try {
    const seconds = await secondsOf(lab.plain, 'vagrant', ['up', '--provider=libvirt']);
    mustSucceed(lab.plain, 'vagrant', ['destroy', '-f']);
    return seconds;
  } finally {
    stopNetworks(lab);
  }
}

function last(values: readonly number[]): string {
  return (values.at(-1) ?? NaN).toFixed(1);
}
