/**
 * The configuration that `homelab init` writes: every key with its meaning, the usual ones set, the others commented
 * out with their defaults. Made from the schema, so that it cannot say what the schema does not.
 */
import type { ProviderName, TopologyKind } from '../model/lab.js';
import type { Schema } from './schema-parts.js';
import { CONFIG_SCHEMA } from './schema.js';
import { schemaAt } from './tree.js';

export interface TemplateOptions {
  /** Where an editor finds the schema: a path or an address. */
  readonly schema: string;
  readonly name: string;
  readonly kind: TopologyKind;
  readonly provider: ProviderName;
}

/** Texts by dotted key. */
type Values = Readonly<Record<string, string>>;

/** What a key that has no default may look like, in its comment. */
const EXAMPLES: Values = {
  bundle: './bundle',
  'k8s.api_sans': '[api.example.org]',
  'k8s.control_planes.count': '3',
  'k8s.control_planes.cpus': '2',
  'k8s.control_planes.memory': '4GiB',
  'k8s.workers.count': '3',
  'k8s.workers.cpus': '2',
  'k8s.workers.memory': '8GiB',
  'k8s.ha.api_vip': '"192.168.62.5"',
  'k8s.ha.api_name': 'api.stage.lab',
  'vos.box': 'my/box',
  'image.base': './debian-12.qcow2',
  'image.checksum': `sha512:${'0'.repeat(128)}`,
  'image.ssh_key': './key',
};

/** Keys that are set although they have defaults, because a person will look for them. */
const SHOWN: readonly string[] = [
  'k8s.distribution',
  'k8s.version',
  'k8s.cni',
  'k8s.csi',
  'k8s.ingress',
  'vos.cpus',
  'vos.memory',
  'vos.subnet',
  'acme.tld',
];

/** YAML that resolves without a problem. */
export function initTemplate(options: TemplateOptions): string {
  const set: Record<string, string> = {
    name: options.name,
    topology: options.kind,
    provider: options.provider,
    'k8s.topology': `k8s-${options.kind}`,
    'acme.name': options.name,
  };
  if (options.kind === 'ha') {
    set['k8s.ha.api_vip'] = '"192.168.62.5"';
    set['k8s.ha.api_vip_provider'] = 'kube-vip';
  }
  for (const key of SHOWN) set[key] = written(schemaAt(CONFIG_SCHEMA, key.split('.'))?.default);
  return [
    `# yaml-language-server: $schema=${options.schema}`,
    '# config-homelab.yaml: a lab of homelab. Every key may be left out. See docs/configuration.md.',
    '',
    ...mapLines(CONFIG_SCHEMA, [], set, true),
    '',
  ].join('\n');
}

/** `live` is false inside a map that is commented out as a whole. */
function mapLines(schema: Schema, above: readonly string[], set: Values, live: boolean): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const key = [...above, name].join('.');
    const comment = `# ${inner.description ?? ''}${inner.enum === undefined ? '' : ` (${inner.enum.join(', ')})`}`;
    if (inner.properties !== undefined) {
      // A map without a key in it would be no map for an editor, so its name is commented out too.
      const used = Object.keys(set).some((other) => other.startsWith(`${key}.`));
      const lines = mapLines(inner, [...above, name], set, live && used).map((line) => `  ${line}`);
      const block = [`${name}:`, ...lines];
      const gap = above.length === 0 ? [''] : [];
      return [...gap, comment, ...(live && !used ? block.map((line) => `# ${line}`) : block)];
    }
    const value = set[key];
    const usual = `${name}: ${EXAMPLES[key] ?? written(inner.default)}`;
    return [comment, value !== undefined ? `${name}: ${value}` : live ? `# ${usual}` : usual];
  });
}

/** Quotes what YAML would read as something else than text, such as versions and subnets. */
function written(value: Schema['default']): string {
  return typeof value === 'string' && /^v?\d/.test(value) ? `"${value}"` : String(value);
}
