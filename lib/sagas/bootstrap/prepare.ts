/** Everything a machine needs before kubeadm: names, routes, homelab's folder; and a look at what the image brought. */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { BRIDGE_PLUGINS, bridgeConflist } from '../../generate/bridge.js';
import { hostsFile } from '../../generate/hosts.js';
import { networkCommands, networkdDropIn } from '../../generate/network.js';
import {
  BRIDGE_CONFLIST,
  CNI_BIN_DIR,
  CNI_DIR,
  HOMELAB_DIR,
  HOSTS_FILE,
  networkDropIn,
} from '../../generate/paths.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import type { Bootstrap } from '../bootstrap.js';
import { isReachable } from '../node.js';
import { must, run } from '../remote.js';
import { minutes, patient, seconds } from '../timing.js';

interface File {
  readonly path: string;
  readonly content: string;
}

export function prepareMachine({ lab, input }: Bootstrap, machine: MachineSpec): Step {
  const files = filesOf(lab, machine);
  return {
    key: `prepare:${machine.name}`,
    title: `Prepare ${machine.name}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 5),
    probe: async (context) => ((await allWritten(context, lab, machine, files)) ? 'done' : 'not-done'),
    run: async (context) => {
      await checkImage(context, lab, machine);
      await writeFiles(context, lab, machine, files);
      // The load balancer takes the API's address only when it answers on it.
      if (machine.role === 'load-balancer') return;
      for (const argv of networkCommands(lab, machine)) {
        await must(context, machine.name, argv, { timeoutMs: seconds(lab, 30) });
      }
    },
    // A machine that this saga made is destroyed with everything on it.
    ...(input.existing.includes(machine.name)
      ? { compensate: (context: StepContext) => removeFiles(context, lab, machine, files) }
      : {}),
  };
}

function filesOf(lab: LabSpec, machine: MachineSpec): readonly File[] {
  const bridge = lab.kubernetes.cni === 'bridge' && machine.role !== 'load-balancer';
  return [
    { path: HOSTS_FILE, content: hostsFile(lab) },
    { path: networkDropIn(lab.network.interface), content: networkdDropIn(lab, machine) },
    ...(bridge ? [{ path: BRIDGE_CONFLIST, content: bridgeConflist(lab, machine) }] : []),
  ];
}

async function allWritten(
  context: StepContext,
  lab: LabSpec,
  machine: MachineSpec,
  files: readonly File[],
): Promise<boolean> {
  for (const { path, content } of files) {
    const found = await context.shell(machine.name).readFile(path, { timeoutMs: seconds(lab, 30) });
    if (found === null || new TextDecoder().decode(found) !== content) return false;
  }
  return true;
}

async function writeFiles(
  context: StepContext,
  lab: LabSpec,
  machine: MachineSpec,
  files: readonly File[],
): Promise<void> {
  const short = { timeoutMs: seconds(lab, 30) };
  const folders = [HOMELAB_DIR, `${HOMELAB_DIR}/addons`, CNI_DIR, ...files.map(({ path }) => folderOf(path))];
  await must(context, machine.name, ['mkdir', '-p', ...new Set(folders)], short);
  for (const { path, content } of files) {
    await context.shell(machine.name).writeFile(path, content, { mode: 0o644, ...short });
  }
}

async function removeFiles(
  context: StepContext,
  lab: LabSpec,
  machine: MachineSpec,
  files: readonly File[],
): Promise<void> {
  if (!(await isReachable(context, machine, [machine.name]))) return;
  const short = { timeoutMs: seconds(lab, 30) };
  const paths = files.map(({ path }) => path).filter((path) => path !== HOSTS_FILE);
  await must(context, machine.name, ['rm', '-rf', HOMELAB_DIR, ...paths], short);
  const hosts = `127.0.0.1 localhost\n127.0.1.1 ${machine.name}\n`;
  await context.shell(machine.name).writeFile(HOSTS_FILE, hosts, { mode: 0o644, ...short });
}

/** What no kubeadm preflight looks at: the lab interface with the machine's address, and the right kubeadm. */
async function checkImage(context: StepContext, lab: LabSpec, machine: MachineSpec): Promise<void> {
  const short = { timeoutMs: seconds(lab, 30) };
  const { interface: device } = lab.network;
  const shown = await run(context, machine.name, ['ip', '-4', '-o', 'addr', 'show', 'dev', device], short);
  if (shown.code !== 0 || !shown.stdout.includes(` ${machine.address}/`)) {
    throw wrongImage(machine, await interfaceTrouble(context, lab, machine), interfaceRemedy(lab));
  }
  if (machine.role === 'load-balancer') return;
  const version = (await must(context, machine.name, ['kubeadm', 'version', '-o', 'short'], short)).trim();
  if (version !== lab.kubernetes.version) {
    const remedy = 'Build the node image of the lab’s version, or change k8s.version.';
    throw wrongImage(machine, `kubeadm is ${version}, the lab wants ${lab.kubernetes.version}`, remedy);
  }
  if (lab.kubernetes.cni === 'bridge') await checkPlugins(context, lab, machine);
}

/** Without them nodes become Ready all the same, and no pod gets a network. */
async function checkPlugins(context: StepContext, lab: LabSpec, machine: MachineSpec): Promise<void> {
  const wanted = BRIDGE_PLUGINS.map((name) => `${CNI_BIN_DIR}/${name}`);
  const listed = await run(context, machine.name, ['ls', '-1d', ...wanted], { timeoutMs: seconds(lab, 30) });
  const there = listed.stdout.split('\n');
  const missing = wanted.filter((path) => !there.includes(path));
  if (missing.length === 0) return;
  throw wrongImage(
    machine,
    `it lacks ${missing.join(', ')}`,
    'Put the plugins into the image, or into common/cni of the bundle that it is made from.',
  );
}

/** The usual reason is an image that calls its cards after their slots, ens6 and the like. */
async function interfaceTrouble(context: StepContext, lab: LabSpec, machine: MachineSpec): Promise<string> {
  const short = { timeoutMs: seconds(lab, 30) };
  const { interface: device } = lab.network;
  const all = await run(context, machine.name, ['ip', '-4', '-o', 'addr', 'show'], short);
  const rows = all.stdout.split('\n').map((line) => line.trim().split(/\s+/));
  const there = rows.find(([, , , address]) => address?.startsWith(`${machine.address}/`) === true)?.[1];
  return there === undefined
    ? `no interface carries ${machine.address}, and k8s.ha.interface says that ${device} does`
    : `${there} carries ${machine.address}, and k8s.ha.interface says that ${device} does`;
}

function interfaceRemedy({ network, box }: LabSpec): string {
  const image = box === null ? 'the node image calls it eth1' : `look at it in the box ${box}`;
  return `Set k8s.ha.interface to the name of the machines' second card (now ${network.interface}); ${image}.`;
}

function wrongImage(machine: MachineSpec, what: string, remedy: string): StepError {
  return new StepError({
    code: 'wrong-image',
    message: `${machine.name}: ${what}`,
    remedy,
    retryable: false,
  });
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
