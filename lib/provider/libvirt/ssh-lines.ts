/**
 * What is sent to a machine to run a program, and to end it. Over SSH a program has no name that outlives its
 * connection and gets no signals, so each carries a mark in its environment, which its children inherit: by
 * that mark it is found.
 */
import { shellLine } from '../../base/shell-line.js';

const MARK = 'HOMELAB_COMMAND';
/** Debian's for root; sudo's own differs from system to system. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The shell is there for what `env` cannot do: it says "not found" and ends with 127 when there is no such
 * program, where sudo would end with 1. It is replaced by the program.
 */
const RUN = `PATH=${PATH} LC_ALL=C ${MARK}=$1; export PATH LC_ALL ${MARK}; shift; exec "$@"`;

/** The line that runs `argv` as root under the mark `id`. */
export function runLine(id: string, argv: readonly string[]): string {
  return asRoot(['sh', '-c', RUN, 'homelab', id, ...argv]);
}

/**
 * Marked processes, those found before, and all that descend from them: some may have an environment of their
 * own, and lose their parents. The name of a program, in parentheses, may hold blanks; what counts comes after
 * it.
 */
const FIND = `
  BEGIN {
    count = split(before, list)
    for (i = 1; i <= count; i++) found[list[i]] = 1
    for (i = 1; i < ARGC; i++) {
      line = ""; getline line < ARGV[i]; close(ARGV[i])
      split(ARGV[i], part, "/"); pid = part[3]; ARGV[i] = ""
      sub(/^.*\\) /, "", line); split(line, field, " ")
      if (line != "" && field[1] != "Z") parent[pid] = field[2]
    }
  }
  { split($0, part, "/"); found[part[3]] = 1 }
  END {
    do {
      more = 0
      for (pid in parent) if (!(pid in found) && parent[pid] in found) more = found[pid] = 1
    } while (more)
    for (pid in parent) if (pid in found) print pid
  }`;

/** Asks them to end, and makes them when they do not. Exits 0 once none is left. */
const END = `
mark=$1 find=$2 pids=
LC_ALL=C; export LC_ALL
for signal in TERM 0 0 0 0 0 KILL KILL KILL KILL KILL; do
  pids=$(grep -lszxF -e "$mark" /proc/[0-9]*/environ | awk -v before="$pids" "$find" /proc/[0-9]*/stat)
  test -n "$pids" || exit 0
  kill -$signal $pids 2>/dev/null
  sleep 0.3
done
exit 1`;

/** The line that ends everything under the mark `id`: exit code 0 when nothing of it is left. */
export function endLine(id: string): string {
  return asRoot(['sh', '-c', END, 'homelab', `${MARK}=${id}`, FIND]);
}

/** The user's login shell must give way, or a signal that ends the program would reach us as an exit code. */
function asRoot(argv: readonly string[]): string {
  return `exec ${shellLine(['sudo', '-n', '--', ...argv])}`;
}
