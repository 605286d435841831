/**
 * The command line as a whole: finds the command, loads only its file, and turns every ending into an exit code.
 */
import type { Command, CommanderError } from 'commander';
import { messageOf, UserError } from '../base/errors.js';
import { CATALOGUE } from './catalogue.js';
import type { Io } from './io.js';
import { Session, type GlobalOptions } from './session.js';

/** Usage errors change nothing. */
const EXIT_REFUSED = 2;
const EXIT_BUG = 70;

const ASKS_VERSION = ['version', '--version', '-V'];

export type Action = (session: Session) => Promise<number>;
/** Handed to a command's definition: runs `action` with the options that apply to `command`. */
export type Perform = (command: Command, action: Action) => Promise<void>;

export async function runCli(io: Io): Promise<number> {
  // Scripts ask for the version often; without options there is nothing that commander would have to parse.
  if (io.args.length === 1 && ASKS_VERSION.includes(io.args[0] ?? '')) {
    return runAction(new Session(io, {}), sayVersion);
  }
  const commander = await import('commander');
  let exitCode = 0;
  const perform: Perform = async (command, action) => {
    const session = new Session(io, command.optsWithGlobals<GlobalOptions>());
    exitCode = await runAction(session, action);
  };
  const program = await buildProgram(io, perform);
  try {
    await refuseUnknownCommand(program, io);
    await program.parseAsync([...io.args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof commander.CommanderError)) throw error;
    exitCode = error.exitCode === 0 ? 0 : EXIT_REFUSED;
    if (exitCode !== 0) sayUsage(io, error);
  }
  return exitCode;
}

/** Every command by name and summary; options and help texts only of the one that was asked for, or of all. */
export async function buildProgram(io: Io, perform: Perform, all = false): Promise<Command> {
  const commander = await import('commander');
  const program = new commander.Command('homelab')
    .description('Rehearse a highly available Kubernetes cluster on this computer.')
    .usage('<command> [options]')
    .helpCommand(false)
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .configureHelp({ helpWidth: Math.min(100, io.stdout.columns) })
    .configureOutput({
      writeOut: (text) => {
        io.stdout.write(text);
      },
      writeErr: (text) => {
        io.stderr.write(text);
      },
    })
    .exitOverride()
    .option('-V, --version', 'print the version');
  program.addHelpText('after', HELP);
  const asked = askedCommand(io);
  for (const { name, summary, load } of CATALOGUE) {
    const command = program.command(name).summary(summary).description(summary);
    if (all || name === asked) (await load()).define(command, perform);
  }
  program.action(async () => {
    if (program.opts<{ version?: boolean }>().version !== true) {
      program.outputHelp();
      return;
    }
    await perform(program, sayVersion);
  });
  return program;
}

async function sayVersion(session: Session): Promise<number> {
  const { version } = await import('./version.js');
  return version(session);
}

async function runAction(session: Session, action: Action): Promise<number> {
  try {
    return await action(session);
  } catch (error) {
    if (error instanceof UserError) {
      const { hinted } = await import('./hints.js'); // Only what fails needs it, and all commands should start fast.
      session.fail(error, (remedy) => hinted(session, remedy));
      return error.exitCode;
    }
    session.bug(messageOf(error), error instanceof Error ? (error.stack ?? '') : '');
    return EXIT_BUG;
  }
}

function askedCommand(io: Io): string | undefined {
  return io.args.find((word) => !word.startsWith('-'));
}

/** commander itself would complain of too many arguments, because homelab without a command does something too. */
async function refuseUnknownCommand(program: Command, io: Io): Promise<void> {
  const asked = askedCommand(io);
  const names = CATALOGUE.map(({ name }) => name);
  // After an option that only commands have, such as in `homelab -o json`, the word may be the option's value.
  if (asked === undefined || asked !== io.args[0] || names.includes(asked)) return;
  const { suggest } = await import('../config/suggest.js');
  const meant = suggest(asked, names);
  const hint = meant === null ? 'Every command: homelab --help' : `(Did you mean ${meant}?)`;
  program.error(`error: unknown command '${asked}'\n${hint}`, { code: 'commander.unknownCommand' });
}

/** commander has said what is wrong; what to do about it is added, or the help was printed already. */
function sayUsage(io: Io, error: CommanderError): void {
  const problem = usageError(error, io);
  if (error.code !== 'commander.help' && error.code !== 'commander.unknownCommand')
    io.stderr.write(`${problem.remedy}\n`);
  if (!wantsJson(io.args)) return;
  io.stdout.write(`${JSON.stringify({ error: problem, problems: [] }, null, 2)}\n`);
}

function usageError(error: CommanderError, io: Io): { code: string; message: string; remedy: string } {
  const name = CATALOGUE.find((entry) => entry.name === askedCommand(io))?.name;
  const message =
    error.code === 'commander.help'
      ? `homelab ${name ?? ''} needs a subcommand`
      : error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const remedy = `See: homelab ${name === undefined ? '' : `${name} `}--help`;
  return { code: 'usage', message, remedy };
}

function wantsJson(args: readonly string[]): boolean {
  return args.some(
    (word, index) =>
      word === '-ojson' || word === '--output=json' || (word === 'json' && isOutput(args[index - 1])),
  );
}

function isOutput(word: string | undefined): boolean {
  return word === '-o' || word === '--output';
}

const HELP = `
Begin with:
  homelab up --topology k8s-ha      bring a simulated cluster up (3 control planes, 3 workers)
  homelab status                    look at it
  homelab machine cut stage-cp-1    break it
  homelab destroy                   and remove it

Every command has an example in its help: homelab <command> --help`;
