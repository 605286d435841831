/**
 * Watching and renewing as in-world clients do it, at no cost while nothing changes. A watch is
 * one open request over which changes come as they happen. A Lease that is renewed over and over is one request
 * that stays open for as long as each renewal would succeed.
 */
import type { ApiClient, ApiOutcome } from '../api-client.js';
import type { KubeObject } from '../objects.js';
import type { Process } from '../process.js';
import type { Sim } from '../task.js';
import { RENEW_SINGLY } from './status.js';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
  /** For Leases: somebody keeps renewing it at this time. */
  readonly renewing?: boolean;
}

/** A part of the answer to `GET …?watch=true&resourceVersion=N`: what changed at one moment. */
export type WatchEvents = readonly WatchEvent[];

export type WatchEnd =
  /** The client has seen what it waited for. */
  | { readonly kind: 'enough' }
  /** Changes since then are forgotten: list again. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'broken'; readonly outcome: ApiOutcome };

/** An HTTP/2 client pings after 30 s of silence and gives up 15 s later. */
const SILENCE_MS = 45_000;

/** Watches what `path` (a list with its selectors) names until `receive` answers true or the watch breaks. */
export function* watch(
  client: ApiClient,
  path: string,
  resourceVersion: string,
  receive: (events: WatchEvents) => boolean,
): Sim<WatchEnd> {
  const target = withQuery(path, `watch=true&resourceVersion=${resourceVersion}`);
  const outcome = yield* client.watch(target, SILENCE_MS, (part) => receive(part as WatchEvents));
  if (outcome === null) return { kind: 'enough' };
  if (outcome.kind === 'error' && outcome.status.code === 410) return { kind: 'expired' };
  return { kind: 'broken', outcome };
}

/**
 * Writes a Lease and keeps renewing it. Ends with 409 when somebody else wrote it, and with 'reset' or 'timeout'
 * when a renewal could not succeed any more. Its resourceVersion has moved on then.
 */
export function* keepRenewing(
  client: ApiClient,
  leasePath: string,
  lease: KubeObject,
  everyMs: number,
  holder?: Process,
): Sim<ApiOutcome> {
  return yield* client.stream('PUT', withQuery(leasePath, `renewEveryMs=${everyMs}`), lease, 0, holder);
}

/** Was an open renewal refused because each one takes its own time now? Nothing was written then. */
export function mustRenewSingly(outcome: ApiOutcome): boolean {
  return outcome.kind === 'error' && outcome.status.reason === RENEW_SINGLY;
}

/** Waits for as long as the holder of a Lease keeps renewing it, and answers the Lease as it was left. */
export function* whileRenewed(client: ApiClient, leasePath: string): Sim<ApiOutcome> {
  return yield* client.stream('GET', withQuery(leasePath, 'whileRenewed=true'), undefined, 0);
}

function withQuery(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`;
}
