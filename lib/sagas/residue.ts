/**
 * What a taken-back bootstrap has left: on the host, and on machines that had to stay. Zero is the expected answer,
 * and it is asked of the machines, not of a record.
 */
import { HOST, type Provider, type Residue } from '../provider/provider.js';
import { ADMIN_CONF, HOMELAB_DIR, KUBE_VIP_MANIFEST } from '../generate/paths.js';
import type { LabSpec, MachineSpec } from '../model/lab.js';
import { seconds } from './timing.js';

/** What a node has only while it belongs to a cluster. */
const FILES = [
  ...[
    ADMIN_CONF,
    '/etc/kubernetes/super-admin.conf',
    '/etc/kubernetes/kubelet.conf',
    '/etc/kubernetes/pki/ca.crt',
  ],
  ...[
    KUBE_VIP_MANIFEST,
    '/etc/kubernetes/manifests/kube-apiserver.yaml',
    '/etc/kubernetes/manifests/etcd.yaml',
  ],
  ...['/var/lib/etcd/member', '/var/lib/kubelet/config.yaml', '/var/lib/cni', HOMELAB_DIR],
];

/** `kept` are the machines that were there before and stay; every other machine of the lab must be gone. */
export async function bootstrapResidue(
  provider: Provider,
  lab: LabSpec,
  kept: readonly string[],
): Promise<readonly Residue[]> {
  const onHost = (await provider.residue()).filter(
    ({ machine }) => !kept.includes(machine) && machine !== HOST,
  );
  const found: Residue[] = [...onHost];
  for (const machine of lab.machines.filter(({ name }) => kept.includes(name))) {
    found.push(...(await machineResidue(provider, lab, machine)));
  }
  return found;
}

async function machineResidue(
  provider: Provider,
  lab: LabSpec,
  machine: MachineSpec,
): Promise<readonly Residue[]> {
  const { name } = machine;
  const state = (await provider.machines()).find((one) => one.name === name)?.state ?? 'absent';
  if (state === 'absent') return [];
  if (state !== 'running') return [{ machine: name, kind: 'unknown', what: `not looked at: it is ${state}` }];
  const listed = await output(provider, lab, name, ['ls', '-1d', ...FILES]);
  const files = listed.split('\n').filter((line) => line !== '');
  const addresses = await output(provider, lab, name, [
    'ip',
    '-4',
    '-o',
    'addr',
    'show',
    'dev',
    lab.network.interface,
  ]);
  const holdsVip = lab.vip !== null && addresses.includes(` ${lab.vip.address}/`);
  return [
    ...files.map((what) => ({ machine: name, kind: 'file', what })),
    ...(holdsVip ? [{ machine: name, kind: 'address', what: lab.vip.address }] : []),
  ];
}

async function output(
  provider: Provider,
  lab: LabSpec,
  machine: string,
  argv: readonly string[],
): Promise<string> {
  const result = await provider.shell(machine).run({ argv, timeoutMs: seconds(lab, 30) });
  return new TextDecoder().decode(result.stdout);
}
