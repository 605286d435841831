/**
 * Files of a machine over SSH, by programs that every Linux has: the machine's own words say what went
 * wrong.
 */
import { FileError, UnreachableError, type CommandResult, type WriteOptions } from '../provider.js';
import type { SshMachine } from './ssh-machine.js';
import { runOver } from './ssh-run.js';

/** A code of our own, so that no text need be read to know that there is no such file. */
const NO_FILE = 66;

const READ = `test -e "$1" || exit ${NO_FILE}; exec cat -- "$1"`;

/**
 * A name with a dot in front is none that systemd, apt or the kubelet would read. The size is compared because
 * a connection that goes in the middle ends the input like a file's end. What is written outlives a power cut.
 */
const WRITE = `
target=$1 size=$2 mode=$3 owner=$4
folder=$(dirname -- "$target")
if test -d "$target"; then echo "$target: Is a directory" >&2; exit 1; fi
temporary=$(mktemp -- "$folder/.homelab.XXXXXXXX") || exit 1
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$temporary" || exit 1
if test "$(stat -c %s -- "$temporary")" != "$size"; then
  echo "$target: its content did not arrive whole" >&2
  exit 1
fi
chown -- "$owner" "$temporary" && chmod -- "$mode" "$temporary" && sync -- "$temporary" &&
  mv -fT -- "$temporary" "$target" && sync -- "$folder"`;

export async function readOver(
  machine: SshMachine,
  path: string,
  timeoutMs: number,
): Promise<Uint8Array | null> {
  const end = await script(machine, READ, [path], { timeoutMs });
  if (end.code === NO_FILE) return null;
  if (end.code !== 0) throw refused(end, `cannot read ${path}`);
  return end.stdout;
}

export async function writeOver(
  machine: SshMachine,
  path: string,
  content: string | Uint8Array,
  { mode = 0o644, owner = 'root:root', timeoutMs }: WriteOptions,
): Promise<void> {
  const stdin = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const words = [path, String(stdin.length), mode.toString(8), owner];
  const end = await script(machine, WRITE, words, { stdin, timeoutMs });
  if (end.code !== 0) throw refused(end, `cannot write ${path}`);
}

type Exited = Extract<CommandResult, { readonly kind: 'exited' }>;

/**
 * Whether the connection went before or after it was sent makes no difference here: reading changes nothing,
 * and writing the same content once more is always right.
 */
async function script(
  machine: SshMachine,
  text: string,
  words: readonly string[],
  options: { readonly stdin?: Uint8Array; readonly timeoutMs: number },
): Promise<Exited> {
  const end = await runOver(machine, { argv: ['sh', '-c', text, 'homelab', ...words], ...options });
  if (end.kind === 'exited') return end;
  const why = end.kind === 'lost' ? 'the connection was lost' : `no answer within ${options.timeoutMs} ms`;
  throw new UnreachableError(machine.name, why);
}

function refused({ stderr, code }: Exited, what: string): FileError {
  const words = new TextDecoder().decode(stderr).trim();
  return new FileError(`${what}: ${words === '' ? `exit code ${code}` : words}`);
}
