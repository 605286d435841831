/** `chmod MODE FILE…` with octal modes; symbolic modes such as `u+x` are not modelled. */
import type { Invocation } from '../process.js';
import { Failure, gnuFlags, notModelled, shortProgram } from './failure.js';
import { absolute, parseMode } from './paths.js';

export const chmod = shortProgram((call) => {
  const flags = gnuFlags('chmod', ['recursive|R', 'verbose|v', 'silent|quiet|f'], call.args);
  const [wanted, ...files] = flags.operands;
  if (wanted === undefined) throw missing('missing operand');
  if (files.length === 0) throw missing(`missing operand after ‘${wanted}’`);
  const mode = parseMode(wanted);
  if (mode === null) {
    if (/^[ugoa]*[-+=][rwxXst]*$/.test(wanted)) throw notModelled('chmod', `symbolic modes (${wanted})`);
    throw missing(`invalid mode: ‘${wanted}’`);
  }
  let code = 0;
  for (const file of files) if (!change(call, file, mode, flags.has('recursive'))) code = 1;
  return code;
});

function change(call: Invocation, file: string, mode: number, recursive: boolean): boolean {
  const { disk } = call.machine;
  const path = absolute(call, file);
  if (disk.chmod(path, mode) !== null) {
    call.printError(`chmod: cannot access '${file}': No such file or directory\n`);
    return false;
  }
  if (recursive) for (const name of disk.list(path)) change(call, `${path}/${name}`, mode, true);
  return true;
}

function missing(reason: string): Failure {
  return new Failure(`chmod: ${reason}\nTry 'chmod --help' for more information.\n`);
}
