// Journals and locks on a real disk.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { UserError } from '../../lib/base/errors.js';
import {
  createJournal,
  findOpenJournal,
  listJournals,
  openJournal,
  readJournal,
} from '../../lib/engine/journal-file.js';
import { acquireLock, type LockOptions } from '../../lib/engine/lock-file.js';
import { checkRecord, type SagaRecord } from '../../lib/engine/records.js';
import { resultOf } from '../../lib/engine/result.js';
import { runSaga } from '../../lib/engine/runner.js';
import { smallSaga } from '../helpers/toy-saga.js';
import { ToyWorld } from '../helpers/toy-world.js';

function interrupted(atMs: number): SagaRecord {
  return { type: 'run.interrupted', atMs };
}

function refused(t: Test, work: () => unknown, code: string, message: RegExp): void {
  try {
    work();
    t.fail(`should be refused with ${code}`);
  } catch (error) {
    t.ok(error instanceof UserError && error.code === code, code);
    t.match(String(error), message);
  }
}

void t.test('a saga over a file, read again by the next process', async (t) => {
  const folder = join(t.testdir(), 'journal');
  t.equal(findOpenJournal(folder), null);
  const journal = createJournal(folder, 'toy');
  const world = new ToyWorld();
  const options = {
    saga: smallSaga(),
    provider: world.provider,
    seed: 1,
    signal: new AbortController().signal,
    observer: () => undefined,
  };
  const partial = await world.drive(runSaga({ ...options, journal, mode: 'run', until: 'init' }));
  journal.close();
  const open = findOpenJournal(folder);
  t.match(open, { number: 1, saga: 'toy', path: join(folder, '0001-toy.jsonl') });
  const path = open?.path ?? '';
  t.strictSame(resultOf(readJournal(path)), partial);
  t.equal(statSync(path).mode & 0o777, 0o600);
  const again = openJournal(path);
  await world.drive(runSaga({ ...options, journal: again, mode: 'resume' }));
  t.strictSame(readJournal(path), again.read());
  again.close();
  t.equal(findOpenJournal(folder), null);
  createJournal(folder, 'destroy').close();
  writeFileSync(join(folder, 'notes.txt'), '');
  t.strictSame(
    listJournals(folder).map(({ number, saga }) => [number, saga]),
    [
      [1, 'toy'],
      [2, 'destroy'],
    ],
  );
  t.equal(findOpenJournal(folder), null, 'a journal in which nothing began is not open');
});

void t.test('a torn last line is dropped, and cut off before the next append', (t) => {
  const folder = t.testdir();
  const journal = createJournal(folder, 'toy');
  journal.append([interrupted(1), interrupted(2)]);
  journal.close();
  const { path } = journal;
  const whole = readFileSync(path);
  for (let size = 0; size <= whole.length; size += 1) {
    writeFileSync(path, whole);
    truncateSync(path, size);
    const lines = size === whole.length ? 2 : size >= whole.length / 2 ? 1 : 0;
    t.equal(readJournal(path).length, lines, `${size} bytes`);
    t.equal(statSync(path).size, size, 'looking changes nothing');
    const opened = openJournal(path);
    opened.append([interrupted(3)]);
    opened.close();
    t.strictSame(readJournal(path), [interrupted(1), interrupted(2)].slice(0, lines).concat(interrupted(3)));
  }
  appendFileSync(path, '\0\0\0\0\n');
  t.equal(readJournal(path).length, 3, 'a last line that a power failure left as zeros');
  appendFileSync(path, 'x'.repeat(500));
  t.throws(() => readJournal(path), 'which is only forgiven at the end');
  writeFileSync(path, `${whole.toString()}${'x'.repeat(500)}`);
  const long = openJournal(path);
  long.append([interrupted(3)]);
  long.close();
  t.equal(statSync(path).size, (whole.length / 2) * 3, 'a long tail is cut off and not only written over');
  t.end();
});

void t.test('a damaged earlier line is an error that names it', (t) => {
  const folder = t.testdir();
  const path = join(folder, '0001-toy.jsonl');
  const good = '{"type":"run.interrupted","atMs":1}\n';
  writeFileSync(path, `${good}{"type":"run.in\n${good}`);
  refused(t, () => openJournal(path), 'journal-damaged', /0001-toy\.jsonl:2: /);
  writeFileSync(path, `${good}${good}{"type":"from.the.future","atMs":1}\n`);
  refused(t, () => openJournal(path), 'journal-damaged', /:3: .*from\.the\.future is not known/);
  writeFileSync(path, `${good}{"type":"step.done","atMs":1,"step":"a","attempt":"1","by":"run"}\n`);
  refused(t, () => readJournal(path), 'journal-damaged', /:2: .*"attempt" is not a number/);
  writeFileSync(path, Buffer.concat([Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from(good)]));
  refused(t, () => readJournal(path), 'journal-damaged', /:1: /);
  t.match(checkRecord(null), { wrong: /not an object/ });
  t.end();
});

void t.test('a journal whose disk refuses takes nothing more', (t) => {
  const journal = createJournal(t.testdir(), 'toy');
  journal.append([interrupted(1)]);
  journal.close();
  refused(
    t,
    () => {
      journal.append([interrupted(2)]);
    },
    'journal-not-written',
    /EBADF/,
  );
  refused(
    t,
    () => {
      journal.append([interrupted(2)]);
    },
    'journal-not-written',
    /earlier write failed/,
  );
  t.strictSame(journal.read(), [interrupted(1)]);
  t.end();
});

/** A `/proc` with these processes: pid → state and start time. */
function proc(folder: string, processes: Readonly<Record<number, string>>, boot = 'aaaaaaaa-1111'): string {
  mkdirSync(join(folder, 'sys/kernel/random'), { recursive: true });
  writeFileSync(join(folder, 'sys/kernel/random/boot_id'), boot);
  for (const [pid, stat] of Object.entries(processes)) {
    const [state = '', started = ''] = stat.split(' ');
    mkdirSync(join(folder, pid), { recursive: true });
    const fields = [state, ...Array.from({ length: 18 }, () => '0'), started, '0'];
    writeFileSync(join(folder, pid, 'stat'), `${pid} (node (a) b) ${fields.join(' ')}`);
  }
  return folder;
}

void t.test('one lock per lab', (t) => {
  const root = t.testdir();
  const at = (name: string, pid: number, processes: Record<number, string>, boot?: string): LockOptions => ({
    folder: join(root, 'lock'),
    lab: 'stage',
    pid,
    isAlive: () => false,
    proc: proc(join(root, name), processes, boot),
  });
  const both = { 10: 'S 500', 11: 'S 600' };
  const first = acquireLock(at('both', 10, both));
  refused(t, () => acquireLock(at('both', 11, both)), 'lab-locked', /lab stage is in use by .*process 10/);
  refused(t, () => acquireLock(at('both', 10, both)), 'lab-locked', /process 10/);
  first.release();
  first.release();
  acquireLock(at('both', 11, both)).release();
  const stale: readonly (readonly [string, Record<number, string>, string?])[] = [
    ['a dead holder', { 11: 'S 600' }],
    ['a zombie', { 10: 'Z 500', 11: 'S 600' }],
    ['a recycled pid', { 10: 'S 900', 11: 'S 600' }],
    ['a holder before the last boot', both, 'bbbbbbbb-2222'],
  ];
  stale.forEach(([name, processes, boot], i) => {
    acquireLock(at('both', 10, both));
    const taken = acquireLock(at(`stale-${i}`, 11, processes, boot));
    taken.release();
    t.notOk(existsSync(join(root, 'lock', '10-aaaaaaaa.500')), name);
  });
  t.end();
});

void t.test('where there is no /proc the caller tells who is alive', (t) => {
  const root = t.testdir();
  const at = (pid: number, alive: readonly number[]): LockOptions => ({
    folder: join(root, 'lock'),
    lab: 'stage',
    pid,
    isAlive: (other) => alive.includes(other),
    proc: join(root, 'nowhere'),
  });
  acquireLock(at(10, []));
  refused(t, () => acquireLock(at(11, [10])), 'lab-locked', /process 10/);
  t.doesNotThrow(() => acquireLock(at(11, [11])));
  t.end();
});

void t.test('the real /proc knows this process', { skip: !existsSync('/proc/self/stat') }, (t) => {
  const options = { folder: join(t.testdir(), 'lock'), lab: 'stage', pid: process.pid, isAlive: () => false };
  const lock = acquireLock(options);
  refused(
    t,
    () => acquireLock({ ...options, pid: process.ppid }),
    'lab-locked',
    new RegExp(`process ${process.pid}`),
  );
  lock.release();
  t.end();
});
