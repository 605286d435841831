/**
 * `apt-get install`: finds the wanted versions in the fetched lists, respects holds, and puts the programs in place.
 * A program that runs goes on as it was started until it is restarted.
 */
import { installProgram } from '../image.js';
import type { Invocation } from '../process.js';
import { Failure } from '../commands/failure.js';
import { sleep, type Sim } from '../task.js';
import { unreachable } from './fetch.js';
import { compareDebian, installedPackages, writeInstalled, type OfferedPackage } from './packages.js';
import { offersOf, type Source } from './sources.js';

export interface InstallOptions {
  readonly yes: boolean;
  readonly downgrades: boolean;
  readonly held: boolean;
  readonly onlyUpgrade: boolean;
}

interface Change {
  readonly offer: OfferedPackage;
  /** Null when it is new. */
  readonly from: string | null;
  readonly held: boolean;
}

/** Sizes of the packages in megabytes, as the repositories of 1.31 and 1.32 list them, rounded. */
const MEGABYTES: Readonly<Record<string, number>> = { kubeadm: 12, kubectl: 11, kubelet: 15 };

export function* installPackages(
  call: Invocation,
  sources: readonly Source[],
  names: readonly string[],
  options: InstallOptions,
): Sim<number> {
  call.print('Reading package lists...\nBuilding dependency tree...\nReading state information...\n');
  const changes = plan(call, sources, names, options);
  if (announce(call, changes, options)) yield* carryOut(call, sources, changes);
  return 0;
}

function plan(
  call: Invocation,
  sources: readonly Source[],
  names: readonly string[],
  options: InstallOptions,
): Change[] {
  const offers = offersOf(call.machine, sources);
  const installed = installedPackages(call.machine);
  const changes: Change[] = [];
  for (const wanted of names) {
    const [name = '', version] = wanted.split('=');
    const present = installed.get(name);
    const all = offers.filter((offer) => offer.name === name);
    if (all.length === 0 && present === undefined)
      throw new Failure(`E: Unable to locate package ${name}\n`, 100);
    if (
      version !== undefined &&
      present?.version !== version &&
      !all.some((one) => one.version === version)
    ) {
      throw new Failure(`E: Version '${version}' for '${name}' was not found\n`, 100);
    }
    const newest = all.reduce<OfferedPackage | null>(
      (best, one) => (best === null || compareDebian(one.version, best.version) > 0 ? one : best),
      null,
    );
    const offer = version === undefined ? newest : (all.find((one) => one.version === version) ?? null);
    const isNewer =
      offer !== null && (present === undefined || compareDebian(offer.version, present.version) > 0);
    const nothingToDo =
      offer === null || present?.version === offer.version || (version === undefined && !isNewer);
    if (nothingToDo) call.print(`${name} is already the newest version (${present?.version ?? ''}).\n`);
    else if (present === undefined && options.onlyUpgrade) {
      call.print(`Skipping ${name}, it is not installed and only upgrades are requested.\n`);
    } else changes.push({ offer, from: present?.version ?? null, held: present?.held ?? false });
  }
  return changes;
}

/** Prints what would change; false when that is nothing, a `Failure` when it is not allowed. */
function announce(call: Invocation, changes: readonly Change[], options: InstallOptions): boolean {
  const section = (title: string, wanted: readonly Change[]): void => {
    if (wanted.length === 0) return;
    const names = wanted.map(({ offer }) => offer.name).sort();
    call.print(`The following ${title}:\n  ${names.join(' ')}\n`);
  };
  const held = changes.filter((one) => one.held);
  const fresh = changes.filter(({ from }) => from === null);
  const down = changes.filter(({ from, offer }) => from !== null && compareDebian(offer.version, from) < 0);
  const up = changes.filter((one) => !fresh.includes(one) && !down.includes(one));
  section('held packages will be changed', held);
  section('NEW packages will be installed', fresh);
  section('packages will be upgraded', up);
  section('packages will be DOWNGRADED', down);
  const downgraded = down.length === 0 ? '' : `${down.length} downgraded, `;
  call.print(
    `${up.length} upgraded, ${fresh.length} newly installed, ${downgraded}0 to remove and 0 not upgraded.\n`,
  );
  if (changes.length === 0) return false;
  if (options.yes && held.length > 0 && !options.held) {
    throw new Failure(
      'E: Held packages were changed and -y was used without --allow-change-held-packages.\n',
      100,
    );
  }
  if (options.yes && down.length > 0 && !options.downgrades) {
    throw new Failure('E: Packages were downgraded and -y was used without --allow-downgrades.\n', 100);
  }
  call.print(`Need to get ${sizeOf(changes)} MB of archives.\n`);
  if (!options.yes && !/^(y|yes)?\n/i.test(new TextDecoder().decode(call.stdin))) {
    call.print('Do you want to continue? [Y/n] Abort.\n');
    throw new Failure('', 1);
  }
  return true;
}

function sizeOf(changes: readonly Change[]): number {
  return changes.reduce((sum, { offer }) => sum + (MEGABYTES[offer.name] ?? 10), 0);
}

function* carryOut(call: Invocation, sources: readonly Source[], changes: readonly Change[]): Sim<void> {
  const { machine, world } = call;
  const archive = ({ offer }: Change): string => `${offer.name}_${offer.version}_amd64.deb`;
  if (machine.disk.freeBytes < sizeOf(changes) * 1_000_000) {
    throw new Failure("E: You don't have enough free space in /var/cache/apt/archives/.\n", 100);
  }
  for (const [index, change] of changes.entries()) {
    const { offer } = change;
    const source = sources.find((one) => one.url === offer.repository);
    const problem = source === undefined ? null : yield* unreachable(call, source);
    const what = `${index + 1} ${offer.repository}  ${offer.name} ${offer.version}`;
    if (problem !== null) {
      call.print(`Err:${what}\n  ${problem}\n`);
      throw new Failure(
        `E: Failed to fetch ${offer.repository}/amd64/${archive(change)}  ${problem}\n` +
          'E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?\n',
        100,
      );
    }
    call.print(`Get:${what} [${MEGABYTES[offer.name] ?? 10}.0 MB]\n`);
  }
  call.print(`Fetched ${sizeOf(changes)}.0 MB\n`);
  for (const change of changes) {
    const { offer, from, held } = change;
    yield* sleep(world.draw('aptInstall', call.prng));
    call.print(`Preparing to unpack .../${archive(change)} ...\n`);
    const over = from === null ? '' : ` over (${from})`;
    call.print(`Unpacking ${offer.name} (${offer.version})${over} ...\n`);
    installProgram(machine, offer.name, `v${offer.version.split('-')[0] ?? ''}`);
    const packages = installedPackages(machine);
    packages.set(offer.name, { name: offer.name, version: offer.version, held });
    if (!writeInstalled(machine, packages.values())) {
      throw new Failure(
        `dpkg: error: failed to write status database record about '${offer.name}' to ` +
          "'/var/lib/dpkg/status': No space left on device\n" +
          'E: Sub-process /usr/bin/dpkg returned an error code (2)\n',
        100,
      );
    }
  }
  for (const { offer } of changes) call.print(`Setting up ${offer.name} (${offer.version}) ...\n`);
}
