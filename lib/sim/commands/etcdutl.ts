/** etcdutl: `snapshot status|restore` and `version`. Defragmenting and hashing a stopped member are not modelled. */
import { ownVersion } from '../image.js';
import type { Invocation } from '../process.js';
import { sleep, type Sim } from '../task.js';
import { EXIT_BAD_ARGS, EtcdctlError } from './etcdctl/client.js';
import { formatOf } from './etcdctl/print.js';
import { RESTORE_FLAGS, printSnapshotStatus, restoreSnapshot } from './etcdctl/snapshot.js';
import { FlagProblem, parseFlags, pflagText } from './flags.js';

const UNMODELLED = new Set(['defrag', 'backup', 'migrate', 'hashkv', 'check', 'completion']);

export function* etcdutl(call: Invocation): Sim<number> {
  yield* sleep(call.world.draw('command', call.prng));
  try {
    return yield* run(call);
  } catch (error) {
    if (!(error instanceof EtcdctlError) && !(error instanceof FlagProblem)) throw error;
    call.printError(`Error: ${error instanceof FlagProblem ? pflagText(error) : error.message}\n`);
    return error instanceof FlagProblem ? 1 : error.exitCode;
  }
}

function* run(call: Invocation): Sim<number> {
  const flags = parseFlags(['write-out|w=', ...RESTORE_FLAGS], call.args);
  const [command = 'help', verb = '', path, ...more] = flags.operands;
  const given = path !== undefined && more.length === 0 ? path : null;
  if (command === 'version') {
    const version = ownVersion(call);
    call.print(`etcdutl version: ${version}\nAPI version: ${version.split('.').slice(0, 2).join('.')}\n`);
    return 0;
  }
  if (UNMODELLED.has(command))
    throw new EtcdctlError(`the simulator does not model "etcdutl ${command}"`, EXIT_BAD_ARGS);
  if (command !== 'snapshot') {
    call.printError(`Error: unknown command "${command}" for "etcdutl"\nRun 'etcdutl --help' for usage.\n`);
    return 1;
  }
  if (verb === 'status') printSnapshotStatus(call, formatOf(flags), given);
  else if (verb === 'restore') yield* restoreSnapshot(call, flags, given);
  else throw new EtcdctlError(`unknown command "${verb}" for "etcdutl snapshot"`);
  return 0;
}
