/**
 * `homelab completion`: a script made from the definitions of all commands, so that it knows what help knows.
 * Names of labs and machines are not completed.
 */
import { Argument, type Command } from 'commander';
import { buildProgram, type Perform } from '../app.js';
import { bashScript } from '../completion/bash.js';
import { fishScript } from '../completion/fish.js';
import { completedCommands, type CompletedCommand } from '../completion/tree.js';
import { zshScript } from '../completion/zsh.js';
import { examples } from '../options.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export function define(command: Command, perform: Perform): void {
  command
    .addArgument(new Argument('<shell>', 'the shell that will read it').choices(SHELLS))
    .action((shell: Shell) =>
      perform(command, async (session) => {
        const program = await buildProgram(session.io, perform, true);
        session.io.stdout.write(SCRIPTS[shell](completedCommands(program)));
        return 0;
      }),
    );
  examples(command, [
    ['source <(homelab completion bash)', 'bash, for this shell'],
    ['homelab completion bash > ~/.local/share/bash-completion/completions/homelab', 'bash, for all'],
    ['source <(homelab completion zsh)', 'zsh, after compinit'],
    ['homelab completion fish | source', 'fish'],
  ]);
}
