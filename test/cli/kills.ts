/** The real program killed and interrupted in the middle of `up`, by real signals. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { canonicalJson } from '../../lib/base/digest.js';
import type { StatusDocument } from '../../lib/cli/commands/status.js';
import type { SagaDocument } from '../../lib/cli/operation.js';
import {
  HAS_TERMINALS,
  homelab,
  journalLines,
  signalAt,
  startHomelab,
  startOnTerminal,
  typeAt,
} from '../helpers/real-time.js';

t.setTimeout(600_000);

const UP = 'up --cni bridge --csi none --ingress none --workers 1';

/** What must be equal however the lab came up: no times, and not who leads or holds the address. */
async function finalStatus(cwd: string): Promise<unknown> {
  const { stdout } = await homelab(cwd, 'status -o json');
  const { machines, nodes, etcd, vip, api } = JSON.parse(stdout) as StatusDocument;
  const members = [...(etcd.members ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
  return JSON.parse(
    canonicalJson({ machines, nodes, members, tolerance: etcd.tolerance, holders: vip?.holders.length, api }),
  );
}

void t.test('kill -9 in the middle of up, then resume', async (t) => {
  const base = t.testdir({ whole: {}, killed: {} });
  const whole = join(base, 'whole');
  t.equal((await homelab(whole, UP)).code, 0);
  const expected = await finalStatus(whole);
  const lines = journalLines(whole);
  const cwd = join(base, 'killed');
  let kills = 0;
  const all = [1, 2, 5, 9, 14, 19, 23, 27, 30, 33, 36, 39, lines - 2];
  const moments = process.env['HOMELAB_SWEEP'] === 'all' ? all : [1, 14, 27, 33, lines - 2];
  for (const moment of moments) {
    rmSync(join(cwd, '.homelab'), { recursive: true, force: true });
    const wasKilled = await signalAt(startHomelab(cwd, UP.split(' ')), cwd, moment, 'SIGKILL');
    if (wasKilled) kills += 1;
    const resumed = await homelab(cwd, 'resume -o json');
    // A kill that came too late finds nothing open, and one that came before the first record has nothing to resume.
    const isOver = resumed.code === 2 && /nothing-to-resume|no-lab/.test(resumed.stdout);
    t.ok(resumed.code === 0 || isOver, `killed at line ${moment}: ${resumed.stderr.slice(-300)}`);
    if (isOver) t.equal((await homelab(cwd, UP)).code, 0);
    t.strictSame(await finalStatus(cwd), expected, `killed at line ${moment}`);
  }
  t.comment(`killed ${kills} of ${moments.length} times, of ${lines} lines`);
  t.ok(kills >= 3, 'most kills came in time');
});

void t.test('killed again and again, each time a little later', async (t) => {
  const cwd = t.testdir({});
  let command = UP;
  let kills = 0;
  for (let lines = 6; kills < 4; lines = journalLines(cwd) + 5) {
    if (!(await signalAt(startHomelab(cwd, command.split(' ')), cwd, lines, 'SIGKILL'))) break;
    kills += 1;
    command = 'resume';
  }
  t.comment(`kills: ${kills}`);
  t.ok(kills > 2, 'several kills came in time');
  await homelab(cwd, 'resume');
  const { stdout } = await homelab(cwd, 'up -o json');
  t.match(JSON.parse(stdout), { outcome: 'completed' });
});

void t.test('kill -9, then abort', async (t) => {
  const cwd = t.testdir({});
  t.ok(await signalAt(startHomelab(cwd, UP.split(' ')), cwd, 25, 'SIGKILL'), 'the kill came in time');
  const { code, stdout } = await homelab(cwd, 'abort -o json');
  t.match([code, JSON.parse(stdout)], [0, { outcome: 'compensated', residue: [] }]);
  const { machines } = JSON.parse((await homelab(cwd, 'status -o json')).stdout) as StatusDocument;
  t.ok(machines.every(({ state }) => state === 'absent'));
});

void t.test(
  'kill -9 of an up that was to stop at a stage: resume stops there too, and the next goes on',
  async (t) => {
    const cwd = t.testdir({});
    const started = startHomelab(cwd, `${UP} --until prepare`.split(' '));
    t.ok(await signalAt(started, cwd, 4, 'SIGKILL'), 'the kill came in time');
    const outcomeOf = async (line: string): Promise<string> => {
      const { outcome } = JSON.parse((await homelab(cwd, `${line} -o json`)).stdout) as SagaDocument;
      return outcome;
    };
    t.equal(await outcomeOf('resume'), 'partial');
    t.equal(await outcomeOf('resume'), 'completed');
  },
);

void t.test('Ctrl-C stops in good order, with a way on and a way back', async (t) => {
  for (const way of ['resume', 'abort'] as const) {
    const cwd = t.testdir({});
    const started = startHomelab(cwd, `${UP} -o json`.split(' '));
    t.ok(await signalAt(started, cwd, 22, 'SIGINT'), 'the signal came in time');
    const ended = await started.ended;
    t.equal(ended.code, 130);
    const world = readFileSync(join(cwd, '.homelab/stage/world.jsonl'), 'utf8');
    const refused = await homelab(cwd, 'up --fault 50m=cut:stage-cp-1');
    t.equal(refused.code, 2, 'an unfinished saga stands in the way');
    t.equal(readFileSync(join(cwd, '.homelab/stage/world.jsonl'), 'utf8'), world, 'and no fault was planned');
    t.match(JSON.parse(ended.stdout), { outcome: 'interrupted' });
    t.match(ended.stderr, /homelab resume/);
    t.match((await homelab(cwd, 'saga list')).stdout, /interrupted/);
    const { code, stdout } = await homelab(cwd, `${way} -o json`);
    const document = JSON.parse(stdout) as SagaDocument;
    t.equal(code, 0, way);
    t.equal(document.outcome, way === 'resume' ? 'completed' : 'compensated');
    t.strictSame(document.residue, []);
    t.equal((await homelab(cwd, 'destroy -y')).code, 0);
  }
});

void t.test('Ctrl-C on a terminal, where the progress is drawn', { skip: !HAS_TERMINALS }, async (t) => {
  const cwd = t.testdir({});
  const started = startOnTerminal(cwd, UP);
  t.ok(await typeAt(started, cwd, 22, '\u0003'), 'the key came in time');
  const { code, stdout } = await started.ended;
  t.equal(code, 130);
  t.match(stdout, /homelab resume/, 'the way on is told');
  t.match((await homelab(cwd, 'saga list')).stdout, /interrupted/);
  t.equal((await homelab(cwd, 'resume')).code, 0);
});

void t.test('one process at a time, and looking is always allowed', async (t) => {
  const cwd = t.testdir({});
  const first = startHomelab(cwd, `${UP} --time-scale 3`.split(' '));
  t.ok(await signalAt(first, cwd, 8, 'SIGSTOP', 'keep'), 'it runs');
  const second = await homelab(cwd, 'resume -o json');
  t.match([second.code, JSON.parse(second.stdout)], [2, { error: { code: 'lab-locked' } }]);
  t.match(second.stderr, String(first.child.pid));
  t.equal((await homelab(cwd, 'status')).code, 0);
  t.equal((await homelab(cwd, 'exec stage-cp-1 -- hostname')).code, 125);
  first.child.kill('SIGCONT');
  t.equal((await first.ended).code, 0);
});
