/**
 * From the YAML of a scenario to the checked scenario, or to a list of everything that is wrong with it, each problem
 * with its place. Knows no lab: whether the machines are there is asked when it is run.
 */
import type { Problem } from '../base/errors.js';
import { Findings } from '../config/findings.js';
import { YamlSource, type Path, type Tree } from '../config/source.js';
import { checkStructure, withWrittenText } from '../config/structure.js';
import { suggest } from '../config/suggest.js';
import { isTreeMap, textOf, valueAt } from '../config/tree.js';
import { checkScenario } from './check.js';
import type { Scenario } from './scenario.js';
import { scenarioOf } from './scenario-of.js';
import { SCENARIO_SCHEMA } from './schema.js';

export interface ScenarioText {
  /** The path as messages show it. */
  readonly file: string;
  readonly text: string;
  /** What --set says, by setting. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface ReadScenario {
  /** Null when there is an error among the problems. */
  readonly scenario: Scenario | null;
  readonly problems: readonly Problem[];
}

export function readScenario({ file, text, settings = {} }: ScenarioText): ReadScenario {
  const source = new YamlSource(file, text);
  const findings = new Findings({ config: source, topology: null, overrides: {} });
  findings.addPlaced(source.problems);
  if (!source.readable) return { scenario: null, problems: findings.problems };
  const written = withWrittenText(source.tree, SCENARIO_SCHEMA, source);
  checkOverrides(written, settings, findings);
  const tree = checkStructure(withSettings(written, settings, findings), SCENARIO_SCHEMA, findings);
  if (findings.hasErrors()) return { scenario: null, problems: findings.problems };
  const scenario = scenarioOf(tree);
  checkScenario(tree, findings);
  return { scenario: findings.hasErrors() ? null : scenario, problems: findings.problems };
}

function settingsIn(tree: Tree): ReadonlyMap<string, string> {
  const list = valueAt(tree, ['settings']);
  const found = new Map<string, string>();
  if (!Array.isArray(list)) return found;
  for (const one of list as readonly Tree[])
    if (isTreeMap(one)) found.set(textOf(one['name']), textOf(one['default']));
  return found;
}

/** `$duration` stands for the setting of that name, wherever a value is nothing else. */
function withSettings(tree: Tree, settings: Readonly<Record<string, string>>, findings: Findings): Tree {
  const known = settingsIn(tree);
  const replaced = (value: Tree, path: Path): Tree => {
    if (Array.isArray(value))
      return (value as readonly Tree[]).map((item, i) => replaced(item, [...path, i]));
    if (isTreeMap(value))
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, replaced(inner, [...path, key])]),
      );
    const name = typeof value === 'string' ? /^\$([a-z_]+)$/.exec(value)?.[1] : undefined;
    if (name === undefined) return value;
    const chosen = settings[name] ?? known.get(name);
    if (chosen !== undefined) return chosen;
    const meant = suggest(name, [...known.keys()]);
    findings.report({
      code: 'unknown-setting',
      path,
      message: `there is no setting ${name}.`,
      remedy: meant === null ? `Add ${name} to settings, or write a value.` : `Did you mean $${meant}?`,
      expected:
        known.size === 0 ? 'a value' : `one of ${[...known.keys()].map((key) => `$${key}`).join(', ')}`,
      found: `$${name}`,
    });
    return value;
  };
  return replaced(tree, []);
}

function checkOverrides(tree: Tree, settings: Readonly<Record<string, string>>, findings: Findings): void {
  const known = [...settingsIn(tree).keys()];
  for (const name of Object.keys(settings)) {
    if (known.includes(name)) continue;
    const meant = suggest(name, known);
    findings.report({
      code: 'unknown-setting',
      path: ['settings'],
      message: `--set ${name}: this scenario has no such setting.`,
      remedy: meant === null ? 'Leave it out.' : `Did you mean --set ${meant}=…?`,
      expected: known.length === 0 ? 'no --set' : `one of ${known.join(', ')}`,
      found: name,
    });
  }
}
