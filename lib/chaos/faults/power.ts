/** Faults of a machine's power, cable and disk, by way of the provider. */
import { UnsupportedError } from '../../provider/provider.js';
import { run } from '../../sagas/remote.js';
import { seconds } from '../../sagas/timing.js';
import { durationOn } from '../duration-sum.js';
import { powerOf, type Fault, type FaultCall } from './fault.js';

/** Off by `action`, and on again afterwards. */
function taken(action: 'halt' | 'cut'): Fault {
  return {
    inject: async (call) => {
      if ((await powerOf(call)) !== 'off') await power(call, action);
    },
    lift: startAgain,
    inForce: async (call) => (await powerOf(call)) === 'off',
  };
}

export const halt: Fault = taken('halt');
export const cut: Fault = taken('cut');

/** Comes back by itself; one that was cut short half-way is started. */
export const reboot: Fault = {
  inject: (call) => power(call, 'reboot'),
  lift: startAgain,
  inForce: async (call) => (await powerOf(call)) !== 'running',
};

export const pause: Fault = {
  inject: async ({ context: { provider }, machine }) => {
    if (provider.pause === undefined) throw new UnsupportedError(provider.name, 'pause');
    await provider.pause(machine);
  },
  lift: async (call) => {
    const { provider } = call.context;
    if ((await powerOf(call)) === 'paused') await provider.resume?.(call.machine);
  },
  inForce: async (call) => (await powerOf(call)) === 'paused',
};

export const link: Fault = {
  inject: ({ context: { provider }, machine }) => setLink(provider, machine, 'down'),
  lift: ({ context: { provider }, machine }) => setLink(provider, machine, 'up'),
  inForce: async (call) => {
    if ((await powerOf(call)) !== 'running') return false;
    const { context, lab, machine } = call;
    const argv = ['ip', '-o', 'link', 'show', 'dev', lab.network.interface];
    const shown = await run(context, machine, argv, { timeoutMs: seconds(lab, 20) });
    return shown.code === 0 && !shown.stdout.includes('LOWER_UP');
  },
};

/** A boot does not mend a slow disk: the provider is told. */
export const slowDisk: Fault = {
  inject: (call) => setDisk(call, call.fault.latency === null ? 0 : durationOn(call.lab, call.fault.latency)),
  lift: (call) => setDisk(call, 0),
  inForce: () => Promise.resolve(null),
};

async function setDisk({ context: { provider }, machine }: FaultCall, latencyMs: number): Promise<void> {
  if (provider.disk === undefined) throw new UnsupportedError(provider.name, 'disk');
  await provider.disk(machine, { latencyMs });
}

async function startAgain(call: FaultCall): Promise<void> {
  if ((await powerOf(call)) !== 'running') await power(call, 'start');
}

function power({ context, machine }: FaultCall, action: 'start' | 'halt' | 'cut' | 'reboot'): Promise<void> {
  return context.provider.power(machine, action, { signal: context.signal });
}

async function setLink(
  provider: FaultCall['context']['provider'],
  machine: string,
  state: 'up' | 'down',
): Promise<void> {
  if (provider.link === undefined) throw new UnsupportedError(provider.name, 'link');
  await provider.link(machine, state);
}
