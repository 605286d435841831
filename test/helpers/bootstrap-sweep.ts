/**
 * The crash sweep over a bootstrap: whatever the moment of the kill, a resume ends in the same cluster and an abort
 * in nothing. With HOMELAB_SWEEP=all many more points are taken than otherwise.
 */
import { spawnSync } from 'node:child_process';
import type { Overrides } from '../../lib/config/flags.js';
import { bootstrapSaga } from '../../lib/sagas/bootstrap.js';
import { crashSweep } from './crash-sweep.js';
import { labOf, memoryPorts } from './sim-lab.js';
import { simSubject } from './sim-sweep.js';

/** The least lab that has everything a join can trip over. */
export const SMALL: Overrides = { cni: 'bridge', csi: 'none', ingress: 'none', workers: '1' };

/** One of so many crash points is taken, with HOMELAB_SWEEP=all and without. */
export interface Strides {
  readonly all: number;
  readonly some: number;
}

export async function sweepBootstrap(t: Tap, overrides: Overrides, strides: Strides): Promise<void> {
  const lab = labOf(overrides);
  const stride = process.env['HOMELAB_SWEEP'] === 'all' ? strides.all : strides.some;
  const offset = commitNumber() % stride;
  let known = 0;
  const saga = () => bootstrapSaga(lab, { existing: [], initialized: false }, memoryPorts());
  const { points, problems } = await crashSweep(simSubject(lab, saga), (all) => {
    known = all.length;
    return all.filter((_, i) => i % stride === offset);
  });
  t.comment(
    `crash points: ${known}; swept, with resume and with abort: ${points} (every ${stride}, from ${offset})`,
  );
  t.strictSame(problems, []);
  t.ok(known > 200 && points >= Math.floor(known / stride), 'there are many points');
}

/** A number that every commit changes, so that in time every point is swept; 0 outside of a checkout. */
export function commitNumber(): number {
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? parseInt(stdout.slice(0, 8), 16) : 0;
}

interface Tap {
  comment(text: string): void;
  strictSame(found: unknown, wanted: unknown): boolean;
  ok(value: unknown, message: string): boolean;
}
