/** Topology files: which machines a lab is made of, before the configuration changes numbers or sizes. */
import type { TopologyKind } from '../model/lab.js';
import { BUILTIN_TOPOLOGIES } from './builtin-topologies.js';
import { Findings } from './findings.js';
import { TOPOLOGY_SCHEMA } from './schema.js';
import { parseMemoryMiB } from './size.js';
import { YamlSource, type Path, type Tree } from './source.js';
import { checkStructure, withWrittenText } from './structure.js';
import { textOf, valueAt } from './tree.js';

export interface MachineSize {
  readonly cpus: number;
  readonly memoryMiB: number;
}

export interface MachineClass extends MachineSize {
  readonly count: number;
}

export interface Topology {
  readonly name: string;
  readonly kind: TopologyKind;
  readonly controlPlanes: MachineClass;
  readonly workers: MachineClass;
  /** The machine of HAProxy; null when the topology does not say. */
  readonly loadBalancer: MachineSize | null;
}

export interface TopologyText {
  /** The path as messages show it. */
  readonly file: string;
  readonly text: string;
}

/** The name of every topology that homelab brings. */
export function builtinTopologyNames(): readonly string[] {
  return Object.keys(BUILTIN_TOPOLOGIES);
}

/** True for `./mine.yaml` and the like; a name has neither a slash nor the ending of a file. */
export function isTopologyPath(reference: string): boolean {
  return reference.includes('/') || /\.ya?ml$/.test(reference);
}

export function builtinTopology(name: string): TopologyText | null {
  const text = Object.hasOwn(BUILTIN_TOPOLOGIES, name) ? BUILTIN_TOPOLOGIES[name] : undefined;
  return text === undefined ? null : { file: `topologies/${name}.yaml`, text };
}

/** The topology and where its values are written; the topology is null when `findings` got an error about it. */
export function readTopology({ file, text }: TopologyText): {
  readonly topology: Topology | null;
  readonly source: YamlSource;
  readonly findings: Findings;
} {
  const source = new YamlSource(file, text);
  const findings = new Findings({ config: source, topology: null, overrides: {} });
  findings.addPlaced(source.problems);
  if (!source.readable) return { topology: null, source, findings };
  const tree = checkStructure(
    withWrittenText(source.tree, TOPOLOGY_SCHEMA, source),
    TOPOLOGY_SCHEMA,
    findings,
  );
  for (const key of ['control_planes', 'workers', 'load_balancer'])
    checkMemory(tree, [key, 'memory'], findings);
  return { topology: findings.hasErrors() ? null : topologyOf(tree), source, findings };
}

/** Reports a size that is well written and yet not a whole number of MiB, or too small to boot from. */
export function checkMemory(tree: Tree, path: Path, findings: Findings): void {
  const value = valueAt(tree, path);
  if (typeof value !== 'string' && typeof value !== 'number') return;
  const mebibytes = parseMemoryMiB(value);
  if (mebibytes !== null && mebibytes >= 256) return;
  findings.report({
    code: 'wrong-value',
    path,
    message: `"${value}" is not a whole number of MiB, at least 256.`,
    remedy: 'Write a size such as 4096 (MiB), 4096MiB or 4GiB.',
    expected: 'a whole number of MiB, at least 256',
    found: String(value),
  });
  findings.damage(path);
}

function topologyOf(tree: Tree): Topology {
  const number = (path: Path): number => Number(valueAt(tree, path) ?? 0);
  const size = (key: string): MachineSize => ({
    cpus: number([key, 'cpus']),
    memoryMiB: parseMemoryMiB(textOf(valueAt(tree, [key, 'memory']))) ?? 0,
  });
  return {
    name: textOf(valueAt(tree, ['name'])),
    kind: valueAt(tree, ['kind']) as TopologyKind,
    controlPlanes: { ...size('control_planes'), count: number(['control_planes', 'count']) },
    workers: { ...size('workers'), count: number(['workers', 'count']) },
    loadBalancer: valueAt(tree, ['load_balancer']) === undefined ? null : size('load_balancer'),
  };
}
