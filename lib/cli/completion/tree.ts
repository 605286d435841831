/** What a shell needs to know of the command line to complete it: every command with its words, as plain data. */
import type { Command, Option } from 'commander';

export interface CompletedOption {
  /** With their dashes: `-o`, `--output`. */
  readonly names: readonly string[];
  readonly summary: string;
  /** What follows the option: nothing, one of these words, the name of a file or folder, or free text. */
  readonly value: readonly string[] | 'none' | 'file' | 'text';
}

export interface CompletedWord {
  readonly word: string;
  readonly summary: string;
}

export interface CompletedCommand {
  /** As typed: `homelab`, `homelab machine cut`. */
  readonly path: string;
  /** Subcommands, and choices of the arguments. */
  readonly words: readonly CompletedWord[];
  readonly options: readonly CompletedOption[];
}

/** `program` and everything below it, outermost first. */
export function completedCommands(program: Command, above = ''): readonly CompletedCommand[] {
  const path = `${above}${program.name()}`;
  const help = program.createHelp();
  const words = [
    ...program.commands.map((command) => ({ word: command.name(), summary: command.summary() })),
    ...program.registeredArguments.flatMap((argument) =>
      (argument.argChoices ?? []).map((word) => ({ word, summary: argument.description })),
    ),
  ];
  const options = help.visibleOptions(program).map(completedOption);
  const below = program.commands.flatMap((command) => completedCommands(command, `${path} `));
  return [{ path, words, options }, ...below];
}

function completedOption(option: Option): CompletedOption {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  return { names, summary: option.description, value: valueOf(option) };
}

function valueOf({ required, optional, argChoices, flags }: Option): CompletedOption['value'] {
  if (!required && !optional) return 'none';
  if (argChoices !== undefined) return argChoices;
  return /<.*(file|folder|dir|path).*>/.test(flags) ? 'file' : 'text';
}

/** Single quotes as POSIX shells and zsh read them. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Options that take a value, as `path option` texts, by the kind of the value. */
export function valuesByKind(commands: readonly CompletedCommand[]): ReadonlyMap<string, readonly string[]> {
  const kinds = new Map<string, string[]>();
  for (const { path, options } of commands) {
    for (const { names, value } of options) {
      if (value === 'none') continue;
      const kind = typeof value === 'string' ? value : `words:${value.join(' ')}`;
      kinds.set(kind, [...(kinds.get(kind) ?? []), ...names.map((name) => `${path} ${name}`)]);
    }
  }
  return kinds;
}
