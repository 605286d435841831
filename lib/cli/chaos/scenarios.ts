/** Scenarios by name, of those that homelab brings, or by the path of a file. */
import { resolve as resolvePath } from 'node:path';
import { UserError, type Problem } from '../../base/errors.js';
import { FAULTS } from '../../chaos/fault-kinds.js';
import { readScenario, type ReadScenario, type ScenarioText } from '../../chaos/read-scenario.js';
import type { Scenario } from '../../chaos/scenario.js';
import { suggest } from '../../config/suggest.js';
import type { ProviderName } from '../../model/lab.js';
import { fileExists, namesIn, readText } from '../files.js';
import { packagePath } from '../package.js';
import type { Session } from '../session.js';

/** Carries all that is wrong with a scenario. */
export class ScenarioError extends UserError {
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    const count = problems.filter(({ severity }) => severity === 'error').length;
    super({
      code: 'bad-scenario',
      message: `scenario ${file} has ${count === 1 ? 'a problem' : `${count} problems`}; nothing was changed`,
      remedy: 'Mend what is named above and try again.',
    });
    this.problems = problems;
  }
}

export function builtinScenarioNames(): readonly string[] {
  return namesIn(packagePath('scenarios')).map((file) => file.replace(/\.yaml$/, ''));
}

/** A word with a slash or the ending of YAML is a path; any other one is a name. */
export function scenarioText(session: Session, reference: string): ScenarioText {
  if (reference.includes('/') || /\.ya?ml$/.test(reference)) {
    const path = resolvePath(session.io.cwd, reference);
    if (fileExists(path)) return { file: reference, text: readText(path) };
    throw new UserError({
      code: 'no-scenario',
      message: `there is no file ${reference}`,
      remedy: 'Name a file, or one of: homelab chaos list',
    });
  }
  const file = `scenarios/${reference}.yaml`;
  if (builtinScenarioNames().includes(reference)) return { file, text: readText(packagePath(file)) };
  const meant = suggest(reference, builtinScenarioNames());
  throw new UserError({
    code: 'no-scenario',
    message: `there is no scenario ${reference}`,
    remedy: meant === null ? 'See them with: homelab chaos list' : `Did you mean ${meant}?`,
  });
}

/** Throws `ScenarioError` with every problem. */
export function mustReadScenario(text: ScenarioText): Scenario {
  const { scenario, problems }: ReadScenario = readScenario(text);
  if (scenario === null) throw new ScenarioError(text.file, problems);
  return scenario;
}

/** On which providers every fault of it can be done, as far as the host allows. */
export function providersOf({ method }: Scenario): readonly ProviderName[] {
  return (['sim', 'libvirt'] as const).filter((name) =>
    method.every(({ fault }) => FAULTS[fault].providers.includes(name)),
  );
}
