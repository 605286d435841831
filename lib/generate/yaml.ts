/** One way to print YAML: keys in the order given, no folded lines, several documents in one text. */
import { stringify } from 'yaml';

/** Keys whose value is undefined are left out, so that callers can write optional parts in place. */
export type YamlMap = Readonly<Record<string, unknown>>;

/**
 * Strings are quoted by the rules of YAML 1.1, because that is what Kubernetes reads: `on` and `12:30` are
 * not strings there.
 */
export function toYaml(...documents: readonly YamlMap[]): string {
  return documents
    .map((document) => stringify(document, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n');
}
