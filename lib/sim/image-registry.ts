/** containerd's connection to the registry of an image, and its words for one that fails. */
import { imageName } from './containerd.js';
import { reachInternet } from './internet.js';
import type { Machine } from './machine.js';
import type { Sim } from './task.js';

/** How long containerd waits for a connection to a registry. */
const DIAL_MS = 30_000;

/** Asks the registry for the image's manifest; null when it answers. */
export function* reachRegistry(machine: Machine, reference: string): Sim<string | null> {
  const name = imageName(reference);
  const [host = '', ...path] = name.split('/');
  const problem = yield* reachInternet(machine, host, DIAL_MS);
  if (problem === null) return null;
  const url = `https://${host}/v2/${path.join('/')}/manifests/${reference.slice(name.length + 1)}`;
  const why = {
    unresolved: `lookup ${host}: Temporary failure in name resolution`,
    refused: 'connect: connection refused',
    'no-route': 'connect: no route to host',
    timeout: 'i/o timeout',
  }[problem.kind];
  const dial = problem.kind === 'unresolved' ? 'dial tcp' : `dial tcp ${problem.address}:443`;
  return `failed to resolve reference "${reference}": failed to do request: Head "${url}": ${dial}: ${why}`;
}
