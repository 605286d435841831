/** `haproxy -c -f FILE` checks a configuration; `haproxy -Ws -f FILE`, the unit's command, serves it. */
import { haproxyServer } from '../haproxy.js';
import { checkHaproxyConfig } from '../haproxy-config.js';
import type { Invocation, Program } from '../process.js';
import { absolute } from './paths.js';
import { Failure, notModelled, shortProgram } from './failure.js';

const VERSION = '2.6.12-1+deb12u4';

export const haproxy: Program = function* run(call) {
  return yield* call.args.includes('-c') || call.args.includes('-v') ? check(call) : haproxyServer(call);
};

const check = shortProgram((call: Invocation) => {
  const files: string[] = [];
  for (let index = 0; index < call.args.length; index += 1) {
    const word = call.args[index] ?? '';
    if (word === '-f') files.push(call.args[(index += 1)] ?? '');
    else if (word === '-v') {
      call.print(`HAProxy version ${VERSION} 2026/10/17 - https://haproxy.org/\n`);
      return 0;
    } else if (!['-c', '-V', '-q', '-W', '-Ws', '-db'].includes(word)) throw notModelled('haproxy', word);
  }
  const [file] = files;
  if (file === undefined || files.length > 1) throw notModelled('haproxy', `${files.length} files`);
  const line = (level: string, text: string): string =>
    `${`[${level}]`.padEnd(10)} (${call.process.pid}) : ${text}\n`;
  const notices =
    line('NOTICE', `haproxy version is ${VERSION}`) +
    line('NOTICE', 'path to executable is /usr/sbin/haproxy');
  const text = call.machine.disk.read(absolute(call, file));
  if (text === null) {
    const reason = `Cannot open configuration file/directory ${file} : No such file or directory`;
    throw new Failure(notices + line('ALERT', `config : ${reason}`));
  }
  const { alerts, warnings, config } = checkHaproxyConfig(text, file);
  if (config === null) {
    const last = [
      ...alerts,
      `config : Error(s) found in configuration file : ${file}`,
      'config : Fatal errors found in configuration.',
    ];
    throw new Failure(notices + last.map((alert) => line('ALERT', alert)).join(''));
  }
  if (warnings.length > 0) call.printError(notices + warnings.map((one) => line('WARNING', one)).join(''));
  call.print(
    warnings.length > 0
      ? 'Warnings were found.\nConfiguration file is valid\n'
      : 'Configuration file is valid\n',
  );
  return 0;
});
