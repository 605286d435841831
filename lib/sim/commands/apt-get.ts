/**
 * `apt-get update` and `apt-get install NAME[=VERSION]…` of the packages of Kubernetes. Without a terminal nobody can
 * answer: without -y nothing is changed. Left out: remove, upgrade, dependencies (taken to be met), the dpkg lock.
 */
import type { Invocation } from '../process.js';
import { listFile, readSources, repositoryOffers, type Source } from '../apt/sources.js';
import { installPackages } from '../apt/install.js';
import { unreachable } from '../apt/fetch.js';
import { LISTS_FOLDER, printOffers } from '../apt/packages.js';
import { sleep, type Sim } from '../task.js';
import { Failure, notModelled, program } from './failure.js';
import { FlagProblem, parseFlags, type Flags } from './flags.js';

const FLAGS = [
  ...['yes|assume-yes|y', 'quiet|q', 'option|o=', 'allow-downgrades', 'allow-change-held-packages'],
  ...['no-install-recommends', 'only-upgrade', 'reinstall', 'download-only|d', 'simulate|dry-run|s'],
];

export const aptGet = program('command', function* run(call): Sim<number> {
  const flags = readFlags(call.args);
  const [verb = '', ...names] = flags.operands;
  for (const name of ['reinstall', 'download-only', 'simulate'] as const) {
    if (flags.has(name)) throw notModelled('apt-get', `--${name}`, 100);
  }
  const sources = readSources(call.machine);
  if (typeof sources === 'string') throw new Failure(sources, 100);
  switch (verb) {
    case 'update':
      return yield* update(call, sources);
    case 'install':
      return yield* installPackages(call, sources, names, {
        yes: flags.has('yes'),
        downgrades: flags.has('allow-downgrades'),
        held: flags.has('allow-change-held-packages'),
        onlyUpgrade: flags.has('only-upgrade'),
      });
    case '':
    case 'autoremove':
    case 'check':
    case 'clean':
    case 'dist-upgrade':
    case 'download':
    case 'purge':
    case 'remove':
    case 'upgrade':
      throw notModelled('apt-get', verb === '' ? 'being called without a command' : verb, 100);
    default:
      throw new Failure(`E: Invalid operation ${verb}\n`, 100);
  }
});

function readFlags(args: readonly string[]): Flags {
  try {
    return parseFlags(FLAGS, args);
  } catch (error) {
    if (!(error instanceof FlagProblem)) throw error;
    const option = error.flag.startsWith('--')
      ? error.argument
      : `'${error.flag.slice(1)}' [from ${error.argument}]`;
    const what = error.kind === 'needs-value' ? 'requires an argument' : 'is not known';
    throw new Failure(`E: Command line option ${option} ${what}.\n`, 100);
  }
}

/** A source that cannot be fetched is a warning, and its old list stays; one that must not be trusted is an error. */
function* update(call: Invocation, sources: readonly Source[]): Sim<number> {
  const { machine, world } = call;
  machine.disk.makeDirectories(LISTS_FOLDER);
  const complaints: string[] = [];
  let code = 0;
  for (const [index, source] of sources.entries()) {
    const problem = yield* unreachable(call, source);
    const what = `${index + 1} ${source.url}  InRelease`;
    if (problem !== null) {
      call.print(`Err:${what}\n  ${problem}\n`);
      complaints.push(`W: Failed to fetch ${source.url}/InRelease  ${problem}\n`);
      continue;
    }
    yield* sleep(world.draw('aptUpdate', call.prng));
    const refused = refusal(call, source);
    if (refused !== null) {
      call.print(`Err:${what}\n  ${refused.short}\n`);
      complaints.push(refused.long);
      code = 100;
      continue;
    }
    const text = printOffers(repositoryOffers(source.minor ?? 0, source.url));
    call.print(`${machine.disk.read(listFile(source)) === text ? 'Hit' : 'Get'}:${what}\n`);
    if (machine.disk.write(listFile(source), text) !== null) {
      throw new Failure(`E: You don't have enough free space in ${LISTS_FOLDER}/partial/.\n`, 100);
    }
  }
  // Lists of sources that are no longer named go (APT::Get::List-Cleanup).
  const named = new Set(sources.map((source) => listFile(source)));
  for (const file of machine.disk.list(LISTS_FOLDER).map((name) => `${LISTS_FOLDER}/${name}`)) {
    if (file.endsWith('_Packages') && !named.has(file)) machine.disk.remove(file);
  }
  call.print('Reading package lists...\n');
  call.printError(complaints.join(''));
  if (code === 0 && complaints.length > 0) {
    call.printError(
      'W: Some index files failed to download. They have been ignored, or old ones used instead.\n',
    );
  }
  return code;
}

function refusal(call: Invocation, source: Source): { readonly short: string; readonly long: string } | null {
  const note =
    "N: Updating from such a repository can't be done securely, and is therefore disabled by default.\n" +
    'N: See apt-secure(8) manpage for repository creation and user configuration details.\n';
  if (source.minor === null) {
    return {
      short: '403  Forbidden',
      long: `E: The repository '${source.url}  InRelease' is not signed.\n${note}`,
    };
  }
  if (source.keyring !== null && call.machine.disk.isFile(source.keyring)) return null;
  const missing =
    "The following signatures couldn't be verified because the public key is not available: " +
    'NO_PUBKEY 234654DA9A296436';
  return {
    short: missing,
    long:
      `W: GPG error: ${source.url}  InRelease: ${missing}\n` +
      `E: The repository '${source.url}  InRelease' is not signed.\n${note}`,
  };
}
