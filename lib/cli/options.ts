/** Options that several commands share, declared once. */
import { Option, type Command } from 'commander';
import { CONFIG_FLAGS } from '../config/flags.js';

/** How a command speaks: every command has these. */
export function speaking(command: Command): Command {
  return command
    .addOption(
      new Option('-o, --output <format>', 'form of the result').choices(['text', 'json']).default('text'),
    )
    .option('-q, --quiet', 'nothing on standard error but errors')
    .option('-v, --verbose', 'say more about what is done')
    .option('--no-color', 'no colours (also: NO_COLOR)');
}

/** Which lab a command is about. */
export function aboutLab(command: Command): Command {
  return speaking(command)
    .option('-f, --config <file>', 'configuration (default: config-homelab.yaml when it is there)')
    .option('--lab <name>', 'the lab, when there are several');
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

/** Examples under a command's help, each with what it does. */
export function examples(command: Command, lines: readonly (readonly [string, string])[]): Command {
  const width = Math.max(...lines.map(([typed]) => typed.length));
  const text = lines.map(([typed, meaning]) => `  ${typed.padEnd(width)}  ${meaning}`).join('\n');
  return command.addHelpText('after', `\nExamples:\n${text}`);
}

/** commander's name of a flag: `worker-memory` → `workerMemory`. */
export function camelCase(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
