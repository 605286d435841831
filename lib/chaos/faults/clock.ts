/** A machine's clock set wrong. Another running machine of the lab is the reference; homelab asks no own clock. */
import { StepError } from '../../engine/saga.js';
import { must } from '../../sagas/remote.js';
import { seconds } from '../../sagas/timing.js';
import { durationOn } from '../duration-sum.js';
import { runs, type Fault, type FaultCall } from './fault.js';

/** Less than this is how long two commands take. */
const RIGHT_S = 5;

export const clockSkew: Fault = {
  inject: async (call) => {
    const wantedS = skewOf(call);
    // An injection whose answer was lost may have been done already.
    if ((await aheadS(call)) > wantedS / 2) return;
    await setTo(call, (await referenceS(call)) + wantedS);
  },
  lift: async (call) => {
    // A boot reads the time from the host.
    if (!(await runs(call)) || (await aheadS(call)) < RIGHT_S) return;
    await setTo(call, await referenceS(call));
  },
  inForce: async (call) => (await runs(call)) && (await aheadS(call)) > skewOf(call) / 2,
};

function skewOf({ lab, fault }: FaultCall): number {
  return fault.skew === null ? 0 : Math.round(durationOn(lab, fault.skew) / 1_000);
}

/** How far the machine's clock is ahead of another one's, in seconds; negative when it is behind. */
export async function aheadS(call: FaultCall): Promise<number> {
  return (await clockOf(call, call.machine)) - (await referenceS(call));
}

/** What time it is, in seconds since 1970, by a running machine that is not the fault's. */
export async function referenceS(call: FaultCall): Promise<number> {
  const states = await call.context.provider.machines();
  const other = states.find(({ name, state }) => name !== call.machine && state === 'running');
  if (other !== undefined) return clockOf(call, other.name);
  throw new StepError({
    code: 'no-reference-clock',
    message: 'no other machine of the lab is running, so nobody can tell what time it is',
    remedy: 'Start one with: homelab machine start NAME',
    retryable: true,
  });
}

async function clockOf({ context, lab }: FaultCall, machine: string): Promise<number> {
  return Number(await must(context, machine, ['date', '+%s'], { timeoutMs: seconds(lab, 20) }));
}

export async function setTo({ context, lab, machine }: FaultCall, unixSeconds: number): Promise<void> {
  await must(context, machine, ['date', '-s', `@${unixSeconds}`], { timeoutMs: seconds(lab, 20) });
}
