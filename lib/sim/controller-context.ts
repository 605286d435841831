/** What the controllers of one controller manager share: the client, informers, and making pods from templates. */
import { sha256Hex } from '../base/digest.js';
import type { ApiOutcome } from './api-client.js';
import type { Leader } from './control-plane-program.js';
import { Informer } from './informer.js';
import type { KubeObject, OwnerReference } from './objects.js';
import type { Sim } from './task.js';
import { mapAt } from './tree.js';

const REQUEST_TIMEOUT_MS = 30_000;
/** The alphabet of generated names: no vowels, nothing that reads like another. */
const NAME_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

export class ControllerContext {
  readonly leader: Leader;
  readonly #informers = new Map<string, Informer>();

  constructor(leader: Leader) {
    this.leader = leader;
  }

  get nowMs(): number {
    return this.leader.call.world.nowMs;
  }

  /** What the clock of its machine says. */
  get wallMs(): number {
    return this.leader.call.machine.wallMs;
  }

  /** The same as RFC 3339. */
  get date(): string {
    return this.leader.call.machine.date();
  }

  /** The shared informer of a list; started when it is first asked for. */
  informer(path: string): Informer {
    const existing = this.#informers.get(path);
    if (existing !== undefined) return existing;
    const informer = new Informer({ name: path, path, client: () => this.leader.client });
    this.#informers.set(path, informer);
    this.spawn(`informer ${path}`, informer.run());
    return informer;
  }

  spawn(name: string, body: Sim<unknown>): void {
    const { world, process } = this.leader.call;
    world.scheduler.spawn(process.group, name, body);
  }

  *request(method: string, path: string, body?: unknown): Sim<ApiOutcome> {
    return yield* this.leader.client.request(method, path, body, REQUEST_TIMEOUT_MS);
  }

  /** Creates an object and lets its informer know at once. False when the server did not take it. */
  *create(informer: Informer, path: string, object: KubeObject): Sim<boolean> {
    const answer = yield* this.request('POST', path, object);
    if (answer.kind === 'ok') informer.learn(answer.body as KubeObject);
    return answer.kind === 'ok' || (answer.kind === 'error' && answer.status.reason === 'AlreadyExists');
  }

  /** Deletes an object; one that is gone already counts as deleted. */
  *remove(path: string, body?: unknown): Sim<boolean> {
    const answer = yield* this.request('DELETE', path, body);
    return answer.kind === 'ok' || (answer.kind === 'error' && answer.status.reason === 'NotFound');
  }

  /** Patches an object; nothing is left to do for one that is gone. */
  *patch(path: string, body: unknown): Sim<boolean> {
    const answer = yield* this.request('PATCH', path, body);
    return answer.kind === 'ok' || (answer.kind === 'error' && answer.status.reason === 'NotFound');
  }

  suffix(): string {
    return this.leader.call.prng.text(5, NAME_ALPHABET);
  }
}

export function ownerOf(object: KubeObject): OwnerReference {
  const { name, uid } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, name, uid: uid ?? '', controller: true };
}

/** A pod from an owner's template. */
export function podFromTemplate(
  owner: KubeObject,
  name: string,
  labels: Readonly<Record<string, string>> = {},
  spec: Readonly<Record<string, unknown>> = {},
): KubeObject {
  const template = mapAt(owner, 'spec', 'template');
  const given = mapAt(template, 'metadata', 'labels') as Readonly<Record<string, string>>;
  const annotations = mapAt(template, 'metadata', 'annotations') as Readonly<Record<string, string>>;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: owner.metadata.namespace ?? 'default',
      labels: { ...given, ...labels },
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ownerReferences: [ownerOf(owner)],
    },
    spec: { ...mapAt(template, 'spec'), ...spec },
  };
}

/** Ten letters that stand for a pod template, as in `coredns-7c65d6cfc9`. */
export function templateHash(owner: KubeObject): string {
  const digest = sha256Hex(JSON.stringify(mapAt(owner, 'spec', 'template')));
  return digest.slice(0, 10).replace(/./g, (digit) => NAME_ALPHABET[parseInt(digit, 16)] ?? 'b');
}
