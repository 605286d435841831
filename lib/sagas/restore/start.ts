/**
 * etcd begins from the copy: the pivot. From the moment in which one member may run with the new data the old data is
 * a thing of the past, and there is no way back but another restore.
 */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { controlPlanes } from '../../model/lab.js';
import { etcdFacts } from '../facts/gather.js';
import type { Restore } from '../restore.js';
import { minutes, patient, poll, seconds } from '../timing.js';
import { etcdMayRun, startEtcd } from './pods.js';

export function etcdStarted({ lab }: Restore): Step {
  return {
    key: 'start',
    title: 'Start etcd with the restored data',
    kind: 'pivot',
    retry: patient(lab),
    timeoutMs: minutes(lab, 10),
    probe: async (context) => ((await etcdMayRun(context, lab)).length === 0 ? 'not-done' : 'unknown'),
    run: (context) => startEtcd(context, lab),
  };
}

export function etcdWhole(restore: Restore): Step {
  const { lab } = restore;
  return {
    key: 'etcd',
    title: 'Every control plane is a member, and all are healthy',
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 15),
    commands: ['etcdctl endpoint health --cluster'],
    run: async (context) => {
      await startEtcd(context, lab);
      let problem = 'nothing was asked';
      const times = { timeoutMs: minutes(lab, 10), everyMs: seconds(lab, 3) };
      const back = await poll(context, times, async () => {
        const found = await memberProblem(context, restore);
        problem = found ?? problem;
        return found === null ? true : null;
      });
      if (back !== null) return;
      throw new StepError({
        code: 'restore-gate',
        message: `etcd is not whole again: ${problem}`,
        remedy: 'Look at it with `homelab etcd status`, mend it, then type: homelab resume',
        retryable: true,
      });
    },
  };
}

export async function memberProblem(context: StepContext, { lab }: Restore): Promise<string | null> {
  for (const { name } of controlPlanes(lab)) {
    const etcd = await etcdFacts(context, lab, name);
    if (etcd === null) return `the member of ${name} does not answer`;
    const missing = controlPlanes(lab).filter(
      (plane) => !etcd.members.some((one) => one.name === plane.name && one.healthy && !one.learner),
    );
    if (missing.length > 0) return `${missing.map((plane) => plane.name).join(' and ')} is no healthy member`;
  }
  return null;
}
