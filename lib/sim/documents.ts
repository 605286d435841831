/**
 * YAML that the programs of one world read. Kubeconfigs and manifests are read again and again, and parsing is by
 * far the most costly thing that a simulated program does, so that each text is parsed once. What is read is
 * frozen, because everybody who reads the same text gets the same data.
 */
import { parse } from 'yaml';

/** A world of a thousand machines reads about five texts a machine in one round of joins. */
const REMEMBERED = 512;

export class Documents {
  readonly #parsed = new Map<string, unknown>();

  /** The data of one YAML document. Throws what the parser throws on text that is no YAML. */
  read(text: string): unknown {
    const known = this.#parsed.get(text);
    if (known !== undefined) return known;
    const data = frozen(parse(text) as unknown);
    for (const oldest of this.#parsed.keys()) {
      if (this.#parsed.size < REMEMBERED) break;
      this.#parsed.delete(oldest);
    }
    this.#parsed.set(text, data);
    return data;
  }
}

function frozen(data: unknown): unknown {
  if (data === null || typeof data !== 'object') return data;
  for (const item of Object.values(data)) frozen(item);
  return Object.freeze(data);
}
