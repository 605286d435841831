/** One open TCP connection of the lab network, and how it ends. */
import type { Machine } from './machine.js';
import type { Listener, Outcome, Response } from './network.js';
import { Signal, sleep, waitFor, type Scheduler, type Sim, type Task } from './task.js';

/** One way over the lab network. */
export const LATENCY_MS = 1;
/** Linux's least time before a segment is sent again. */
const FIRST_RETRANSMISSION_MS = 200;

export interface Connection {
  readonly target: Machine;
  readonly address: string;
  readonly listener: Listener;
}

/** Where a client takes what a server pushes over an open connection. What comes after its end is dropped. */
export class Inbox {
  /** Fires once the client has seen enough. */
  readonly closed = new Signal('end of a stream');
  readonly #scheduler: Scheduler;
  readonly #receive: ((body: unknown) => boolean) | null;
  readonly #connected: () => boolean;
  #isOpen = true;

  constructor(scheduler: Scheduler, receive: ((body: unknown) => boolean) | null, connected: () => boolean) {
    this.#scheduler = scheduler;
    this.#receive = receive;
    this.#connected = connected;
  }

  get isClosed(): boolean {
    return !this.#isOpen;
  }

  close(): void {
    this.#isOpen = false;
  }

  readonly push = (body: unknown): void => {
    this.#scheduler.after(LATENCY_MS, () => {
      if (!this.#isOpen || !this.#connected() || this.#receive?.(body) !== true) return;
      this.close();
      this.closed.fire();
    });
  };
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

/**
 * Waits for a connection that fell silent to be heard again, for `patienceMs` at most. TCP does not notice a short
 * silence, such as an address that is gone for a moment: what was lost is sent again after 200 ms, then after twice
 * as long each time.
 */
export function* resumed(connected: () => boolean, patienceMs: number): Sim<boolean> {
  let leftMs = patienceMs;
  for (let pauseMs = FIRST_RETRANSMISSION_MS; leftMs > 0; pauseMs *= 2) {
    yield* sleep(Math.min(pauseMs, leftMs));
    leftMs -= pauseMs;
    if (leftMs >= 0 && connected()) return true;
  }
  return false;
}

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || address.startsWith('127.');
}
