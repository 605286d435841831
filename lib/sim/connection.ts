/** One open TCP connection of the lab network, and how it ends. */
import type { Machine } from './machine.js';
import type { Listener, Outcome, Response } from './network.js';
import { waitFor, type Signal, type Sim, type Task } from './task.js';

export interface Connection {
  readonly target: Machine;
  readonly address: string;
  readonly listener: Listener;
}

/** Undefined is the answer of a server that was ended meanwhile. */
export function outcomeOf(response: Response | 'reset' | undefined, listener: Listener): Outcome {
  if (response === undefined || response === 'reset') return { kind: 'reset' };
  const certificate = response.certificate === undefined ? listener.certificate() : response.certificate;
  return { kind: 'response', status: response.status, body: response.body, certificate };
}

/** Ends the server's side of a stream once the two cannot hear each other; a suspended client cannot say so. */
export function* hangUp(
  answer: Task<unknown>,
  reach: readonly Signal[],
  connected: () => boolean,
): Sim<void> {
  while (answer.state === 'running' && connected()) yield* waitFor([answer.ended, ...reach]);
  answer.kill();
}
