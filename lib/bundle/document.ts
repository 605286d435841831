/** `bundle.yaml` as text: read with every problem at its place, and written. */
import type { Problem } from '../base/errors.js';
import { Findings } from '../config/findings.js';
import { YamlSource } from '../config/source.js';
import { checkStructure, withWrittenText } from '../config/structure.js';
import { toYaml } from '../generate/yaml.js';
import type { Bundle } from '../model/bundle.js';
import { BUNDLE_SCHEMA } from './schema.js';

/** `bundle` is null when a problem is an error. `file` is how messages call it. */
export function readBundle(
  file: string,
  text: string,
): { readonly bundle: Bundle | null; readonly problems: readonly Problem[] } {
  const source = new YamlSource(file, text);
  const findings = new Findings({ config: source, topology: null, overrides: {} });
  findings.addPlaced(source.problems);
  if (!source.readable) return { bundle: null, problems: findings.problems };
  const tree = checkStructure(withWrittenText(source.tree, BUNDLE_SCHEMA, source), BUNDLE_SCHEMA, findings);
  const bundle = findings.hasErrors() ? null : (tree as unknown as Bundle);
  const seen = new Set<string>();
  for (const [index, { path }] of (bundle?.files ?? []).entries()) {
    if (!seen.has(path)) {
      seen.add(path);
      continue;
    }
    findings.report({
      ...{ code: 'bundle-file-twice', path: ['files', index, 'path'], message: `${path} is listed twice.` },
      ...{ remedy: 'Remove one of the two entries.', expected: 'every path once', found: path },
    });
  }
  return { bundle: findings.hasErrors() ? null : bundle, problems: findings.problems };
}

export function writeBundle(bundle: Bundle): string {
  const { apiVersion, kind, architecture, kubernetes, files } = bundle;
  return toYaml({ apiVersion, kind, architecture, kubernetes, files });
}
