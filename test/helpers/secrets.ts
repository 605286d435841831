/** Every secret of a simulated lab, found where it is made and used, to look for it where it must not be. */
import { fromBase64Bytes } from '../../lib/base/base64.js';
import type { WorldLog } from '../../lib/provider/sim/world-log.js';
import { readObjects } from '../../lib/sim/observe-control-plane.js';
import type { World } from '../../lib/sim/world.js';
import { writesOf } from './bootstrap-runs.js';
import { at } from './tree.js';

/** Shorter texts could be anywhere by chance. */
const LEAST_LENGTH = 12;

/** Tokens, certificate keys, private keys and the data of kubeconfigs. */
export function secretsOf(world: World, log: WorldLog): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { text } of writesOf(log)) collect(text, found);
  const decoder = new TextDecoder();
  for (const machine of world.machines.values()) {
    for (const [, entry] of machine.disk.all()) {
      if (entry.kind !== 'directory') collect(decoder.decode(entry.content), found);
    }
  }
  for (const secret of readObjects(world, 'secrets') ?? []) {
    for (const value of Object.values(at(secret, 'data') ?? {})) {
      if (typeof value !== 'string') continue;
      found.add(value);
      const text = decoder.decode(fromBase64Bytes(value));
      if (/^[\w.-]{16,}$/.test(text)) found.add(text);
    }
  }
  return new Set([...found].filter((text) => text.length >= LEAST_LENGTH));
}

function collect(text: string, found: Set<string>): void {
  for (const [, token] of text.matchAll(/\b([a-z0-9]{6}\.[a-z0-9]{16})\b/g))
    if (token !== undefined) found.add(token);
  for (const [, key] of text.matchAll(/certificateKey: "?([0-9a-f]{64})/g))
    if (key !== undefined) found.add(key);
  for (const [, data] of text.matchAll(/client-key-data: (\S+)/g)) if (data !== undefined) found.add(data);
  for (const [, body] of text.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----\n([^-]+)\n-----END/g)) {
    for (const line of (body ?? '').split('\n')) found.add(line);
  }
}

/** Which of them a text holds; what is said of them names no secret itself. */
export function leaks(text: string, secrets: ReadonlySet<string>): readonly string[] {
  return [...secrets].filter((secret) => text.includes(secret)).map((secret) => `${secret.slice(0, 6)}…`);
}
