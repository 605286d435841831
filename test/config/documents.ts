/** What is written from the schema or must agree with it: the first configuration, shipped files, documents. */
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { CONFIG_FLAGS } from '../../lib/config/flags.js';
import { resolve } from '../../lib/config/resolve.js';
import { CONFIG_SCHEMA, TOPOLOGY_SCHEMA } from '../../lib/config/schema.js';
import { initTemplate } from '../../lib/config/template.js';
import { builtinTopologyNames } from '../../lib/config/topology.js';
import { printPath, schemaAt, schemaPaths } from '../../lib/config/tree.js';
import { generatedFiles } from '../helpers/generated-files.js';

const ROOT = new URL('../../..', import.meta.url).pathname;

t.test('the first configuration resolves without a problem and shows every key', async (t) => {
  for (const kind of ['single', 'multi', 'ha'] as const) {
    const text = initTemplate({ schema: './config.schema.json', name: 'dev', kind, provider: 'libvirt' });
    const { spec, problems } = resolve({ text, file: 'c.yaml' });
    t.strictSame(problems, [], kind);
    t.strictSame(
      spec,
      resolve({
        text: null,
        file: null,
        overrides: { lab: 'dev', topology: `k8s-${kind}`, provider: 'libvirt' },
      }).spec,
    );
    t.match(text.split('\n')[0], /^# yaml-language-server: \$schema=\.\/config\.schema\.json$/);
    for (const path of schemaPaths(CONFIG_SCHEMA))
      t.match(text, new RegExp(`^[ #]*${path.at(-1) ?? ''}:`, 'm'));
    const uncommented = text
      .replaceAll(/^((?:  )*)# (?=#? *[a-z_]+:)/gm, '$1')
      .replaceAll(/^( *)# ( +[a-z_]+:)/gm, '$1$2');
    const errors = resolve({ text: uncommented, file: 'c.yaml' }).problems.filter(
      (p) => p.code === 'unknown-key',
    );
    t.strictSame(errors, [], `${kind}: what is commented out may be commented in`);
  }
});

t.test('written files are what their sources say', async (t) => {
  for (const { path, text } of generatedFiles(ROOT)) {
    if (process.env['HOMELAB_SNAP'] === '1') writeFileSync(`${ROOT}/${path}`, text);
    t.equal(
      readFileSync(`${ROOT}/${path}`, 'utf8'),
      text,
      `${path} is as its source says; npm run snap -- config/ rewrites it`,
    );
  }
  t.strictSame(builtinTopologyNames(), ['k8s-single', 'k8s-multi', 'k8s-ha']);
});

t.test(
  'docs/configuration.md names every key with its default, docs/topologies.md every topology',
  async (t) => {
    const configuration = readFileSync(`${ROOT}/docs/configuration.md`, 'utf8');
    for (const path of schemaPaths(CONFIG_SCHEMA)) {
      const schema = schemaAt(CONFIG_SCHEMA, path);
      const row = configuration.split('\n').find((line) => line.startsWith(`| \`${printPath(path)}\``));
      if (schema?.properties !== undefined) continue;
      t.ok(row, `a row for ${printPath(path)}`);
      if (schema?.default !== undefined)
        t.ok(
          row?.includes(`\`${JSON.stringify(schema.default).replaceAll('"', '')}\``),
          `the default of ${printPath(path)}`,
        );
      for (const value of schema?.enum ?? []) t.ok(row?.includes(value), `${printPath(path)} names ${value}`);
    }
    for (const { name } of CONFIG_FLAGS) t.ok(configuration.includes(`--${name}`), `--${name}`);
    const topologies = readFileSync(`${ROOT}/docs/topologies.md`, 'utf8');
    for (const path of schemaPaths(TOPOLOGY_SCHEMA))
      t.ok(topologies.includes(`\`${printPath(path)}\``), printPath(path));
    for (const name of builtinTopologyNames()) t.ok(topologies.includes(name));
  },
);
