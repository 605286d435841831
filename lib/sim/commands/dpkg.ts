/**
 * dpkg-query -W, and dpkg -l, -s and --configure -a of the packages in dpkg's database. A package is there whole or
 * not at all, so that there is never anything left to configure. Everything else is left out.
 */
import { installedPackages, type InstalledPackage } from '../apt/packages.js';
import type { Invocation } from '../process.js';
import { gnuFlags, notModelled, shortProgram } from './failure.js';

const DEFAULT_FORMAT = '${binary:Package}\\t${Version}\\n';

export const dpkgQuery = shortProgram((call) => {
  const flags = gnuFlags('dpkg-query', ['show|W', 'list|l', 'showformat|f='], call.args, 2);
  if (flags.has('list')) return list(call, flags.operands);
  if (!flags.has('show')) throw notModelled('dpkg-query', 'anything but -W and -l', 2);
  const format = flags.get('showformat') ?? DEFAULT_FORMAT;
  return show(call, flags.operands, (one) => expand(format, one));
});

export const dpkg = shortProgram((call) => {
  const flags = gnuFlags('dpkg', ['list|l', 'status|s', 'configure', 'pending|a'], call.args, 2);
  if (flags.has('list')) return list(call, flags.operands);
  if (flags.has('configure')) {
    if (flags.has('pending') && flags.operands.length === 0) return 0;
    throw notModelled('dpkg', '--configure of single packages', 2);
  }
  if (!flags.has('status')) throw notModelled('dpkg', 'anything but -l, -s and --configure -a', 2);
  return show(
    call,
    flags.operands,
    (one) => `Package: ${one.name}\nStatus: ${status(one)}\nArchitecture: amd64\nVersion: ${one.version}\n`,
  );
});

function status(one: InstalledPackage): string {
  return `${one.held ? 'hold' : 'install'} ok installed`;
}

function show(call: Invocation, names: readonly string[], text: (one: InstalledPackage) => string): number {
  const packages = installedPackages(call.machine);
  let code = 0;
  for (const name of names.length === 0 ? packages.keys() : names) {
    const found = packages.get(name);
    if (found === undefined) {
      call.printError(`dpkg-query: no packages found matching ${name}\n`);
      code = 1;
    } else call.print(text(found));
  }
  return code;
}

/** `${Package}`, `${Version}`, `${Status}` and the escapes of -f. */
function expand(format: string, one: InstalledPackage): string {
  const fields: Readonly<Record<string, string>> = {
    Package: one.name,
    'binary:Package': one.name,
    Version: one.version,
    Architecture: 'amd64',
    Status: status(one),
    'db:Status-Abbrev': `${one.held ? 'h' : 'i'}i `,
  };
  return format
    .replace(/\$\{([^}]+)\}/g, (_, name: string) => fields[name] ?? '')
    .replaceAll('\\n', '\n')
    .replaceAll('\\t', '\t');
}

const HEAD = `Desired=Unknown/Install/Remove/Purge/Hold
| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend
|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)
`;

function list(call: Invocation, names: readonly string[]): number {
  const packages = installedPackages(call.machine);
  const missing = names.filter((name) => !packages.has(name));
  for (const name of missing) call.printError(`dpkg-query: no packages found matching ${name}\n`);
  const rows = [...packages.values()].filter(({ name }) => names.length === 0 || names.includes(name));
  if (rows.length > 0) {
    const name = Math.max(14, ...rows.map((one) => one.name.length));
    const version = Math.max(12, ...rows.map((one) => one.version.length));
    call.print(`${HEAD}||/ ${'Name'.padEnd(name)} ${'Version'.padEnd(version)} Architecture Description\n`);
    call.print(`+++-${'='.repeat(name)}-${'='.repeat(version)}-============-===========\n`);
    for (const one of rows) {
      const cells = `${one.name.padEnd(name)} ${one.version.padEnd(version)} amd64`;
      call.print(`${one.held ? 'h' : 'i'}i  ${cells}\n`);
    }
  }
  return missing.length > 0 ? 1 : 0;
}
