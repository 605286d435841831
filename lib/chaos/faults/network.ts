/** Faults of a machine's network: firewall rules and netem on its lab card, which a reboot takes away too. */
import { HOST } from '../../provider/provider.js';
import { must, run, succeeds } from '../../sagas/remote.js';
import { seconds } from '../../sagas/timing.js';
import { durationOn } from '../duration-sum.js';
import { runs, type Fault, type FaultCall } from './fault.js';

/** Where the images of a cluster of homelab come from. */
const REGISTRIES = ['registry.k8s.io', 'ghcr.io', 'quay.io', 'docker.io'];

/**
 * Rules in words of iptables without their verb: the machine drops what it gets from, and sends to, the others. Only
 * on the lab card, for what a machine sends to itself by its floating address goes through OUTPUT too.
 */
export const partition: Fault = filtered((call) => {
  const card = call.lab.network.interface;
  return peersOf(call).flatMap((address) => [
    ['INPUT', '-i', card, '-s', address, '-j', 'DROP'],
    ['OUTPUT', '-o', card, '-d', address, '-j', 'DROP'],
  ]);
});

export const registryUnreachable: Fault = filtered(({ fault }) =>
  (fault.names.length === 0 ? REGISTRIES : fault.names).map((name) => ['OUTPUT', '-d', name, '-j', 'DROP']),
);

/** The floating address is on the far side when everybody who could carry it is. */
function peersOf({ lab, from, machine }: FaultCall): readonly string[] {
  const others = lab.machines.filter(({ name }) => name !== machine);
  const addresses = others.filter(({ name }) => from.includes(name)).map(({ address }) => address);
  const host = from.includes(HOST) ? [lab.network.hostAddress] : [];
  const carrier = lab.vip?.provider === 'haproxy' ? 'load-balancer' : 'control-plane';
  const far = others.filter(({ role }) => role === carrier).every(({ name }) => from.includes(name));
  return [...addresses, ...host, ...(far && lab.vip !== null ? [lab.vip.address] : [])];
}

function filtered(rulesOf: (call: FaultCall) => readonly (readonly string[])[]): Fault {
  const iptables = ({ context, lab, machine }: FaultCall, verb: string, rule: readonly string[]) =>
    succeeds(context, machine, ['iptables', verb, ...rule], { timeoutMs: seconds(lab, 20) });
  return {
    inject: async (call) => {
      for (const rule of rulesOf(call)) {
        if (await iptables(call, '-C', rule)) continue;
        const argv = ['iptables', '-A', ...rule];
        await must(call.context, call.machine, argv, { timeoutMs: seconds(call.lab, 20) });
      }
    },
    lift: async (call) => {
      if (!(await runs(call))) return;
      // An injection whose answer was lost may have been done twice.
      for (const rule of rulesOf(call)) while (await iptables(call, '-D', rule));
    },
    inForce: async (call) => {
      if (!(await runs(call))) return false;
      for (const rule of rulesOf(call)) if (!(await iptables(call, '-C', rule))) return false;
      return true;
    },
  };
}

/** `tc … netem` on the lab card. */
export const shaped: Fault = {
  inject: async ({ context, lab, fault, machine }) => {
    const delay = fault.delay === null ? [] : ['delay', `${durationOn(lab, fault.delay)}ms`];
    const loss = fault.loss === null ? [] : ['loss', fault.loss];
    const argv = [
      ...['tc', 'qdisc', 'replace', 'dev', lab.network.interface, 'root', 'netem'],
      ...delay,
      ...loss,
    ];
    await must(context, machine, argv, { timeoutMs: seconds(lab, 20) });
  },
  lift: async (call) => {
    if (!(await runs(call)) || !(await isShaped(call))) return;
    const { context, lab, machine } = call;
    const argv = ['tc', 'qdisc', 'del', 'dev', lab.network.interface, 'root'];
    await must(context, machine, argv, { timeoutMs: seconds(lab, 20) });
  },
  inForce: async (call) => (await runs(call)) && (await isShaped(call)),
};

async function isShaped({ context, lab, machine }: FaultCall): Promise<boolean> {
  const argv = ['tc', 'qdisc', 'show', 'dev', lab.network.interface];
  const shown = await run(context, machine, argv, { timeoutMs: seconds(lab, 20) });
  return shown.stdout.includes('netem');
}
