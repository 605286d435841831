/** crictl: pods, containers, images, pull, stop and remove, and logs. Exec, stats and inspect are not modelled. */
import type { Container, Sandbox } from '../containerd.js';
import { CONTAINERD_DOWN } from '../containerd.js';
import { logFolder } from '../container-log.js';
import type { Invocation, Program } from '../process.js';
import { sleep, type Sim } from '../task.js';
import { unitsAge } from './dates.js';

/** What `crictl stop` and `stopp` give a container. */
const STOP_TIMEOUT_MS = 10_000;

export const crictl: Program = function* run(call) {
  yield* sleep(call.world.draw('command', call.prng));
  const words = call.args.filter((word) => !word.startsWith('-'));
  const [command = '', ...operands] = withoutEndpoint(call.args, words);
  const body = COMMANDS[command];
  if (body === undefined) {
    call.printError(`No help topic for '${command}'\n`);
    return 3;
  }
  if (!call.machine.containers.serving) {
    call.printError(`E validate service connection: validate CRI v1 runtime API: ${CONTAINERD_DOWN}\n`);
    return 1;
  }
  return yield* body(call, operands);
};

/** The value of `--runtime-endpoint` and its like is no operand. */
function withoutEndpoint(args: readonly string[], words: readonly string[]): string[] {
  const values = args.flatMap((word, index) =>
    /^(-r|-i|--runtime-endpoint|--image-endpoint|-o|--output|--name|--state|--namespace)$/.test(word)
      ? [args[index + 1] ?? '']
      : [],
  );
  return words.filter((word) => !values.includes(word));
}

type Command = (call: Invocation, operands: readonly string[]) => Sim<number>;

const COMMANDS: Readonly<Record<string, Command>> = {
  *version(call) {
    yield* [];
    call.print(
      'Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  1.7.24\nRuntimeApiVersion:  v1\n',
    );
    return 0;
  },
  *info(call) {
    yield* [];
    call.print('{\n  "status": {\n    "conditions": []\n  }\n}\n');
    return 0;
  },
  *pods(call) {
    yield* [];
    listPods(call);
    return 0;
  },
  *ps(call) {
    yield* [];
    listContainers(call);
    return 0;
  },
  *images(call) {
    yield* [];
    const rows = call.machine.containers.images().map((reference) => {
      const cut = reference.lastIndexOf(':');
      return [reference.slice(0, cut), reference.slice(cut + 1), '3e2c3f4d5a6b7', '30MB'];
    });
    call.print(table([['IMAGE', 'TAG', 'IMAGE ID', 'SIZE'], ...rows]));
    return 0;
  },
  *pull(call, [reference = '']) {
    const problem = yield* call.machine.containers.pull(reference);
    if (problem !== null) {
      call.printError(`E pulling image: ${problem}\n`);
      return 1;
    }
    call.print(`Image is up to date for ${reference}\n`);
    return 0;
  },
  *stop(call, operands) {
    return yield* eachContainer(call, operands, (one) => call.machine.containers.stop(one, STOP_TIMEOUT_MS));
  },
  *rm(call, operands) {
    return yield* eachContainer(call, operands, (one) => call.machine.containers.stop(one, 0));
  },
  *stopp(call, operands) {
    return yield* eachPod(call, operands, 'Stopped', STOP_TIMEOUT_MS);
  },
  *rmp(call, operands) {
    return yield* eachPod(call, operands, 'Removed', 0);
  },
  *logs(call, [id = '']) {
    yield* [];
    const one = call.machine.containers.containers.find((container) => container.id.startsWith(id));
    if (id === '' || one === undefined) return notFound(call, 'container', id);
    const path = `${logFolder(one.sandbox, one.name)}/${one.attempt}.log`;
    const lines = (call.machine.disk.read(path) ?? '').split('\n');
    call.print(lines.map((line) => line.replace(/^\S+ \S+ F /, '')).join('\n'));
    return 0;
  },
};

function* eachContainer(
  call: Invocation,
  ids: readonly string[],
  act: (container: Container) => Sim<void>,
): Sim<number> {
  for (const id of ids) {
    const one = call.machine.containers.containers.find((container) => container.id.startsWith(id));
    if (one === undefined) return notFound(call, 'container', id);
    yield* act(one);
    call.print(`${id}\n`);
  }
  return 0;
}

function* eachPod(call: Invocation, ids: readonly string[], done: string, graceMs: number): Sim<number> {
  for (const id of ids) {
    const one = call.machine.containers.sandboxes.find((sandbox) => sandbox.id.startsWith(id));
    if (one === undefined) return notFound(call, 'sandbox', id);
    yield* call.machine.containers.removeSandbox(one, graceMs);
    call.print(`${done} sandbox ${id}\n`);
  }
  return 0;
}

function notFound(call: Invocation, what: string, id: string): number {
  call.printError(
    `E rpc error: code = NotFound desc = an error occurred when try to find ${what} "${id}": not found\n`,
  );
  return 1;
}

function listPods(call: Invocation): void {
  const { nowMs } = call.world;
  const name = option(call, '--name');
  const shown = call.machine.containers.sandboxes.filter((one) => name === null || one.name.includes(name));
  if (isQuiet(call)) {
    call.print(shown.map((one) => `${one.id}\n`).join(''));
    return;
  }
  const row = (one: Sandbox): string[] => [
    ...[one.id.slice(0, 13), `${unitsAge(nowMs - one.createdMs)} ago`, one.ready ? 'Ready' : 'NotReady'],
    ...[one.name, one.namespace, String(one.attempt), '(default)'],
  ];
  const head = ['POD ID', 'CREATED', 'STATE', 'NAME', 'NAMESPACE', 'ATTEMPT', 'RUNTIME'];
  call.print(table([head, ...[...shown].reverse().map(row)]));
}

function listContainers(call: Invocation): void {
  const all = call.args.includes('-a') || call.args.includes('--all');
  const name = option(call, '--name');
  const shown = [...call.machine.containers.containers]
    .reverse()
    .filter((one) => (all || one.finishedMs === null) && (name === null || one.name.includes(name)));
  if (isQuiet(call)) {
    call.print(shown.map((one) => `${one.id}\n`).join(''));
    return;
  }
  const row = (one: Container): string[] => [
    ...[one.id.slice(0, 13), one.image, `${unitsAge(call.world.nowMs - one.startedMs)} ago`],
    ...[one.finishedMs === null ? 'Running' : 'Exited', one.name, String(one.attempt)],
    ...[one.sandbox.id.slice(0, 13), one.sandbox.name],
  ];
  const head = ['CONTAINER', 'IMAGE', 'CREATED', 'STATE', 'NAME', 'ATTEMPT', 'POD ID', 'POD'];
  call.print(table([head, ...shown.map(row)]));
}

function isQuiet(call: Invocation): boolean {
  return call.args.includes('-q') || call.args.includes('--quiet');
}

function option(call: Invocation, name: string): string | null {
  const index = call.args.indexOf(name);
  const joined = call.args.find((word) => word.startsWith(`${name}=`));
  return joined?.slice(name.length + 1) ?? (index < 0 ? null : (call.args[index + 1] ?? null));
}

/** Columns as wide as their widest cell, three spaces apart, as Go's tabwriter prints them. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd((widths[column] ?? 0) + 3))
      .join('')
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}
