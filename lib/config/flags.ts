/**
 * The command-line flags that override the configuration: one table, read by the command line to declare them and by
 * the resolver to apply them. A flag's text is checked like the same text in the file.
 */
import { must } from '../base/errors.js';
import { CONFIG_SCHEMA } from './schema.js';
import type { Path, Tree } from './source.js';
import { schemaAt } from './tree.js';

export interface ConfigFlag {
  /** Long name without the dashes. */
  readonly name: string;
  /** How help shows the value: `<count>`. */
  readonly argument: string;
  readonly description: string;
  /** The key that it overrides. */
  readonly path: readonly string[];
}

function flag(name: string, argument: string, key: string, description: string): ConfigFlag {
  return { name, argument, description, path: key.split('.') };
}

export const CONFIG_FLAGS: readonly ConfigFlag[] = [
  flag('topology', '<name|path>', 'k8s.topology', 'k8s-single, k8s-multi, k8s-ha or a topology file'),
  flag('lab', '<name>', 'name', 'name of the lab'),
  flag('provider', '<name>', 'provider', 'sim or libvirt'),
  flag('bundle', '<folder>', 'bundle', 'use only what this offline bundle holds'),
  flag(
    'kubernetes-version',
    '<version>',
    'k8s.version',
    'such as v1.31.4, or v1.31 for its newest known patch',
  ),
  flag('cni', '<name>', 'k8s.cni', 'cilium, flannel, bridge or none'),
  flag('csi', '<name>', 'k8s.csi', 'longhorn or none'),
  flag('ingress', '<name>', 'k8s.ingress', 'nginx or none'),
  flag('vip', '<address>', 'k8s.ha.api_vip', 'floating address of the API'),
  flag('vip-provider', '<name>', 'k8s.ha.api_vip_provider', 'kube-vip or haproxy'),
  flag('kube-vip-version', '<version>', 'k8s.ha.kube_vip_version', 'release of kube-vip'),
  flag('control-planes', '<count>', 'k8s.control_planes.count', 'how many control planes'),
  flag('control-plane-cpus', '<count>', 'k8s.control_planes.cpus', 'virtual CPUs of each control plane'),
  flag(
    'control-plane-memory',
    '<size>',
    'k8s.control_planes.memory',
    'memory of each control plane, such as 4GiB',
  ),
  flag('workers', '<count>', 'k8s.workers.count', 'how many workers'),
  flag('worker-cpus', '<count>', 'k8s.workers.cpus', 'virtual CPUs of each worker'),
  flag('worker-memory', '<size>', 'k8s.workers.memory', 'memory of each worker, such as 8GiB'),
  flag('parallel-joins', '<count>', 'k8s.parallel_joins', 'how many workers join at once'),
  flag('vos-cpus', '<count>', 'vos.cpus', 'virtual CPUs that all machines may take together'),
  flag('vos-memory', '<size>', 'vos.memory', 'memory that all machines may take together, such as 38GiB'),
  flag('subnet', '<range>', 'vos.subnet', 'lab network, such as 192.168.62 or 10.62.0.0/20'),
  flag('box', '<name>', 'vos.box', 'Vagrant box instead of the node image'),
  flag('image-base', '<address|path>', 'image.base', 'what the node image is built from'),
  flag('image-checksum', '<digest>', 'image.checksum', 'digest of it, such as sha512:…'),
  flag('time-scale', '<factor>', 'vos.time_scale', 'how many times slower the machines are'),
];

/** Texts of flags by long name, as a person typed them. */
export type Overrides = Readonly<Record<string, string>>;

/** The flag that overrides `path` or something above it; null when none of `overrides` does. */
export function flagFor(path: Path, overrides: Overrides): ConfigFlag | null {
  const covers = (candidate: ConfigFlag): boolean => candidate.path.every((key, i) => path[i] === key);
  return (
    CONFIG_FLAGS.find((candidate) => Object.hasOwn(overrides, candidate.name) && covers(candidate)) ?? null
  );
}

/** The flag of exactly this key, to be named in a remedy; null when there is none. */
export function flagOfKey(key: string): ConfigFlag | null {
  return CONFIG_FLAGS.find((candidate) => candidate.path.join('.') === key) ?? null;
}

/** A flag's text as the value that the same text would be in the file. */
export function flagValue(flag: ConfigFlag, text: string): Tree {
  const schema = must(schemaAt(CONFIG_SCHEMA, flag.path), `--${flag.name} overrides no key of the schema`);
  const numeric = schema.type === 'integer' || schema.type === 'number' || Array.isArray(schema.type);
  return numeric && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
