/** apt's connection to a package source, and its words for one that fails. */
import { reachInternet } from '../internet.js';
import type { Invocation } from '../process.js';
import type { Sim } from '../task.js';
import type { Source } from './sources.js';

/** Acquire::http::Timeout. */
const CONNECT_MS = 30_000;

/** Null when the source answers. */
export function* unreachable(call: Invocation, source: Source): Sim<string | null> {
  const { host } = source;
  const problem = yield* reachInternet(call.machine, host, CONNECT_MS);
  switch (problem?.kind) {
    case undefined:
      return null;
    case 'unresolved':
      return `Temporary failure resolving '${host}'`;
    case 'refused':
      return `Could not connect to ${host}:443 (${problem.address}). - connect (111: Connection refused)`;
    case 'no-route':
      return `Could not connect to ${host}:443 (${problem.address}). - connect (113: No route to host)`;
    case 'timeout':
      return `Could not connect to ${host}:443 (${problem.address}), connection timed out`;
  }
}
