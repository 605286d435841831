/** `cat`: files or standard input. Options other than none are not modelled. */
import { gnuFlags, shortProgram } from './failure.js';
import { absolute, quoted } from './paths.js';

export const cat = shortProgram((call) => {
  const { operands } = gnuFlags('cat', [], call.args);
  let code = 0;
  for (const operand of operands.length === 0 ? ['-'] : operands) {
    if (operand === '-') {
      call.print(call.stdin);
      continue;
    }
    const bytes = call.machine.disk.readBytes(absolute(call, operand));
    if (bytes !== null) call.print(bytes);
    else {
      const reason = call.machine.disk.exists(absolute(call, operand))
        ? 'Is a directory'
        : 'No such file or directory';
      call.printError(`cat: ${quoted(operand)}: ${reason}\n`);
      code = 1;
    }
  }
  return code;
});
