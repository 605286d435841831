/** One request to an API server, in the order of the real one: who, may they, what, and then the resource itself. */
import type { ApiServer } from '../apiserver-state.js';
import type { Request, Response } from '../network.js';
import { sleep, type Sim } from '../task.js';
import { authenticate, type User } from './authn.js';
import { deniedMessage, nodeRestriction } from './authz.js';
import { answerDiscovery } from './discovery.js';
import { answerHealth, healthPathOf } from './health.js';
import { podLog } from './pod-log.js';
import { parseRequest, type RequestInfo } from './request-info.js';
import { getObject, listObjects, matcherOf, ok, watchObjects, type RestCall } from './rest.js';
import { findType, tableOf } from './resources.js';
import { keyFor } from './rest.js';
import { scaleOf, deleteCollection, writeSubresource } from './subresources.js';
import { textAt } from '../tree.js';
import { Failure, forbidden, noSuchResource, unauthorized } from './status.js';
import { createObject, deleteObject, patchObject, updateObject } from './write.js';

export function* handle(server: ApiServer, request: Request): Sim<Response | 'reset'> {
  const { options, space } = server;
  const info = parseRequest(request.method, request.path);
  yield* sleep(server.world.draw('apiRequest', server.prng));
  const user = authenticate(
    {
      space,
      authority: options.clientAuthority,
      serviceAccountKey: options.serviceAccountKey,
      anonymous: options.anonymous,
      nowMs: server.wallMs,
    },
    request,
  );
  if (user === null) return unauthorized().response;
  const denied = deny(server, user, info);
  if (denied !== null) return denied.response;
  const health = healthPathOf(info.path);
  if (health !== null) return yield* answerHealth(server, health, info.query.has('verbose'));
  if (!info.isResource || space === null) return answerDiscovery(server, info);
  const type = findType(space, info.group, info.version, info.resource);
  if (type === null) return noSuchResource().response;
  const { method, body, push = null, sender = null, clientCertificate = null, holder = null } = request;
  const call: RestCall = {
    server,
    space,
    type,
    info,
    user,
    method,
    body,
    sender,
    clientCertificate,
    holder,
    push,
  };
  if (clientCertificate !== null) server.credentials.note(clientCertificate.notAfterMs);
  if (type.resource === 'leases' && method !== 'GET') noteClock(call);
  return yield* answerRest(call);
}

/** The times in a Lease are by the clock of its writer, and whoever waits for them to end reckons in lab time. */
function noteClock({ space, type, info, body, sender }: RestCall): void {
  const name = info.name ?? textAt(body, 'metadata', 'name');
  if (name === null) return;
  space.noteClock(keyFor(type, info.namespace, name), sender === null ? null : () => sender.clockSkewMs);
}

function deny(server: ApiServer, user: User, info: RequestInfo): Failure | null {
  const type = { group: info.group, resource: info.resource };
  const refuse = (message: string): Failure => forbidden(info.isResource ? type : null, info.name, message);
  const master = user.groups.includes('system:masters');
  if (!master && server.authorizer?.allows(user, info) !== true) return refuse(deniedMessage(user, info));
  const restricted = nodeRestriction(user, info);
  return restricted === null ? null : refuse(restricted);
}

function* answerRest(call: RestCall): Sim<Response | 'reset'> {
  const { info, method } = call;
  const { name } = info;
  if (name === null) return yield* answerCollection(call);
  if (info.subresource === 'scale' && method === 'GET') return yield* getScale(call, name);
  if (info.subresource === 'log' && info.resource === 'pods') return yield* podLog(call, name);
  if (info.subresource !== null && method !== 'GET') {
    const special = yield* writeSubresource(call, name);
    if (special !== null) return special;
  }
  switch (method) {
    case 'GET':
      return info.verb === 'watch' ? yield* watchObjects(call) : yield* getObject(call, name);
    case 'PUT':
      return yield* updateObject(call, name);
    case 'PATCH':
      return yield* patchObject(call, name);
    case 'DELETE':
      return yield* deleteObject(call, name);
    default:
      return notAllowed();
  }
}

function* answerCollection(call: RestCall): Sim<Response | 'reset'> {
  switch (call.method) {
    case 'GET':
      return call.info.verb === 'watch' ? yield* watchObjects(call) : yield* listObjects(call);
    case 'POST':
      return yield* createObject(call);
    case 'DELETE': {
      const matcher = matcherOf(call.info);
      return matcher instanceof Failure ? matcher.response : yield* deleteCollection(call, matcher);
    }
    default:
      return notAllowed();
  }
}

function* getScale(call: RestCall, name: string): Sim<Response | 'reset'> {
  const answer = yield* getObject(call, name);
  if (answer === 'reset' || answer.status !== 200) return answer;
  const object = call.space.get(tableOf(call.type), keyFor(call.type, call.info.namespace, name));
  return object === null ? answer : ok(scaleOf(object));
}

function notAllowed(): Response {
  const message = 'the server does not allow this method on the requested resource';
  return new Failure(405, 'MethodNotAllowed', message).response;
}
