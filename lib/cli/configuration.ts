/** From the command's options to a resolved lab: the configuration file, flags over it, all problems at once. */
import type { Command } from 'commander';
import { dirname, relative, resolve as resolvePath } from 'node:path';
import { UserError, type Problem } from '../base/errors.js';
import { CONFIG_FLAGS, type Overrides } from '../config/flags.js';
import { resolve, type ResolveInput } from '../config/resolve.js';
import type { LabSpec } from '../model/lab.js';
import { fileExists, readText } from './files.js';
import { speaking } from './options.js';
import type { Session } from './session.js';

export const DEFAULT_CONFIG = 'config-homelab.yaml';

/** Carries all that is wrong with a configuration. */
export class ConfigurationError extends UserError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const count = problems.filter((problem) => problem.severity === 'error').length;
    super({
      code: 'bad-configuration',
      message: `the configuration has ${count === 1 ? 'a problem' : `${count} problems`}; nothing was changed`,
      remedy: 'Mend what is named above and try again.',
    });
    this.problems = problems;
  }
}

export interface Configuration {
  /** Absolute path of the configuration file; null when there is none. */
  readonly file: string | null;
  /** Where `.homelab` is: beside the configuration, or the working directory. */
  readonly base: string;
  readonly overrides: Overrides;
  readonly input: ResolveInput;
}

/** For commands that read the configuration: the file, and flags that override its keys. */
export function configured(command: Command): Command {
  speaking(command).option(
    '-f, --config <file>',
    'configuration (default: config-homelab.yaml when it is there)',
  );
  for (const { name, argument, description } of CONFIG_FLAGS)
    command.option(`--${name} ${argument}`, description);
  return command;
}

export function readConfiguration(session: Session, overrides: Overrides = flagsOf(session)): Configuration {
  const { cwd } = session.io;
  const named = session.options.config;
  const path = resolvePath(cwd, named ?? DEFAULT_CONFIG);
  if (named !== undefined && !fileExists(path)) throw noSuchFile(named);
  const file = fileExists(path) ? path : null;
  const base = file === null ? cwd : dirname(file);
  const input: ResolveInput = {
    text: file === null ? null : readText(file),
    file: file === null ? null : relative(cwd, file) || file,
    overrides,
    readNamedFile: (name, origin) => {
      const at = resolvePath(origin === 'command-line' ? cwd : base, name);
      return fileExists(at) ? readText(at) : null;
    },
  };
  return { file, base, overrides, input };
}

/** The lab that the options describe. Throws `ConfigurationError` with every problem; prints warnings and notes. */
export function resolveLab(session: Session, configuration: Configuration): LabSpec {
  const { spec, problems } = resolve(configuration.input);
  if (spec === null) throw new ConfigurationError(problems);
  for (const problem of problems) session.note(session.problemText(problem));
  return spec;
}

export function flagsOf(session: Session): Overrides {
  const overrides: Record<string, string> = {};
  for (const { name } of CONFIG_FLAGS) {
    const value = session.options[camelCase(name)];
    if (typeof value === 'string') overrides[name] = value;
  }
  return overrides;
}

function noSuchFile(path: string): UserError {
  return new UserError({
    code: 'no-config',
    message: `there is no file ${path}`,
    remedy: 'Write one with `homelab init`, or leave -f out and use flags.',
  });
}

/** commander's name of a flag: `worker-memory` → `workerMemory`. */
function camelCase(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
