/** apt-mark (hold, unhold, showhold) and apt-cache (madison, policy). Their other commands are left out. */
import { compareDebian, installedPackages, STATUS_FILE, writeInstalled } from '../apt/packages.js';
import { offersOf, readSources } from '../apt/sources.js';
import type { Invocation } from '../process.js';
import { Failure, gnuFlags, notModelled, shortProgram } from './failure.js';

export const aptMark = shortProgram((call) => {
  const [verb = '', ...names] = gnuFlags('apt-mark', [], call.args, 100).operands;
  if (verb === 'showhold') return showHold(call);
  if (verb !== 'hold' && verb !== 'unhold') throw notModelled('apt-mark', verb || 'being called bare', 100);
  const hold = verb === 'hold';
  const packages = installedPackages(call.machine);
  for (const name of names) {
    const found = packages.get(name);
    if (found === undefined)
      throw new Failure(`E: Unable to locate package ${name}\nE: No packages found\n`, 100);
    if (found.held === hold)
      call.print(`${name} was already ${hold ? '' : 'not '}${hold ? 'set on' : 'on'} hold.\n`);
    else call.print(hold ? `${name} set on hold.\n` : `Canceled hold on ${name}.\n`);
    packages.set(name, { ...found, held: hold });
  }
  if (writeInstalled(call.machine, packages.values())) return 0;
  throw new Failure(
    `dpkg: error: unable to write new status file '${STATUS_FILE}-new': No space left on device\n` +
      'E: Executing dpkg failed. Are you root?\n',
    100,
  );
});

function showHold(call: Invocation): number {
  for (const { name, held } of installedPackages(call.machine).values()) if (held) call.print(`${name}\n`);
  return 0;
}

export const aptCache = shortProgram((call) => {
  const [verb = '', ...names] = gnuFlags('apt-cache', [], call.args, 100).operands;
  const sources = readSources(call.machine);
  if (typeof sources === 'string') throw new Failure(sources, 100);
  const offers = offersOf(call.machine, sources);
  const installed = installedPackages(call.machine);
  for (const name of names) {
    const rows = offers
      .filter((offer) => offer.name === name)
      .sort((a, b) => compareDebian(b.version, a.version));
    const present = installed.get(name)?.version ?? null;
    if (verb === 'madison') {
      if (rows.length === 0) call.printError(`W: Unable to locate package ${name}\n`);
      const width = Math.max(10, name.length);
      for (const { version, repository } of rows) {
        call.print(`${name.padStart(width)} | ${version.padStart(10)} | ${repository}  Packages\n`);
      }
    } else if (verb === 'policy') {
      if (rows.length === 0 && present === null) call.printError(`W: Unable to locate package ${name}\n`);
      else call.print(policy(name, present, rows));
    } else throw notModelled('apt-cache', verb || 'being called bare', 100);
  }
  return 0;
});

function policy(
  name: string,
  present: string | null,
  rows: readonly { readonly version: string; readonly repository: string }[],
): string {
  const versions = new Set([...rows.map(({ version }) => version), ...(present === null ? [] : [present])]);
  const sorted = [...versions].sort((a, b) => compareDebian(b, a));
  const lines = [
    `${name}:`,
    `  Installed: ${present ?? '(none)'}`,
    `  Candidate: ${sorted[0] ?? '(none)'}`,
    '  Version table:',
  ];
  for (const version of sorted) {
    const from = rows.filter((row) => row.version === version);
    lines.push(`${version === present ? ' ***' : '    '} ${version} ${from.length > 0 ? 500 : 100}`);
    for (const { repository } of from) lines.push(`        500 ${repository}  Packages`);
    if (version === present) lines.push(`        100 ${STATUS_FILE}`);
  }
  return `${lines.join('\n')}\n`;
}
