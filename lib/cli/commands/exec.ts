/** `homelab exec`: one program on one machine. */
import type { Command } from 'commander';
import type { Perform } from '../app.js';
import { durationOption } from '../duration-option.js';
import { examples } from '../options.js';
import { checkMachine, runRemotely } from '../remote-program.js';
import type { Session } from '../session.js';

const DEFAULT_TIMEOUT_MS = 600_000;

export function define(command: Command, perform: Perform): void {
  command
    .argument('<machine>', 'a machine of the lab, or host for this workstation')
    .argument('<argv...>', 'program and arguments, after --')
    .passThroughOptions()
    .option('-f, --config <file>', 'configuration beside which the lab is')
    .option('--lab <name>', 'the lab, when there are several')
    .option('-i, --stdin', 'pass standard input on')
    .option('--timeout <time>', 'end the program after this lab time (default: 10m)', durationOption)
    .action((machine: string, argv: readonly string[]) =>
      perform(command, (session) => exec(session, machine, argv)),
    );
  examples(command, [
    ['homelab exec stage-cp-1 -- systemctl is-active kubelet', 'exit code and output are the program’s'],
    ['homelab exec stage-cp-1 -- ip -4 addr show dev eth1', 'does it hold the VIP?'],
  ]);
}

async function exec(session: Session, machine: string, argv: readonly string[]): Promise<number> {
  const timeoutMs = (session.options['timeout'] as number | undefined) ?? DEFAULT_TIMEOUT_MS;
  return runRemotely(session, async (lab) => ({
    machine: async () => checkMachine(lab, machine),
    // commander keeps the separator when an argument came before it.
    argv: argv[0] === '--' ? argv.slice(1) : argv,
    stdin: session.options['stdin'] === true ? await session.io.readStdin() : new Uint8Array(),
    timeoutMs,
  }));
}
