/** What a saga on a copy of a lab is given beside the machines: what is there is read, what it writes is not kept. */
import type { LabFolder, SagaPorts } from '../sagas/ports.js';

/** What the run writes is there for the run only. */
export function thrownAway({ folder, bundle }: SagaPorts): SagaPorts {
  const written = new Map<string, Uint8Array | null>();
  const read = (name: string): Uint8Array | null => written.get(name) ?? null;
  const isWritten = (name: string): boolean => written.has(name);
  const own: LabFolder = {
    write: (name, content) => {
      written.set(name, typeof content === 'string' ? new TextEncoder().encode(content) : content);
    },
    remove: (name) => {
      written.set(name, null);
    },
    read: (name) => {
      const bytes = read(name);
      return bytes === null ? (isWritten(name) ? null : folder.read(name)) : new TextDecoder().decode(bytes);
    },
    readBytes: (name) => (isWritten(name) ? read(name) : folder.readBytes(name)),
    list: (within) => {
      const names = [...written].flatMap(([name, bytes]) =>
        bytes !== null && name.startsWith(`${within}/`) ? [name.slice(within.length + 1)] : [],
      );
      const before = folder.list(within).filter((name) => written.get(`${within}/${name}`) !== null);
      return [...new Set([...before, ...names])].sort();
    },
  };
  return { folder: own, bundle, recordVersion: () => undefined };
}
