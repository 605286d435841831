/** `homelab chaos` by the real program: its documents, a kill in the middle, Ctrl-C, and reports. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { ChaosDocument, ChaosRunsDocument } from '../../lib/cli/chaos/documents.js';
import type { StatusDocument } from '../../lib/cli/commands/status.js';
import { documentProblems } from '../helpers/documents.js';
import { homelab, journalLines, signalAt, signalWhen, startHomelab } from '../helpers/real-time.js';

t.setTimeout(600_000);

const UP = 'up --cni bridge --csi none --ingress none --workers 1';
const TWO = 'chaos run halt-two-control-planes -o json';
/** Records of an experiment until both control planes are off and the time is waited for. */
const IN_THE_MIDDLE = 18;

async function statusOf(cwd: string): Promise<StatusDocument> {
  return JSON.parse((await homelab(cwd, 'status -o json')).stdout) as StatusDocument;
}

function isWhole({ machines, nodes, etcd, api }: StatusDocument): boolean {
  return (
    machines.every(({ state }) => state === 'running') &&
    (nodes ?? []).length === 4 &&
    (nodes ?? []).every(({ ready }) => ready) &&
    (etcd.members ?? []).length === 3 &&
    (etcd.members ?? []).every(({ healthy }) => healthy) &&
    api.available
  );
}

/** The JSON beside a page; all three files are there. */
function reportOf(cwd: string, page: string | null): unknown {
  const path = (ending: string): string => join(cwd, (page ?? 'none').replace(/html$/, ending));
  for (const ending of ['html', 'xml']) if (!existsSync(path(ending))) return `no ${path(ending)}`;
  return JSON.parse(readFileSync(path('json'), 'utf8'));
}

t.test('without a lab: what there is, and what is wrong', async (t) => {
  const cwd = t.testdir({});
  const list = await homelab(cwd, 'chaos list -o json');
  t.strictSame(documentProblems('chaos-list', JSON.parse(list.stdout)), []);
  const show = await homelab(cwd, 'chaos show worker-loss -o json');
  t.strictSame(documentProblems('chaos-show', JSON.parse(show.stdout)), []);
  const text = (await homelab(cwd, 'chaos show worker-loss')).stdout;
  writeFileSync(join(cwd, 'mine.yaml'), text);
  const sound = await homelab(cwd, 'chaos validate ./mine.yaml -o json');
  t.strictSame([sound.code, documentProblems('chaos-validate', JSON.parse(sound.stdout))], [0, []]);
  writeFileSync(join(cwd, 'mine.yaml'), text.replace('fault: cut', 'fault: cutt'));
  const wrong = await homelab(cwd, 'chaos validate ./mine.yaml -o json');
  t.match(
    [wrong.code, JSON.parse(wrong.stdout)],
    [2, { error: { code: 'bad-scenario' }, problems: [{ line: Number }] }],
  );
  t.match((await homelab(cwd, 'chaos show worker-los')).stderr, /Did you mean worker-loss\?/);
});

const CABLE = `name: cable
description: A cable is pulled, and there is no Kubernetes yet.
steady_state:
  - { watch: machines }
  - { watch: probe worker }
probes:
  - { name: worker, ping: worker }
method:
  - { name: pulled, fault: link, machines: worker, at: 2s, for: 10s }
during:
  - { name: nothing comes through, watch: probe worker, while: pulled, skip: 1s, stays: down }
recovery: { within: 30s }
`;

t.test('a lab that was stopped before Kubernetes', async (t) => {
  const cwd = t.testdir({ 'cable.yaml': CABLE });
  t.equal((await homelab(cwd, `${UP} --until machines`)).code, 0);
  const held = await homelab(cwd, 'chaos run ./cable.yaml -o json');
  t.match([held.code, JSON.parse(held.stdout)], [0, { verdict: 'held' }], held.stderr);
  t.equal((await homelab(cwd, 'chaos run ./cable.yaml --control emptied')).code, 4);
  await homelab(cwd, 'exec stage-w-1 -- iptables -A INPUT -s 192.168.62.1 -j DROP');
  const unmet = await homelab(cwd, 'chaos run ./cable.yaml -o json');
  t.match(
    [unmet.code, JSON.parse(unmet.stdout)],
    [2, { verdict: 'aborted', lines: [/probe worker: exit code 1/] }],
  );
  const refused = await homelab(cwd, 'chaos run halt-one-control-plane -o json');
  t.match(
    [refused.code, JSON.parse(refused.stdout)],
    [2, { verdict: 'aborted', lines: [/nodes: not to be seen/] }],
  );
});

t.test('held, repeated, killed, lifted', async (t) => {
  const cwd = t.testdir({});
  t.equal((await homelab(cwd, UP)).code, 0);
  const upLines = journalLines(cwd);

  const ran = await homelab(cwd, TWO);
  const document = JSON.parse(ran.stdout) as ChaosDocument;
  t.match([ran.code, document.verdict], [0, 'held'], ran.stderr);
  t.strictSame(documentProblems('chaos-result', document), []);
  t.match(reportOf(cwd, document.report), {
    ...{ kind: 'RunReport', subject: { kind: 'scenario', name: 'halt-two-control-planes' } },
    ...{ verdict: { word: 'held' }, faults: [{ key: 'first' }, { key: 'second' }] },
  });
  const heldLines = journalLines(cwd) - upLines;

  const repeated = await homelab(cwd, 'chaos run drain-leader --runs 2 --seed 7 -o json');
  const runs = JSON.parse(repeated.stdout) as ChaosRunsDocument;
  t.strictSame(documentProblems('chaos-runs', runs), []);
  t.match([repeated.code, runs.verdicts], [0, { held: 2 }]);
  t.match(runs.worst?.command, /^homelab chaos run drain-leader --runs 1 --seed [78]$/);
  const ofRuns = reportOf(cwd, runs.report);
  t.strictSame(documentProblems('run-report', ofRuns), []);
  t.match(ofRuns, {
    ...{ verdict: { word: 'held', lines: [/^2 of 2 runs held$/] }, command: runs.worst?.command },
    ...{ operation: null, runs: { count: 2, firstSeed: 7, distributions: runs.measures } },
  });
  t.match((await homelab(cwd, 'report show')).stdout, /Over all runs/);
  t.equal((await homelab(cwd, 'chaos run drain-leader --runs 1 --control emptied')).code, 4);
  t.equal(journalLines(cwd), upLines + heldLines, 'and the lab was only read');

  t.ok(IN_THE_MIDDLE < heldLines, 'the kill comes in the middle');
  const started = startHomelab(cwd, TWO.split(' '));
  t.ok(await signalAt(started, cwd, upLines + heldLines + IN_THE_MIDDLE, 'SIGKILL'), 'the kill came in time');
  const broken = await statusOf(cwd);
  t.ok(
    broken.machines.some(({ state }) => state === 'off'),
    'machines are off',
  );
  const aborted = await homelab(cwd, 'abort -o json');
  t.match([aborted.code, JSON.parse(aborted.stdout)], [0, { verdict: 'aborted' }], aborted.stderr);
  t.ok(isWhole(await statusOf(cwd)), 'machines are back, and the cluster is healthy');

  await homelab(cwd, 'machine cut -y stage-w-1');
  const lines = journalLines(cwd);
  const unmet = await homelab(cwd, TWO);
  t.match(
    [unmet.code, JSON.parse(unmet.stdout)],
    [2, { verdict: 'aborted', assertions: [{ phase: 'steady-state' }] }],
  );
  t.strictSame(documentProblems('chaos-result', JSON.parse(unmet.stdout)), []);
  const ofGate = reportOf(cwd, (JSON.parse(unmet.stdout) as ChaosDocument).report);
  t.strictSame(documentProblems('run-report', ofGate), []);
  t.match(ofGate, { verdict: { word: 'aborted' }, steps: [], assertions: [{ phase: 'steady-state' }] });
  const refused = await homelab(cwd, 'chaos run load-balancer-lost -o json');
  t.match([refused.code, JSON.parse(refused.stdout)], [2, { error: { code: 'scenario-impossible' } }]);
  t.equal(journalLines(cwd), lines, 'nothing was begun');
});

t.test('gone on with after a kill, interrupted, and lifted by the next run', async (t) => {
  const cwd = t.testdir({});
  t.equal((await homelab(cwd, UP)).code, 0);
  const run = (): ReturnType<typeof startHomelab> => startHomelab(cwd, TWO.split(' '));
  const at = (): number => journalLines(cwd) + IN_THE_MIDDLE;
  t.ok(await signalAt(run(), cwd, at(), 'SIGKILL'), 'the kill came in time');
  const resumed = await homelab(cwd, 'resume -o json');
  t.match([resumed.code, JSON.parse(resumed.stdout)], [0, { verdict: 'held' }], resumed.stderr);

  const interrupted = run();
  t.ok(await signalAt(interrupted, cwd, at(), 'SIGINT'), 'Ctrl-C came in time');
  const ended = await interrupted.ended;
  t.match([ended.code, JSON.parse(ended.stdout)], [130, { verdict: 'aborted' }], ended.stderr);
  t.ok(isWhole(await statusOf(cwd)), 'Ctrl-C lifts');

  t.ok(await signalAt(run(), cwd, at(), 'SIGKILL'), 'the kill came in time');
  t.match((await homelab(cwd, 'k8s upgrade --to v1.32 -o json')).stdout, /saga-open/);
  const next = await homelab(cwd, 'chaos run drain-leader -o json');
  t.match([next.code, JSON.parse(next.stdout)], [0, { verdict: 'held' }], next.stderr);
  t.match(next.stderr, /lifted first/);
});

/** A fault at a step of an operation, long enough to be killed in. */
function operated(saga: string, when: string): string {
  const input = saga === 'rejoin' ? ', input: { machines: cp-3 }' : '';
  return `name: operated
description: A control plane is away while something is done.
operation: { saga: ${saga}${input} }
method:
  - { name: away, fault: cut, machines: stage-cp-3, when: ${when}, at: 5s, for: 1m }
during:
  - { name: it is away, watch: machines of away, while: away, becomes: down, within: 1s }
recovery: { within: 5m }
`;
}

t.test(
  'an operation is killed with its experiment: gone on with, taken back, and not past its pivot',
  async (t) => {
    const cwd = t.testdir({});
    t.equal((await homelab(cwd, UP)).code, 0);
    writeFileSync(join(cwd, 'rejoin.yaml'), operated('rejoin', 'join'));
    writeFileSync(join(cwd, 'upgrade.yaml'), operated('upgrade', 'upgrade-node'));
    const kill = async (file: string): Promise<void> => {
      const started = startHomelab(cwd, ['chaos', 'run', `./${file}`, '-o', 'json']);
      t.ok(await signalWhen(started, cwd, '"step":"until:1-2"', 'SIGKILL'), 'killed in time');
      const { machines } = await statusOf(cwd);
      t.match(
        machines.find(({ name }) => name === 'stage-cp-3'),
        { state: 'off' },
        'the fault is in force',
      );
    };
    await kill('rejoin.yaml');
    const list = JSON.parse((await homelab(cwd, 'saga list -o json')).stdout) as object;
    t.match(list, { sagas: [{}, { saga: 'chaos' }, { saga: 'rejoin' }] });
    const aborted = await homelab(cwd, 'abort -o json');
    t.match([aborted.code, JSON.parse(aborted.stdout)], [0, { verdict: 'aborted' }], aborted.stderr);
    t.ok(isWhole(await statusOf(cwd)), 'what had left the cluster is in it again');

    await kill('rejoin.yaml');
    const resumed = await homelab(cwd, 'resume -o json');
    t.match([resumed.code, JSON.parse(resumed.stdout)], [0, { verdict: 'held' }], resumed.stderr);
    t.ok(isWhole(await statusOf(cwd)), 'it has joined');

    const interrupted = startHomelab(cwd, ['chaos', 'run', './rejoin.yaml', '-o', 'json']);
    t.ok(await signalWhen(interrupted, cwd, '"step":"until:1-2"', 'SIGINT'), 'Ctrl-C came in time');
    const ended = await interrupted.ended;
    t.match([ended.code, JSON.parse(ended.stdout)], [130, { verdict: 'aborted' }], ended.stderr);
    t.ok(isWhole(await statusOf(cwd)), 'Ctrl-C lifts, and takes the operation back');

    await kill('upgrade.yaml');
    const refused = await homelab(cwd, 'abort -o json');
    const { verdict, lines } = JSON.parse(refused.stdout) as ChaosDocument;
    t.match([refused.code, verdict], [3, 'stuck'], refused.stderr);
    t.match(lines.join('\n'), /cannot go back.*\n.*lifted\n.*homelab resume/);
    t.ok(
      (await statusOf(cwd)).machines.every(({ state }) => state === 'running'),
      'nothing is in force',
    );
    const upgraded = await homelab(cwd, 'resume -o json');
    t.match([upgraded.code, JSON.parse(upgraded.stdout)], [0, { saga: 'upgrade', outcome: 'completed' }]);
    t.ok(isWhole(await statusOf(cwd)), 'the upgrade was gone on with by itself');
  },
);
