/**
 * etcdctl: members, endpoints, alarms, snapshots, compaction, moving the leader. Reading and writing keys, leases,
 * watches, users and roles are not modelled, and say so.
 */
import { ownVersion } from '../image.js';
import type { Invocation } from '../process.js';
import { sleep, type Sim } from '../task.js';
import { EtcdctlError, clientOf, EXIT_BAD_ARGS } from './etcdctl/client.js';
import { clusterEndpoints, endpointCommand } from './etcdctl/endpoint.js';
import { alarmCommand, compactCommand, defragCommand, moveLeaderCommand } from './etcdctl/maintenance.js';
import { memberCommand } from './etcdctl/member.js';
import { formatOf } from './etcdctl/print.js';
import { RESTORE_FLAGS, snapshotCommand } from './etcdctl/snapshot.js';
import { FlagProblem, parseFlags, pflagText } from './flags.js';

const GLOBAL_FLAGS = [
  ...['endpoints=', 'cacert=', 'cert=', 'key=', 'command-timeout=', 'dial-timeout=', 'write-out|w='],
  ...['keepalive-time=', 'keepalive-timeout=', 'insecure-skip-tls-verify', 'insecure-transport', 'debug'],
  'hex',
];
const OWN_FLAGS: Readonly<Record<string, readonly string[]>> = {
  member: ['peer-urls=', 'learner'],
  endpoint: ['cluster'],
  defrag: ['cluster'],
  compaction: ['physical'],
  snapshot: RESTORE_FLAGS,
};
const UNMODELLED = new Set([
  ...['get', 'put', 'del', 'txn', 'watch', 'lease', 'lock', 'elect', 'user', 'role', 'auth'],
  ...['check', 'make-mirror', 'downgrade', 'completion', 'help'],
]);

export function* etcdctl(call: Invocation): Sim<number> {
  yield* sleep(call.world.draw('command', call.prng));
  try {
    return yield* run(call);
  } catch (error) {
    if (error instanceof FlagProblem) {
      call.printError(`Error: ${pflagText(error)}\n`);
      return 1;
    }
    if (!(error instanceof EtcdctlError)) throw error;
    call.printError(`Error: ${error.message}\n`);
    return error.exitCode;
  }
}

function* run(call: Invocation): Sim<number> {
  const command = commandOf(call.args);
  if (UNMODELLED.has(command)) return unknownCommand(call, command);
  const restores = canRestore(ownVersion(call));
  const own = command === 'snapshot' && !restores ? [] : (OWN_FLAGS[command] ?? []);
  const flags = parseFlags([...GLOBAL_FLAGS, ...own], call.args);
  const [, ...operands] = flags.operands;
  const format = formatOf(flags);
  if (command === 'version') {
    const version = ownVersion(call);
    call.print(`etcdctl version: ${version}\nAPI version: ${minorOf(version)}\n`);
    return 0;
  }
  const client = clientOf(call, flags);
  switch (command) {
    case 'member':
      yield* memberCommand(client, flags, format, operands);
      return 0;
    case 'endpoint':
      return yield* endpointCommand(client, flags, format, operands);
    case 'alarm':
      yield* alarmCommand(client, format, operands);
      return 0;
    case 'snapshot':
      if (!restores && operands[0] !== 'save') {
        call.print(SNAPSHOT_HELP);
        return 0;
      }
      yield* snapshotCommand(client, flags, format, operands);
      return 0;
    case 'move-leader':
      yield* moveLeaderCommand(client, operands);
      return 0;
    case 'compaction':
      yield* compactCommand(client, operands);
      return 0;
    case 'defrag':
      return yield* defragCommand(
        client,
        flags.has('cluster') ? yield* clusterEndpoints(client) : client.endpoints,
      );
    default:
      return unknownCommand(call, command);
  }
}

/** `3.5.16` → `3.5`. */
function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** From 3.6 on `snapshot status` and `restore` are etcdutl's alone. */
function canRestore(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < 3 || (major === 3 && minor < 6);
}

/** What cobra prints of a command that has only subcommands, with exit code 0, when it knows none of that name. */
const SNAPSHOT_HELP = `NAME:
\tsnapshot - Manages etcd node snapshots

USAGE:
\tetcdctl snapshot <subcommand> [flags]

API VERSION:
\t3.6


COMMANDS:
\tsave\tStores an etcd node backend snapshot to a given file
`;

function unknownCommand(call: Invocation, command: string): number {
  if (UNMODELLED.has(command)) {
    call.printError(`Error: the simulator does not model "etcdctl ${command}"\n`);
    return EXIT_BAD_ARGS;
  }
  call.printError(`Error: unknown command "${command}" for "etcdctl"\nRun 'etcdctl --help' for usage.\n`);
  return 1;
}

/** The first argument that is no flag and no flag's value. */
function commandOf(args: readonly string[]): string {
  const every = [...GLOBAL_FLAGS, ...Object.values(OWN_FLAGS).flat()];
  try {
    return parseFlags(every, args).operands[0] ?? 'help';
  } catch (error) {
    // The flags of a command that is not modelled are not known either.
    const absent = args.find((word) => UNMODELLED.has(word));
    if (error instanceof FlagProblem && absent !== undefined) return absent;
    throw error;
  }
}
