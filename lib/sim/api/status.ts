/** How the API server says no: Status objects with the real reasons, codes and words. */
import type { Response } from '../network.js';
import type { KubeObject, KubeStatus } from '../objects.js';
import { tableOf, type ResourceType } from './resources.js';

export const RENEW_SINGLY = 'RenewSingly';

/** An answer that is an error, thrown nowhere: handlers return it. */
export class Failure {
  readonly status: KubeStatus;

  constructor(
    code: number,
    reason: string,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      details,
      code,
    };
  }

  get response(): Response {
    return { status: this.status.code, body: this.status };
  }
}

type Named = Pick<ResourceType, 'group' | 'resource'>;

export function notFound(type: Named, name: string): Failure {
  return new Failure(404, 'NotFound', `${tableOf(type)} "${name}" not found`, detailsOf(type, name));
}

export function alreadyExists(type: Named, name: string): Failure {
  const message = `${tableOf(type)} "${name}" already exists`;
  return new Failure(409, 'AlreadyExists', message, detailsOf(type, name));
}

export function conflict(type: Named, name: string): Failure {
  const why = 'the object has been modified; please apply your changes to the latest version and try again';
  const message = `Operation cannot be fulfilled on ${tableOf(type)} "${name}": ${why}`;
  return new Failure(409, 'Conflict', message, detailsOf(type, name));
}

export function invalid(type: ResourceType, name: string, problem: string): Failure {
  const full = type.group === '' ? type.kind : `${type.kind}.${type.group}`;
  const details = { ...detailsOf(type, name), kind: type.kind };
  return new Failure(422, 'Invalid', `${full} "${name}" is invalid: ${problem}`, details);
}

export function badRequest(message: string): Failure {
  return new Failure(400, 'BadRequest', message);
}

/** The simulator's own: a renewal that stands for many is refused while each of them takes its time. */
export function renewSingly(): Failure {
  return new Failure(503, RENEW_SINGLY, 'renewals are served one by one while etcd is slow');
}

export function forbidden(type: Named | null, name: string | null, message: string): Failure {
  return new Failure(403, 'Forbidden', message, type === null ? {} : detailsOf(type, name ?? ''));
}

export function unauthorized(): Failure {
  return new Failure(401, 'Unauthorized', 'Unauthorized');
}

export function noSuchResource(): Failure {
  return new Failure(404, 'NotFound', 'the server could not find the requested resource');
}

/** A read that etcd did not answer within the request's time. */
export function readTimedOut(method: string, type: Named, name: string | null): Failure {
  const what = [method.toLowerCase(), tableOf(type), ...(name === null ? [] : [name])].join(' ');
  const words =
    'the server was unable to return a response in the time allotted, but may still be processing';
  return new Failure(504, 'Timeout', `${words} the request (${what})`);
}

/** A deletion that etcd did not answer within the request's time. */
export function requestTimedOut(): Failure {
  const message = 'Timeout: request did not complete within requested timeout - context deadline exceeded';
  return new Failure(504, 'Timeout', message);
}

/** An error of the storage that the server does not interpret; it has no reason. */
export function storageError(message: string): Failure {
  return new Failure(500, '', message);
}

export function success(type: Named, object: KubeObject): KubeStatus & { readonly status: 'Success' } {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    message: '',
    reason: '',
    details: { ...detailsOf(type, object.metadata.name), uid: object.metadata.uid },
    code: 200,
  };
}

function detailsOf(type: Named, name: string): Record<string, unknown> {
  return {
    ...(name === '' ? {} : { name }),
    ...(type.group === '' ? {} : { group: type.group }),
    kind: type.resource,
  };
}
