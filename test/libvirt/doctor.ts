/** What doctor says of this very computer, and of the same with one program missing or out of order. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { DoctorDocument } from '../../lib/cli/doctor.js';
import { packageRoot } from '../helpers/package-root.js';
import { makeLab, notPrepared, type TestLab } from './helpers/lab.js';

t.setTimeout(30 * 60_000);

const SHAPE = { name: 'td', subnet: '192.168.83', controlPlanes: 1, workers: 1 } as const;

/** Programs, with the exit code of doctor where they are not. */
const NEEDED: readonly (readonly [program: string, code: number])[] = [
  ['vagrant', 2],
  ['virsh', 2],
  ['ssh', 0],
];

interface Answer {
  readonly code: number | null;
  readonly document: DoctorDocument;
}

/** Every program of this computer's PATH by a link, so that one of them can be taken away. */
function everyProgram(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const source of [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']) {
    if (!existsSync(source)) continue;
    for (const name of readdirSync(source)) {
      if (!existsSync(join(bin, name))) symlinkSync(join(source, name), join(bin, name));
    }
  }
  return bin;
}

function doctor({ folder }: TestLab, path: string): Answer {
  const program = join(packageRoot(), 'bin/homelab.js');
  const { status, stdout } = spawnSync(process.execPath, [program, 'doctor', '-o', 'json'], {
    cwd: folder,
    env: { ...process.env, PATH: path },
    encoding: 'utf8',
  });
  return { code: status, document: JSON.parse(stdout) as DoctorDocument };
}

void t.test('doctor, and what it finds when a piece is missing', { skip: notPrepared() }, async (t) => {
  const lab = makeLab(t, SHAPE);
  const bin = everyProgram(lab.folder);
  const whole = doctor(lab, bin);
  t.equal(whole.code, 0, 'this computer is ready');
  for (const { code, severity, message } of whole.document.findings)
    t.comment(`${severity} ${code}: ${message}`);
  t.ok(whole.document.ok);

  for (const [program, code] of NEEDED) {
    const link = join(bin, program);
    const target = readlinkSync(link);
    rmSync(link);
    const without = doctor(lab, bin);
    const finding = without.document.findings.find((one) => one.code === program);
    t.equal(without.code, code, `without ${program}`);
    t.match(finding, { severity: code === 0 ? 'warning' : 'error', remedy: /apt install/ }, program);
    t.comment(`${finding?.message ?? ''} → ${finding?.remedy ?? ''}`);
    writeFileSync(link, '#!/bin/sh\necho "out of order" >&2\nexit 3\n');
    chmodSync(link, 0o755);
    const broken = doctor(lab, bin).document.findings.find((one) => one.code === program);
    t.match(broken, { severity: finding?.severity, found: /out of order|3/ }, `${program} that fails`);
    rmSync(link);
    symlinkSync(target, link);
  }
  t.equal(doctor(lab, bin).code, 0, 'with all of them, it is ready again');
});

void t.test('up is refused as doctor says, and changes nothing', { skip: notPrepared() }, async (t) => {
  const lab = makeLab(t, SHAPE);
  const bin = everyProgram(lab.folder);
  rmSync(join(bin, 'virsh'));
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(packageRoot(), 'bin/homelab.js'), 'up', '--until', 'machines'],
    { cwd: lab.folder, env: { ...process.env, PATH: bin }, encoding: 'utf8' },
  );
  t.equal(status, 2);
  t.match(stderr, /virsh is not on PATH/);
  t.match(stderr, /apt install libvirt-clients/);
  t.strictSame(lab.leftovers(), []);
});
