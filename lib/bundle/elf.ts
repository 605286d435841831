/** For which processor a program was built, told from the head of its file. */
import { ARCHITECTURES, type Architecture } from '../model/bundle.js';

/** How many bytes of a file `programArchitecture` looks at. */
export const ELF_HEAD = 20;

/** `e_machine` of the ELF format. */
const MACHINES: Readonly<Record<Architecture, number>> = { amd64: 62, arm64: 183 };

/** `other` for an ELF program of another processor; null for what is no ELF program, such as a script. */
export function programArchitecture(head: Uint8Array): Architecture | 'other' | null {
  if (head.length < ELF_HEAD || String.fromCharCode(...head.subarray(0, 4)) !== '\x7fELF') return null;
  // Both processors are little-endian in every Linux that Kubernetes is built for.
  const machine = (head[18] ?? 0) + 256 * (head[19] ?? 0);
  return ARCHITECTURES.find((name) => MACHINES[name] === machine) ?? 'other';
}
