/**
 * `pgrep [-x] [-c] [-l] PATTERN` over the machine's processes, the programs of its containers among them, and
 * `pkill [-SIGNAL] [-x] PATTERN`, which sends those a signal.
 */
import type { Invocation, Process } from '../process.js';
import { Failure, gnuFlags, notModelled, shortProgram } from './failure.js';

export const pgrep = shortProgram((call) => {
  const specs = ['exact|x', 'count|c', 'list-name|l', 'full|f', 'oldest|o', 'newest|n'];
  const flags = gnuFlags('pgrep', specs, call.args, 2);
  const found = matching(call, 'pgrep', flags.operands, flags.has('exact'));
  if (flags.has('count')) call.print(`${found.length}\n`);
  else {
    for (const process of found) {
      call.print(flags.has('list-name') ? `${process.pid} ${process.name}\n` : `${process.pid}\n`);
    }
  }
  return found.length > 0 ? 0 : 1;
});

const SIGNALS = { KILL: 'SIGKILL', TERM: 'SIGTERM', INT: 'SIGINT', HUP: 'SIGHUP' } as const;

export const pkill = shortProgram((call) => {
  const word = call.args.find((one) => /^-(?:SIG)?[A-Z]{2,}$|^-\d+$/.test(one));
  const wanted =
    word
      ?.replace(/^-(?:SIG)?/, '')
      .replace(/^9$/, 'KILL')
      .replace(/^15$/, 'TERM') ?? 'TERM';
  const name = Object.keys(SIGNALS).find((one): one is keyof typeof SIGNALS => one === wanted);
  if (name === undefined) throw notModelled('pkill', `the signal ${wanted}`, 2);
  const rest = call.args.filter((one) => one !== word);
  const flags = gnuFlags('pkill', ['exact|x', 'full|f', 'oldest|o', 'newest|n'], rest, 2);
  const found = matching(call, 'pkill', flags.operands, flags.has('exact'));
  for (const process of found) process.kill(SIGNALS[name]);
  return found.length > 0 ? 0 : 1;
});

function matching(
  call: Invocation,
  program: string,
  operands: readonly string[],
  exact: boolean,
): readonly Process[] {
  const [pattern] = operands;
  if (pattern === undefined || operands.length > 1) {
    const reason =
      pattern === undefined ? 'no matching criteria specified' : 'only one pattern can be provided';
    throw new Failure(`${program}: ${reason}\nTry \`${program} --help' for more information.\n`, 2);
  }
  const expression = new RegExp(exact ? `^(?:${pattern})$` : pattern);
  return [...call.machine.processes.values()].filter(
    (process) =>
      process !== call.process && expression.test(process.name.slice(process.name.lastIndexOf('/') + 1)),
  );
}
