/** The last look after a restore, and what becomes of the data that was there before. */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import type { MachineSpec } from '../../model/lab.js';
import { statusFromOutside, vipHolders } from '../gates.js';
import type { Restore } from '../restore.js';
import { must } from '../remote.js';
import { brief, minutes, patient, poll, seconds } from '../timing.js';
import { isFolder } from './data.js';
import { KEPT_DATA, OLD_DATA, RESTORE_DIR } from './paths.js';
import { unreadyNodes } from './pods.js';
import { memberProblem } from './start.js';

export function everythingBack(restore: Restore): Step {
  const { lab } = restore;
  return {
    key: 'verify',
    title: 'etcd, the API from outside, its address and every node that the copy knows',
    kind: 'retriable',
    retry: brief(lab),
    timeoutMs: minutes(lab, 15),
    run: async (context) => {
      let problem = 'nothing was asked';
      const times = { timeoutMs: minutes(lab, 10), everyMs: seconds(lab, 5) };
      const back = await poll(context, times, async () => {
        const found = await whatIsMissing(context, restore);
        problem = found ?? problem;
        return found === null ? true : null;
      });
      if (back !== null) return;
      throw new StepError({
        code: 'restore-incomplete',
        message: problem,
        remedy: 'Mend what is named, then type: homelab resume',
        retryable: true,
      });
    },
  };
}

async function whatIsMissing(context: StepContext, restore: Restore): Promise<string | null> {
  const { lab } = restore;
  const member = await memberProblem(context, restore);
  if (member !== null) return member;
  const status = await statusFromOutside(context, lab, lab.endpoint.address, '/livez');
  if (status !== 200) return `the API at ${lab.endpoint.address} answers ${status ?? 'nothing'}`;
  const holders = await vipHolders(context, lab);
  if (holders !== null && holders.length !== 1)
    return `${lab.vip?.address ?? ''} is held by ${holders.join(' and ') || 'no machine'}`;
  const states = await context.provider.machines();
  const running = new Set(states.filter(({ state }) => state === 'running').map(({ name }) => name));
  const unready = await unreadyNodes(context, lab);
  if (unready === null) return 'the API does not answer';
  const waited = unready.filter((name) => running.has(name));
  return waited.length === 0 ? null : `${waited.join(' and ')} is not Ready`;
}

/** It holds every Secret of the cluster as it was, so it stays where only root reads it, and only the newest stays. */
export function keepOldData({ lab }: Restore, { name }: MachineSpec): Step {
  return {
    key: `keep:${name}`,
    title: `The data of before stays on ${name} in ${KEPT_DATA}`,
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 5),
    commands: [`mv -T ${OLD_DATA} ${KEPT_DATA}`, `rm -rf ${RESTORE_DIR}`],
    run: async (context) => {
      const long = { timeoutMs: minutes(lab, 2) };
      if (await isFolder(context, lab, name, OLD_DATA)) {
        await must(context, name, ['rm', '-rf', KEPT_DATA], long);
        await must(context, name, ['mv', '-T', OLD_DATA, KEPT_DATA], long);
      }
      await must(context, name, ['rm', '-rf', RESTORE_DIR], long);
    },
  };
}
