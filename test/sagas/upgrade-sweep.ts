// The upgrade killed everywhere: a resume ends in the same cluster, an abort before the pivot in the old one.
import t from 'tap';
import type { Overrides } from '../../lib/config/flags.js';
import { upgradeSaga } from '../../lib/sagas/upgrade.js';
import { commitNumber, SMALL, type Strides } from '../helpers/bootstrap-sweep.js';
import { crashSweep } from '../helpers/crash-sweep.js';
import { memoryPorts } from '../helpers/sim-lab.js';
import { simSubject } from '../helpers/sim-sweep.js';
import { inputFor, openLab, upLab } from '../helpers/upgrade-runs.js';

t.setTimeout(20 * 60_000);

async function sweepUpgrade(t: Tap, overrides: Overrides, strides: Strides): Promise<void> {
  const up = await upLab(overrides);
  const opened = openLab(up);
  const input = await inputFor(opened);
  const stride = process.env['HOMELAB_SWEEP'] === 'all' ? strides.all : strides.some;
  const offset = commitNumber() % stride;
  let known = 0;
  const saga = () => upgradeSaga(up.lab, input, memoryPorts());
  const subject = simSubject(up.lab, saga, opened.log.read());
  const { points, problems } = await crashSweep(subject, (all) => {
    known = all.length;
    return all.filter((_, i) => i % stride === offset);
  });
  t.comment(
    `crash points: ${known}; swept, with resume and with abort: ${points} (every ${stride}, from ${offset})`,
  );
  t.strictSame(problems, []);
  t.ok(known > 200 && points >= Math.floor(known / stride), 'there are many points');
}

void t.test('three control planes with kube-vip, killed anywhere', (t) =>
  sweepUpgrade(t, SMALL, { all: 10, some: 37 }),
);

void t.test('one control plane, killed anywhere', (t) =>
  sweepUpgrade(t, { ...SMALL, topology: 'k8s-multi' }, { all: 3, some: 29 }),
);

void t.test('one control plane, from a bundle, killed anywhere', (t) =>
  sweepUpgrade(t, { ...SMALL, topology: 'k8s-multi', bundle: './b' }, { all: 6, some: 41 }),
);

interface Tap {
  comment(text: string): void;
  strictSame(found: unknown, wanted: unknown): boolean;
  ok(value: unknown, message: string): boolean;
}
