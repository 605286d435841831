/** Options that several commands share, declared once; those of the configuration are in configuration.ts. */
import { Option, type Command } from 'commander';

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

/** Examples under a command's help, each with what it does: beside it, or below it where the terminal is narrow. */
export function examples(command: Command, lines: readonly (readonly [string, string])[]): Command {
  const longest = Math.max(...lines.map(([typed]) => typed.length));
  const beside = lines.map(([typed, meaning]) => `  ${typed.padEnd(longest)}  ${meaning}`);
  const below = lines.map(([typed, meaning]) => `  ${typed}\n      ${meaning}`);
  return command.addHelpText('after', (context) => {
    const { helpWidth = Infinity } = context.command.createHelp();
    const fits = beside.every((line) => line.length <= helpWidth);
    return `\nExamples:\n${(fits ? beside : below).join('\n')}`;
  });
}
