/**
 * `libvirt.json` in a lab's folder: what cannot be asked of libvirt or Vagrant afterwards. Written whole and
 * durably before the deed that it is about, so that a homelab that was killed leaves enough for the next one to
 * clear up.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from '../../base/errors.js';

/** `begun` before the first `vagrant up` of a machine, `made` when it had come to its end. */
export type Progress = 'begun' | 'made';

/** A process of this computer; its number alone is given to others after it has ended. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in clock ticks since the boot: field 22 of /proc/<pid>/stat. */
  readonly startTicks: string;
  /** Which boot that was. */
  readonly bootId: string;
}

export interface LabState {
  readonly version: 1;
  /** Lab time 0, in milliseconds of the Unix epoch. */
  readonly madeAtMs: number;
  /** What `vos.driver: auto` was found to mean on this host; null until somebody had to know. */
  readonly driver: 'kvm' | 'qemu' | null;
  /** Machines that this lab has begun to make and has not destroyed. */
  readonly machines: Readonly<Record<string, Progress>>;
  /** The box that its machines were last made from. */
  readonly box: string | null;
  /** True while a `vagrant up` may be uploading the box's image into the storage pool. */
  readonly uploading: boolean;
  /** The vagrant that runs for this lab. */
  readonly vagrant: ProcessIdentity | null;
}

export class LabStateFile {
  readonly #path: string;
  #state: LabState;

  /** Only reads. `openedAtMs` is lab time 0 of a lab that has no state yet. */
  constructor(path: string, openedAtMs: number) {
    this.#path = path;
    this.#state = existsSync(path) ? parse(path) : fresh(openedAtMs);
  }

  get now(): LabState {
    return this.#state;
  }

  /** Durable when it returns. */
  update(change: Partial<Omit<LabState, 'version'>>): void {
    this.#state = { ...this.#state, ...change };
    mkdirSync(dirname(this.#path), { recursive: true });
    const text = `${JSON.stringify(this.#state, null, 2)}\n`;
    writeFileSync(`${this.#path}.new`, text, { mode: 0o600, flush: true });
    renameSync(`${this.#path}.new`, this.#path);
  }

  setProgress(machines: readonly string[], progress: Progress): void {
    const entries = machines.map((name) => [name, progress] as const);
    this.update({ machines: { ...this.#state.machines, ...Object.fromEntries(entries) } });
  }

  forget(machines: readonly string[]): void {
    const kept = Object.entries(this.#state.machines).filter(([name]) => !machines.includes(name));
    this.update({ machines: Object.fromEntries(kept) });
  }
}

function fresh(madeAtMs: number): LabState {
  return { version: 1, madeAtMs, driver: null, box: null, machines: {}, uploading: false, vagrant: null };
}

function parse(path: string): LabState {
  try {
    const state = JSON.parse(readFileSync(path, 'utf8')) as LabState;
    if ((state.version as number) === 1) return state;
  } catch {
    // Falls through to the message below: what is not JSON is as unreadable as what is of another version.
  }
  throw new UserError({
    code: 'lab-unreadable',
    message: `${path} is damaged or was written by another version of homelab`,
    remedy: 'Use the homelab that wrote it; or remove the file, and then the lab with `homelab destroy`.',
  });
}
