/**
 * What kubectl says of a request that failed, on stderr, with exit code 1. Source: kubectl's
 * StandardErrorMessage.
 */
import type { ApiOutcome } from '../../api-client.js';
import { dateProblem } from '../../pki.js';
import type { Invocation } from '../../process.js';
import { Failure } from '../failure.js';

export type FailedOutcome = Exclude<ApiOutcome, { readonly kind: 'ok' }>;

export function failureOf(call: Invocation, outcome: FailedOutcome, timeoutMs: number): Failure {
  return new Failure(`${messageOf(call, outcome, timeoutMs)}\n`);
}

/** One line, or the server's own words. */
export function messageOf(call: Invocation, outcome: FailedOutcome, timeoutMs: number): string {
  if (outcome.kind === 'error') return serverMessage(outcome);
  if (outcome.kind === 'refused') {
    const server = `The connection to the server ${outcome.server} was refused`;
    return `${server} - did you specify the right host or port?`;
  }
  return `Unable to connect to the server: ${transportText(call, outcome, timeoutMs)}`;
}

function serverMessage(outcome: Extract<ApiOutcome, { readonly kind: 'error' }>): string {
  const { message, reason } = outcome.status;
  if (reason === 'Unauthorized') return `error: You must be logged in to the server (${message})`;
  const known = reason === '' || reason === 'Unknown' ? '' : ` (${reason})`;
  return `Error from server${known}: ${message}`;
}

/** The text of Go's network error, as it also stands in the lines that discovery logs. */
export function transportText(
  call: Invocation,
  outcome: Exclude<FailedOutcome, { readonly kind: 'error' }>,
  timeoutMs: number,
): string {
  switch (outcome.kind) {
    case 'refused':
      return `dial tcp ${outcome.server}: connect: connection refused`;
    case 'no-route':
      return `dial tcp ${outcome.server}: connect: no route to host`;
    case 'no-host':
      return `dial tcp: lookup ${outcome.server.replace(/:\d+$/, '')}: no such host`;
    case 'reset':
      return 'EOF';
    case 'dial-timeout':
      return timeoutMs > 30_000
        ? `dial tcp ${outcome.server}: i/o timeout`
        : deadlineText(call, ' while waiting for connection');
    case 'timeout':
      return timeoutMs === Infinity ? 'http2: client connection lost' : deadlineText(call, '');
    case 'tls':
      return `tls: failed to verify certificate: x509: ${certificateText(call, outcome)}`;
  }
}

/** The client's own timer and the request's context end at the same moment; either may win. */
function deadlineText(call: Invocation, where: string): string {
  return call.prng.chance(1, 2)
    ? 'context deadline exceeded'
    : `net/http: request canceled${where} (Client.Timeout exceeded while awaiting headers)`;
}

function certificateText(call: Invocation, outcome: Extract<ApiOutcome, { readonly kind: 'tls' }>): string {
  const host = outcome.server.replace(/:\d+$/, '');
  switch (outcome.problem) {
    case 'unknown-authority':
      return (
        'certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" ' +
        'while trying to verify candidate authority certificate "kubernetes")'
      );
    case 'wrong-name': {
      const address = /^[\d.]+$/.test(host);
      const alike = outcome.certificate.sans.filter((name) => /^[\d.]+$/.test(name) === address);
      return `certificate is valid for ${alike.join(', ')}, not ${host}`;
    }
    case 'expired':
    case 'not-yet-valid': {
      const { certificate, now } = outcome;
      return dateProblem(certificate, outcome.problem, now, (ms) => call.world.date(ms));
    }
  }
}
