/**
 * The kubelet: the unit's program. It starts with the files that kubeadm writes, serves its health, and runs the
 * parts in kubelet-*.ts. Eviction, volumes beyond host paths, certificates' rotation and exec are not modelled.
 */
import { must } from '../base/errors.js';
import { CniView } from './cni.js';
import { flagsOf } from './container.js';
import { parentOf } from './disk.js';
import { installedVersion } from './image.js';
import { Informer } from './informer.js';
import { BOOTSTRAP_CONF, KUBELET_CONF, obtainClient } from './kubelet-credentials.js';
import { collectLogs } from './kubelet-logs.js';
import { keepNode } from './kubelet-node.js';
import { serveKubelet } from './kubelet-server.js';
import { followApi, followManifests } from './kubelet-sources.js';
import type { Kubelet } from './kubelet-state.js';
import { syncStatuses } from './kubelet-status.js';
import type { Machine } from './machine.js';
import type { Invocation, Program } from './process.js';
import { Signal, sleep, waitFor, type Sim } from './task.js';
import { textAt } from './tree.js';

export const KUBELET_CONFIG = '/var/lib/kubelet/config.yaml';
export const KUBELET_FLAGS = '/var/lib/kubelet/kubeadm-flags.env';

export const kubelet: Program = function* run(call) {
  if (call.args.includes('--version')) {
    yield* sleep(call.world.draw('command', call.prng));
    call.print(`Kubernetes ${installedVersion(call.machine, 'kubelet') ?? ''}\n`);
    return 0;
  }
  const problem = startProblem(call);
  if (problem !== null) {
    call.machine.log('kubelet.service', problem);
    const { disk, containers } = call.machine;
    // systemd tries again every ten seconds; only these can make a difference.
    const folders = [KUBELET_CONFIG, KUBELET_CONF].map((file) => disk.watch(parentOf(file)));
    call.process.hopelessUntil = [...folders, containers.changed];
    return 1;
  }
  const { machine, process } = call;
  yield* sleep(machine.world.draw('kubeletHealthy', call.prng));
  const state = newKubelet(call);
  machine.world.kubelets.set(machine.name, { process, version: state.version });
  serveKubelet(state, readConfig(machine));
  const spawn = (name: string, body: Sim<unknown>): void => {
    machine.world.scheduler.spawn(process.group, name, body);
  };
  const folder = state.staticPodPath;
  if (folder !== null) spawn('static pods', followManifests(state, folder));
  spawn('client certificate', obtainClient(state));
  spawn('node', keepNode(state));
  spawn('pod status', syncStatuses(state));
  spawn('pods of the API', followApi(state));
  spawn('logs of pods that are no more', collectLogs(state));
  while (state.client === null) yield* waitFor([state.clientChanged]);
  spawn('watch pods', state.apiPods.run());
  spawn('watch node', state.ownNode.run());
  for (;;) yield* waitFor([process.terminate]);
};

function startProblem(call: Invocation): string | null {
  const { disk, containers } = call.machine;
  if (!disk.isFile(KUBELET_CONFIG)) {
    return (
      `"command failed" err="failed to load kubelet config file, path: ${KUBELET_CONFIG}, error: failed to load ` +
      `Kubelet config file ${KUBELET_CONFIG}, error failed to read kubelet config file \\"${KUBELET_CONFIG}\\", ` +
      `error: open ${KUBELET_CONFIG}: no such file or directory"`
    );
  }
  if (!disk.isFile(KUBELET_CONF) && !disk.isFile(BOOTSTRAP_CONF)) {
    return (
      '"command failed" err="failed to run Kubelet: unable to load bootstrap kubeconfig: ' +
      `stat ${BOOTSTRAP_CONF}: no such file or directory"`
    );
  }
  if (!containers.serving) {
    return '"command failed" err="failed to run Kubelet: validate service connection: validate CRI v1 runtime API"';
  }
  return null;
}

function newKubelet(call: Invocation): Kubelet {
  const { machine } = call;
  const config = readConfig(machine);
  const flags = kubeadmFlags(machine.disk.read(KUBELET_FLAGS) ?? '');
  const name = flags.get('hostname-override') ?? (machine.disk.read('/etc/hostname') ?? machine.name).trim();
  const state: Kubelet = {
    call,
    machine,
    node: { name, address: flags.get('node-ip') ?? machine.options.address },
    staticPodPath: textAt(config, 'staticPodPath'),
    version: must(installedVersion(machine, 'kubelet'), 'a kubelet runs without its file'),
    cni: new CniView(machine),
    client: null,
    clientChanged: new Signal('kubelet client'),
    apiPods: new Informer({
      name: `pods of ${name}`,
      client: () => state.client,
      path: `/api/v1/pods?fieldSelector=spec.nodeName=${name}`,
    }),
    ownNode: new Informer({
      name: `node ${name}`,
      client: () => state.client,
      path: `/api/v1/nodes?fieldSelector=metadata.name=${name}`,
    }),
    pods: new Map(),
    dirty: new Set(),
    dirtied: new Signal('pod statuses'),
    podStopped: new Signal('end of a pod'),
    events: [],
  };
  return state;
}

function readConfig(machine: Machine): unknown {
  return machine.world.documents.read(machine.disk.read(KUBELET_CONFIG) ?? '');
}

function kubeadmFlags(text: string): Map<string, string> {
  const quoted = /^KUBELET_KUBEADM_ARGS="?([^"\n]*)"?/m.exec(text)?.[1] ?? '';
  return flagsOf(quoted.split(/\s+/));
}
