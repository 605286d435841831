/** The real program from its first `up` to `destroy`, in folders of its own. */
import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import type { StatusDocument } from '../../lib/cli/commands/status.js';
import type { SagaDocument } from '../../lib/cli/operation.js';
import { documentProblems } from '../helpers/documents.js';
import { homelab, journalPaths, type Ended } from '../helpers/real-time.js';

t.setTimeout(600_000);

const SMALL = '--cni bridge --csi none --ingress none --workers 1';

function parsed(t: Tap, schema: string, { stdout }: Ended): unknown {
  const document: unknown = JSON.parse(stdout);
  t.strictSame(documentProblems(schema, document), [], `fits ${schema}.schema.json`);
  return document;
}

const statusOf = async (t: Tap, cwd: string): Promise<StatusDocument> =>
  parsed(t, 'status', await homelab(cwd, 'status -o json')) as StatusDocument;

void t.test('up says the same in two folders, byte for byte', async (t) => {
  const runs = [t.testdir({ a: {}, b: {} })].flatMap((base) =>
    ['a', 'b'].map((name) => homelab(join(base, name), 'up --topology k8s-ha -o json')),
  );
  const ended = await Promise.all(runs);
  const [first, second] = ended.map(({ stdout }) => stdout.replace(/"wallMs": \d+/, '"wallMs": 0'));
  t.strictSame(
    ended.map(({ code }) => code),
    [0, 0],
  );
  t.equal(first, second);
  const document = parsed(t, 'saga-result', must(ended[0], 'it ran'));
  t.match(document, { outcome: 'completed', residue: [], error: null });
  t.comment(
    `wall time of up: ${ended.map(({ stdout }) => /"wallMs": (\d+)/.exec(stdout)?.[1]).join(' and ')} ms`,
  );
});

void t.test('down after up --until, and up again to the same stage', async (t) => {
  const cwd = t.testdir({});
  const outcomeOf = async (line: string): Promise<unknown> =>
    parsed(t, 'saga-result', await homelab(cwd, line));
  const states = async (): Promise<string[]> => (await statusOf(t, cwd)).machines.map(({ state }) => state);
  t.match(await outcomeOf(`up ${SMALL} --until machines -o json`), { outcome: 'partial' });
  t.match(await outcomeOf('down -o json'), { outcome: 'completed' });
  t.ok((await states()).every((state) => state === 'off'));
  t.match(await outcomeOf('up --until machines -o json'), { outcome: 'partial' });
  t.ok((await states()).every((state) => state === 'running'));
  t.match(await outcomeOf('up -o json'), { outcome: 'completed' });
});

void t.test('from up to destroy', async (t) => {
  const cwd = t.testdir({});
  const run = async (line: string, code: number): Promise<Ended> => {
    const ended = await homelab(cwd, line);
    t.equal(ended.code, code, `${line}: ${ended.stderr.slice(-300)}`);
    t.notMatch(ended.stderr + ended.stdout, /\n {4}at |Warning/, `${line}: no stack, no warning`);
    return ended;
  };
  const partial = await run(`up ${SMALL} --until machines -o json`, 0);
  t.match(parsed(t, 'saga-result', partial), { outcome: 'partial' });
  t.match(parsed(t, 'saga-result', await run('up -o json', 0)), { outcome: 'completed' });
  t.match(await statusOf(t, cwd), { api: { available: true }, etcd: { quorum: true, tolerance: 1 } });

  await t.test('the holder of the address is lost, and then the quorum', async (t) => {
    const holder = must((await statusOf(t, cwd)).vip?.holders[0], 'somebody holds the address');
    await run(`machine cut ${holder}`, 0);
    await run('wait --for vip --timeout 30s', 0);
    const moved = await statusOf(t, cwd);
    t.equal(moved.vip?.holders.length, 1);
    t.not(moved.vip?.holders[0], holder);
    await run('wait --for api', 0);
    const other = must(
      ['stage-cp-1', 'stage-cp-2', 'stage-cp-3'].find((name) => name !== holder),
      'three',
    );
    await run(`machine cut -y ${other}`, 0);
    await run('wait 60s', 0);
    const gone = { api: { available: false }, etcd: { quorum: false }, vip: { holders: [] }, nodes: null };
    const lost = await statusOf(t, cwd);
    t.match(lost, gone);
    t.ok(lost.reasons.length > 0, 'what cannot be read has its reason');
    await run('wait --for api --timeout 20s', 1);
    await run(`machine start ${other}`, 0);
    await run('wait --for api', 0);
    t.match(await statusOf(t, cwd), { api: { available: true }, etcd: { quorum: true, tolerance: 0 } });
    t.match(parsed(t, 'saga-result', await run('up -o json', 0)), { outcome: 'completed' });
    t.match(await statusOf(t, cwd), { etcd: { tolerance: 1 } });
  });

  await t.test('programs on machines keep their exit codes', async (t) => {
    t.equal((await run('exec stage-cp-1 -- hostname', 0)).stdout, 'stage-cp-1\n');
    await run('exec stage-cp-1 -- test -e /none', 1);
    await run('exec stage-cp-1 -- no-such-program', 127);
    await run('exec stage-cp-9 -- hostname', 125);
    t.match((await run('kubectl get nodes', 0)).stdout, /stage-w-1 +Ready/);
    await run('kubectl get pod no-such-pod', 1);
  });

  await t.test('what would change the lab is refused, with what to type', async (t) => {
    t.match((await run('up --seed 2', 2)).stderr, /made with seed 1[^]*--seed/);
    t.match(
      (await run(`up ${SMALL} --kubernetes-version v1.30.8`, 2)).stderr,
      /made from another configuration[^]*Put the configuration back/,
    );
    t.match((await run('resume', 2)).stderr, /no unfinished saga/);
    t.match((await run('abort', 2)).stderr, /no unfinished saga/);
    t.match((await run('status --watch -o json', 2)).stderr, /exactly one document/);
    const { stdout } = await run('up --seed 2 -o json', 2);
    t.match(JSON.parse(stdout), { error: { code: 'other-seed', remedy: String } });
  });

  await run('down', 0);
  t.ok((await statusOf(t, cwd)).machines.every(({ state }) => state === 'off'));
  await run('exec stage-cp-1 -- hostname', 125);
  await run('kubectl get nodes', 125);
  t.match(parsed(t, 'saga-result', await run('up -o json', 0)), { outcome: 'completed' });
  t.match(await statusOf(t, cwd), { api: { available: true }, etcd: { tolerance: 1 } });
  await run('destroy -y', 0);
  t.notOk(existsSync(join(cwd, '.homelab')));
});

void t.test('without a lab', async (t) => {
  const cwd = t.testdir({});
  const codes = {
    status: 2,
    'exec stage-cp-1 -- hostname': 125,
    'kubectl get nodes': 125,
    resume: 2,
    down: 2,
  };
  for (const [line, code] of Object.entries(codes)) {
    const ended = await homelab(cwd, line);
    t.equal(ended.code, code, line);
    t.match(ended.stderr, /no lab here/, line);
  }
  t.notOk(existsSync(join(cwd, '.homelab')));
});

void t.test('a fault in a join ends compensated and clean', async (t) => {
  const cwd = t.testdir({});
  const ended = await homelab(cwd, `up ${SMALL} --fault 175s=cut:stage-cp-3 -o json`);
  t.equal(ended.code, 1);
  const document = parsed(t, 'saga-result', ended) as SagaDocument;
  t.match(document, { outcome: 'compensated', residue: [], error: { code: String, remedy: String } });
  t.ok((document.steps.find(({ key }) => key === 'join:stage-cp-3')?.attempts ?? 0) > 1);
  t.ok((await statusOf(t, cwd)).machines.every(({ state }) => state === 'absent'));
  const again = await homelab(cwd, 'up -o json');
  t.match([again.code, parsed(t, 'saga-result', again)], [0, { outcome: 'completed' }], 'and up works again');
  const other = t.testdir({});
  const faults = '--fault 175s=cut:stage-cp-3 --fault 235s=start:stage-cp-3';
  const restored = await homelab(other, `up ${SMALL} ${faults} -o json`);
  t.match([restored.code, parsed(t, 'saga-result', restored)], [0, { outcome: 'completed' }]);
});

void t.test('damaged journals are named, torn ones are not damaged', async (t) => {
  const cwd = t.testdir({});
  t.equal((await homelab(cwd, `up ${SMALL} --until init`)).code, 0);
  const path = must(journalPaths(cwd)[0], 'there is a journal');
  const whole = readFileSync(path, 'utf8');
  const lines = whole.split('\n');
  writeFileSync(path, lines.map((line, i) => (i === 4 ? line.slice(0, 20) : line)).join('\n'));
  const damaged = await homelab(cwd, 'resume');
  t.equal(damaged.code, 2);
  t.match(
    damaged.stderr,
    new RegExp(`${must(path.split('/').at(-1), 'a name')}.*5`),
    'the file and the line',
  );
  writeFileSync(path, whole);
  appendFileSync(path, '{"type":"step.att');
  t.equal((await homelab(cwd, 'resume')).code, 0);
});

void t.test('a folder that cannot be written to', async (t) => {
  const cwd = t.testdir({ file: '' });
  // Who runs the tests as root may write everywhere: a file where the folder should be stops even them.
  writeFileSync(join(cwd, '.homelab'), '');
  chmodSync(cwd, 0o555);
  const ended = await homelab(cwd, `up ${SMALL} -o json`);
  chmodSync(cwd, 0o755);
  t.equal(ended.code, 2);
  t.match(JSON.parse(ended.stdout), { error: { code: String, remedy: String } });
});

interface Tap {
  strictSame(found: unknown, wanted: unknown, message: string): boolean;
}
