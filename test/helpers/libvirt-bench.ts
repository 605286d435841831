/** The libvirt provider on a made-up workstation: everything real but the programs and the machines. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Clock } from '../../lib/base/clock.js';
import { CancelledError } from '../../lib/base/errors.js';
import type { Context, Ssh } from '../../lib/provider/libvirt/context.js';
import { labFiles } from '../../lib/provider/libvirt/lab-files.js';
import { LabStateFile } from '../../lib/provider/libvirt/lab-state.js';
import { Vagrant } from '../../lib/provider/libvirt/vagrant.js';
import { Virsh } from '../../lib/provider/libvirt/virsh.js';
import { UnreachableError, type Command, type CommandResult } from '../../lib/provider/provider.js';
import { FakeLibvirt } from './fake-libvirt.js';
import { makeLab } from './labs.js';

export const LAB = makeLab({
  controlPlanes: 1,
  workers: 1,
  more: { provider: 'libvirt', driver: 'qemu', box: 'mine' },
});
const DONE: CommandResult = {
  ...{ kind: 'exited', code: 0, signal: null },
  ...{ stdout: new Uint8Array(), stderr: new Uint8Array() },
};

export interface Bench {
  readonly host: FakeLibvirt;
  readonly context: Context;
  /** What was done on machines over SSH. */
  readonly sent: string[];
  /** How many more times each machine does not answer after its start. */
  readonly hangs: Map<string, number>;
}

export function bench(t: Test): Bench {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'homelab-libvirt-')));
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const host = new FakeLibvirt();
  const files = labFiles(folder);
  const state = new LabStateFile(files.state, 0);
  const sent: string[] = [];
  const hangs = new Map<string, number>();
  const { run } = host;
  const clock = jumpingClock();
  const virsh = new Virsh(run, 'test:///');
  const vagrant = new Vagrant({ files, run, clock, state, timeScale: 1 });
  const env = { HOME: join(folder, 'home') };
  const context = {
    lab: LAB,
    env,
    files,
    run,
    clock,
    state,
    virsh,
    vagrant,
    ssh: fakeSsh(sent, hangs),
    kvm: async () => ({ state: 'works', why: '' }) as const,
    image: null,
  };
  return { host, context, sent, hangs };
}

/** Sleeps take no time; what waits for something that never comes must give up by itself. */
function jumpingClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    sleep: async (ms, signal) => {
      if (signal?.aborted === true) throw new CancelledError();
      nowMs += ms;
    },
  };
}

/** Machines that answer at once and do whatever they are told. */
function fakeSsh(sent: string[], hangs: Map<string, number>): Ssh {
  const known = new Set<string>();
  return {
    shell: (machine) => ({
      machine,
      run: async ({ argv }: Command) => {
        sent.push(`${machine}: ${argv.join(' ')}`);
        return DONE;
      },
      readFile: async () => null,
      writeFile: async (path) => void sent.push(`${machine}: write ${path}`),
      sendFile: async (path) => void sent.push(`${machine}: send ${path}`),
    }),
    forget: (machine) => void sent.push(`${machine}: forget`),
    waitUntilUp: async (machine, { argv = ['true'] }) => {
      const left = hangs.get(machine) ?? 0;
      hangs.set(machine, left - 1);
      if (left > 0) throw new UnreachableError(machine, 'it hangs');
      sent.push(`${machine}: ${argv.join(' ')}`);
    },
    answers: async () => true,
    knows: (machine) => known.has(machine),
    writeConfig: (text) => {
      for (const [, name = ''] of text.matchAll(/^Host (\S+)/gm)) known.add(name);
    },
    forgetKeys: (machines) => {
      for (const machine of machines) known.delete(machine);
    },
    close: () => undefined,
  };
}
