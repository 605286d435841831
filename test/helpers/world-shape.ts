/**
 * What must be equal in the end, however a saga got there: machines, files, units, pods, etcd's members, nodes. One
 * table says what of a file counts; times, ids, keys, tokens and who leads are left out.
 */
import { parse } from 'yaml';
import { sha256Hex } from '../../lib/base/digest.js';
import type { LabSpec } from '../../lib/model/lab.js';
import { parseKubeconfig } from '../../lib/sim/kubeconfig.js';
import type { Machine } from '../../lib/sim/machine.js';
import { parseCertificate } from '../../lib/sim/pki.js';
import type { World } from '../../lib/sim/world.js';
import { observeWorld } from '../../lib/sim/observe.js';

type Normal = (text: string, machine: Machine) => string | null;

/** The first row that fits decides; null leaves the file out. */
const FILES: readonly (readonly [RegExp, Normal])[] = [
  // Logs, caches and what programs keep for themselves, which says nothing of the cluster.
  [/^\/(var\/log|run|proc|sys|usr|bin|lib|opt|tmp)\//, () => null],
  [/^\/var\/lib\/(etcd|containerd|kubelet\/(pods|plugins|device-plugins))\//, () => null],
  [/^\/root\/\./, () => null],
  [/\/kubelet-client-.*\.pem$/, () => 'client certificate'],
  [/^\/var\/lib\/kubelet\/pki\//, () => null],
  [/^\/etc\/kubernetes\/tmp\//, () => null],
  [/\.(crt|pub)$/, (text) => certificateShape(text)],
  [/\.key$/, () => 'key'],
  [/^\/etc\/kubernetes\/[^/]+\.conf$/, (text, machine) => kubeconfigShape(text, machine)],
  // kubeadm writes the members in the order of their ids, which are drawn.
  [
    /\/manifests\/etcd\.yaml$/,
    (text) =>
      text.replace(
        /(--initial-cluster=)(\S+)/,
        (_, flag: string, list: string) => flag + list.split(',').sort().join(','),
      ),
  ],
  [/./, (text) => text],
];

export function worldShape(world: World, lab: LabSpec): unknown {
  const seen = observeWorld(world, {
    address: lab.endpoint.address,
    port: lab.endpoint.port,
    vip: lab.vip?.address ?? null,
  });
  return {
    machines: Object.fromEntries(
      [...world.machines.values()].map((machine) => [machine.name, machineShape(machine, lab)]),
    ),
    etcd: byName((seen.etcd.members ?? []).map(({ name, learner, healthy }) => ({ name, learner, healthy }))),
    quorum: seen.etcd.quorum,
    nodes: byName(seen.nodes ?? []),
    api: seen.api.endpoint,
    // Which of the candidates holds the address is luck; that one does is not.
    vipHolders: seen.vipHolders?.length ?? null,
  };
}

function machineShape(machine: Machine, lab: LabSpec): unknown {
  const files: Record<string, string> = {};
  for (const [path, entry] of machine.disk.all()) {
    if (entry.kind === 'directory') continue;
    const text = new TextDecoder().decode(entry.content);
    const normal = FILES.find(([pattern]) => pattern.test(path))?.[1](text, machine) ?? null;
    if (normal !== null) files[path] = normal.length > 200 ? sha256Hex(normal) : normal;
  }
  const units = ['containerd', 'kubelet', 'haproxy'].map((name) => [
    name,
    machine.units.state(name),
    machine.units.isEnabled(name),
  ]);
  const manifests = machine.disk.list('/etc/kubernetes/manifests');
  const addresses = [...machine.labNic.addresses.keys()].filter(
    (address) => lab.vip?.provider === 'haproxy' || address !== lab.vip?.address,
  );
  return { power: machine.power, files, units, manifests, addresses };
}

function certificateShape(text: string): string {
  const certificate = parseCertificate(text);
  if (certificate === null) return 'public key';
  const { commonName, organizations, sans, issuer } = certificate;
  return JSON.stringify({ commonName, organizations, sans: [...sans].sort(), issuer });
}

/** Who it is for and where it points; not its keys. */
function kubeconfigShape(text: string, machine: Machine): string {
  const config = parseKubeconfig(machine.world.documents, text, (path) => machine.disk.read(path));
  if (config === null) return typeof parse(text);
  return JSON.stringify({ server: config.server, user: config.client?.commonName ?? null });
}

/** Ids, and so the order in which etcd lists its members, differ from run to run. */
function byName<Item extends { readonly name: string }>(items: readonly Item[]): readonly Item[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : 1));
}
