/** Faults inside a machine: its disk, its units, its static pods, its processes, and its member's data. */
import { HOMELAB_DIR, MANIFESTS_DIR } from '../../generate/paths.js';
import { must, run, succeeds } from '../../sagas/remote.js';
import { seconds } from '../../sagas/timing.js';
import { powerOf, runs, type Fault, type FaultCall } from './fault.js';

const FILLER = '/var/lib/homelab-chaos-filler';
const ETCD_DATA = '/var/lib/etcd/member';
const ETCD_DATA_ASIDE = '/var/lib/homelab-chaos-etcd';

export const fillDisk: Fault = {
  inject: async (call) => {
    const free = Number(
      (await tell(call, ['df', '-B1', '--output=avail', '/var/lib'])).trim().split('\n').at(-1),
    );
    await tell(call, ['fallocate', '-l', String(free), FILLER]);
  },
  lift: async (call) => {
    await tell(call, ['rm', '-f', FILLER]);
  },
  inForce: (call) => exists(call, FILLER),
};

export const stopUnit: Fault = {
  inject: async (call) => {
    await tell(call, ['systemctl', 'stop', call.fault.unit ?? '']);
  },
  lift: async (call) => {
    // A machine that boots starts its units by itself.
    if (await runs(call)) await tell(call, ['systemctl', 'start', call.fault.unit ?? '']);
  },
  inForce: async (call) => !(await tells(call, ['systemctl', 'is-active', call.fault.unit ?? ''])),
};

/** Into homelab's own folder: the kubelet parses every file of the manifests folder, whatever its name. */
export const removeManifest: Fault = {
  inject: async (call) => {
    const { there, aside } = manifestOf(call);
    if (!(await exists(call, aside))) await tell(call, ['mv', '-T', there, aside]);
  },
  lift: async (call) => {
    const { there, aside } = manifestOf(call);
    if (await exists(call, aside)) await tell(call, ['mv', '-T', aside, there]);
  },
  inForce: (call) => exists(call, manifestOf(call).aside),
};

function manifestOf({ fault }: FaultCall): { readonly there: string; readonly aside: string } {
  const name = `${fault.manifest ?? ''}.yaml`;
  return { there: `${MANIFESTS_DIR}/${name}`, aside: `${HOMELAB_DIR}/chaos-${name}` };
}

/** Whoever looks after the process starts it again; there is nothing to lift. */
export const killProcess: Fault = {
  inject: async (call) => {
    await tell(call, ['pkill', '-KILL', '-x', call.fault.process ?? '']);
  },
  lift: () => Promise.resolve(),
  inForce: () => Promise.resolve(null),
};

/**
 * The member's data is put aside and its process killed: the kubelet starts it with an empty folder, and it finds
 * that it has been a member already. Lifting puts the data back, whatever an etcd has made of the folder since.
 */
export const loseEtcdData: Fault = {
  inject: async (call) => {
    if (!(await exists(call, ETCD_DATA_ASIDE))) await tell(call, ['mv', '-T', ETCD_DATA, ETCD_DATA_ASIDE]);
    await run(call.context, call.machine, ['pkill', '-KILL', '-x', 'etcd'], {
      timeoutMs: seconds(call.lab, 20),
    });
  },
  lift: async (call) => {
    if (!(await exists(call, ETCD_DATA_ASIDE))) return;
    await tell(call, ['rm', '-rf', ETCD_DATA]);
    await tell(call, ['mv', '-T', ETCD_DATA_ASIDE, ETCD_DATA]);
    await run(call.context, call.machine, ['pkill', '-KILL', '-x', 'etcd'], {
      timeoutMs: seconds(call.lab, 20),
    });
  },
  inForce: (call) => exists(call, ETCD_DATA_ASIDE),
};

async function exists(call: FaultCall, path: string): Promise<boolean> {
  return (await powerOf(call)) === 'running' && tells(call, ['test', '-e', path]);
}

function tell({ context, lab, machine }: FaultCall, argv: readonly string[]): Promise<string> {
  return must(context, machine, argv, { timeoutMs: seconds(lab, 60) });
}

function tells({ context, lab, machine }: FaultCall, argv: readonly string[]): Promise<boolean> {
  return succeeds(context, machine, argv, { timeoutMs: seconds(lab, 20) });
}
