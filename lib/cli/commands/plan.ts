/** `homelab plan`: the machines that labs would have, and whether this computer holds them. Makes nothing. */
import type { Command } from 'commander';
import { UserError } from '../../base/errors.js';
import { furtherLabs, planLabs } from '../../config/plan.js';
import { resolve } from '../../config/resolve.js';
import { parseMemoryMiB } from '../../config/size.js';
import { planText } from '../../report/plan-text.js';
import type { Perform } from '../app.js';
import { ConfigurationError, configured, readConfiguration } from '../configuration.js';
import { examples } from '../options.js';
import type { Session } from '../session.js';

const EXIT_REFUSED = 2;

export function define(command: Command, perform: Perform): void {
  configured(command)
    .option(
      '--with <topology>',
      'a further lab of this topology on the same computer (repeatable)',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option('--host-memory <size>', 'plan for a computer with this memory, such as 64GiB')
    .action(() => perform(command, async (session) => plan(session)));
  examples(command, [
    ['homelab plan', 'the lab of config-homelab.yaml, or the default one'],
    ['homelab plan --topology k8s-ha --with k8s-multi --host-memory 128GiB', 'two labs on another computer'],
  ]);
}

function plan(session: Session): number {
  const explicit = hostMemory(session);
  const { input } = readConfiguration(session);
  const { spec, problems } = resolve(input);
  // Without the first lab there is nothing to add others to; with -o json its problems are in the document.
  if (spec === null && !session.json) throw new ConfigurationError(problems);
  const references = (session.options['with'] ?? []) as readonly string[];
  const others = spec === null ? [] : furtherLabs(spec, references, input);
  const { document } = planLabs({
    labs: [input, ...others],
    hostMemoryMiB: explicit ?? session.io.hostMemoryMiB(),
    hostMemoryExplicit: explicit !== null,
  });
  const refused = document.problems.some(({ severity }) => severity === 'error');
  session.result(document, planText(document));
  for (const problem of document.problems) {
    if (problem.severity === 'error') session.complain(problem);
    else session.note(session.problemText(problem));
  }
  return refused ? EXIT_REFUSED : 0;
}

function hostMemory({ options }: Session): number | null {
  const text = options['hostMemory'];
  if (typeof text !== 'string') return null;
  const mebibytes = parseMemoryMiB(text);
  if (mebibytes !== null) return mebibytes;
  throw new UserError({
    code: 'wrong-size',
    message: `--host-memory ${text} is no size`,
    remedy: 'Write whole MiB or text with a unit, such as 65536, 65536MiB or 64GiB.',
  });
}
