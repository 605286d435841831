/** The copy of etcd on each control plane, the data that is made from it, and its exchange for the present data. */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { controlPlanes, type LabSpec, type MachineSpec } from '../../model/lab.js';
import { readSnapshot, SNAPSHOTS } from '../etcd-snapshot.js';
import type { Restore } from '../restore.js';
import { must, run, succeeds } from '../remote.js';
import { brief, minutes, patient, seconds } from '../timing.js';
import { COPY, ETCD_DATA, NEW_DATA, OLD_DATA, RESTORE_DIR } from './paths.js';
import { noProgram, ready, removeProgram, restoringProgram } from './program.js';

export function copySnapshot(restore: Restore, { name }: MachineSpec): Step {
  const { lab, input, ports } = restore;
  return {
    key: `copy:${name}`,
    title: `${input.snapshot} on ${name}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 15),
    probe: async (context) => ((await isThere(context, restore, name)) ? 'done' : 'not-done'),
    run: async (context) => {
      const content = ports.folder.readBytes(`${SNAPSHOTS}/${input.snapshot}.db`);
      if (content === null) throw noCopy(restore);
      await must(context, name, ['mkdir', '-p', '-m', '0700', RESTORE_DIR], short(lab));
      await context.shell(name).writeFile(COPY, content, { mode: 0o600, timeoutMs: minutes(lab, 10) });
      if (await isThere(context, restore, name)) return;
      throw new StepError({
        code: 'snapshot-damaged',
        message: `${input.snapshot} did not arrive on ${name} as it was sent`,
        remedy: 'Try it again.',
        retryable: true,
      });
    },
    // The data of before is in that folder too when its own step could not be undone, and is never removed here.
    compensate: async (context) => {
      await must(context, name, ['rm', '-rf', COPY, NEW_DATA], { timeoutMs: minutes(lab, 2) });
      const left = await run(context, name, ['ls', '-1', RESTORE_DIR], short(lab));
      if (left.code === 0 && left.stdout.trim() === '')
        await must(context, name, ['rm', '-rf', RESTORE_DIR], short(lab));
    },
  };
}

async function isThere(context: StepContext, { lab, input }: Restore, machine: string): Promise<boolean> {
  const sum = await run(context, machine, ['sha256sum', COPY], { timeoutMs: minutes(lab, 2) });
  return sum.code === 0 && sum.stdout.split(/\s/)[0] === input.sha256;
}

export function noCopy({ input, ports }: Restore): StepError {
  const isDamaged = ports.folder.read(`${SNAPSHOTS}/${input.snapshot}.json`) !== null;
  return new StepError({
    code: 'no-snapshot',
    message: `${SNAPSHOTS}/${input.snapshot}.db is ${isDamaged ? 'damaged or not whole' : 'not there'}`,
    remedy: 'See what there is with: homelab etcd snapshot list',
    retryable: false,
  });
}

/** Null when the copy is not the one that the saga began with. */
export function recordOf({ input, ports }: Restore) {
  const record = readSnapshot(ports.folder, input.snapshot);
  return record?.sha256 === input.sha256 ? record : null;
}

export function makeData(restore: Restore, machine: MachineSpec): Step {
  const { lab } = restore;
  const { name } = machine;
  const flags = restoreFlags(restore, machine);
  return {
    key: `data:${name}`,
    title: `etcd's new data on ${name}`,
    kind: 'compensable',
    retry: brief(lab),
    timeoutMs: minutes(lab, 20),
    commands: [['etcdutl', ...flags].join(' ')],
    run: async (context) => {
      // One that was cut short is begun anew: nobody can tell how far it came.
      await removeNewData(context, lab, name);
      const program = await restoringProgram(context, lab, name);
      if (program === null) throw noProgram(name);
      await must(context, name, [await ready(context, lab, name, program), ...flags], {
        timeoutMs: minutes(lab, 15),
      });
    },
    compensate: async (context) => {
      await removeNewData(context, lab, name);
      await removeProgram(context, lab, name);
      // A program that was sent in the moment of a kill may have begun only now.
      await context.clock.sleep(seconds(lab, 1), context.signal);
      await removeNewData(context, lab, name);
    },
  };
}

/** A program that a killed homelab has sent goes on, and would write into the folder after it was removed. */
async function removeNewData(context: StepContext, lab: LabSpec, machine: string): Promise<void> {
  for (const program of ['etcdutl', 'etcdctl']) {
    const ended = await run(context, machine, ['pkill', '-KILL', '-x', program], short(lab));
    if (ended.code > 1) throw notEnded(machine, program, ended.stderr);
  }
  await must(context, machine, ['rm', '-rf', NEW_DATA], { timeoutMs: minutes(lab, 2) });
}

/** 1 says that there is none; everything above is a fault of pkill's. */
function notEnded(machine: string, program: string, why: string): StepError {
  return new StepError({
    code: 'restore-goes-on',
    message: `${program} on ${machine} could not be ended: ${why.trim()}`,
    remedy: `Look at it with: homelab exec ${machine} -- pgrep -a ${program}`,
    retryable: true,
  });
}

function restoreFlags({ lab, input }: Restore, { name, address }: MachineSpec): readonly string[] {
  const peer = (one: string): string => `https://${one}:2380`;
  const cluster = controlPlanes(lab).map((one) => `${one.name}=${peer(one.address)}`);
  return [
    ...['snapshot', 'restore', COPY, '--name', name, '--initial-cluster', cluster.join(',')],
    ...['--initial-cluster-token', input.token, '--initial-advertise-peer-urls', peer(address)],
    ...['--data-dir', NEW_DATA],
  ];
}

/**
 * Two renames, each of which may have been the last thing before a crash: the present data goes aside, then the new
 * takes its place.
 */
export function exchangeData({ lab }: Restore, { name }: MachineSpec): Step {
  const move = (context: StepContext, from: string, to: string): Promise<string> =>
    must(context, name, ['mv', '-T', from, to], short(lab));
  return {
    key: `exchange:${name}`,
    title: `etcd's data on ${name} is exchanged`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 5),
    commands: [`mv -T ${ETCD_DATA} ${OLD_DATA}`, `mv -T ${NEW_DATA} ${ETCD_DATA}`],
    run: async (context) => {
      const has = (path: string): Promise<boolean> => isFolder(context, lab, name, path);
      if (!(await has(NEW_DATA))) return;
      if (!(await has(OLD_DATA)) && (await has(ETCD_DATA))) await move(context, ETCD_DATA, OLD_DATA);
      await move(context, NEW_DATA, ETCD_DATA);
    },
    compensate: async (context) => {
      const has = (path: string): Promise<boolean> => isFolder(context, lab, name, path);
      if (!(await has(OLD_DATA))) return;
      if (await has(ETCD_DATA)) await move(context, ETCD_DATA, NEW_DATA);
      await move(context, OLD_DATA, ETCD_DATA);
    },
  };
}

export function isFolder(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  path: string,
): Promise<boolean> {
  return succeeds(context, machine, ['test', '-d', path], short(lab));
}

function short(lab: LabSpec): { readonly timeoutMs: number } {
  return { timeoutMs: seconds(lab, 60) };
}
