/** `pgrep [-x] [-c] [-l] PATTERN` over the machine's processes, the programs of its containers among them. */
import { Failure, gnuFlags, shortProgram } from './failure.js';

export const pgrep = shortProgram((call) => {
  const specs = ['exact|x', 'count|c', 'list-name|l', 'full|f', 'oldest|o', 'newest|n'];
  const flags = gnuFlags('pgrep', specs, call.args, 2);
  const [pattern] = flags.operands;
  if (pattern === undefined || flags.operands.length > 1) {
    const reason =
      pattern === undefined ? 'no matching criteria specified' : 'only one pattern can be provided';
    throw new Failure(`pgrep: ${reason}\nTry \`pgrep --help' for more information.\n`, 2);
  }
  const expression = new RegExp(flags.has('exact') ? `^(?:${pattern})$` : pattern);
  const found = [...call.machine.processes.values()].filter(
    (process) =>
      process !== call.process && expression.test(process.name.slice(process.name.lastIndexOf('/') + 1)),
  );
  if (flags.has('count')) call.print(`${found.length}\n`);
  else {
    for (const process of found) {
      call.print(flags.has('list-name') ? `${process.pid} ${process.name}\n` : `${process.pid}\n`);
    }
  }
  return found.length > 0 ? 0 : 1;
});
