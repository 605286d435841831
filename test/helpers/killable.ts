/**
 * A process that can be killed without a process: from that moment its provider, shells and clock answer nothing
 * more, its journal takes nothing more, and its cancellations reach nobody.
 */
import type { Journal } from '../../lib/engine/journal.js';
import { decodeLines, encodeLines } from '../../lib/engine/journal-lines.js';
import { checkRecord, type SagaRecord } from '../../lib/engine/records.js';

export type CrashPoint =
  /** The `n`th append writes `whole` of its records, then perhaps half of the next one, and the process dies. */
  | { readonly at: 'append'; readonly n: number; readonly whole: number; readonly torn: boolean }
  /** The process dies at its `n`th operation on the world, before it is sent or when it has just been sent. */
  | { readonly at: 'operation'; readonly n: number; readonly sent: boolean };

export class Crash extends Error {
  override readonly name = 'Crash';
}

/** One process's connection to the world, which can be cut. */
export class Process {
  operations = 0;
  /** Records of each append, in order. */
  readonly appends: number[] = [];
  readonly #point: CrashPoint | null;
  readonly #onDeath = new Set<(error: Crash) => void>();
  /** One for each signal, however many operations of a step are given it. */
  readonly #shielded = new WeakMap<AbortSignal, AbortController>();
  #isDead = false;

  constructor(point: CrashPoint | null) {
    this.#point = point;
  }

  die(): Crash {
    this.#isDead = true;
    const crash = new Crash('killed');
    for (const reject of this.#onDeath) reject(crash);
    return crash;
  }

  /** The provider, or a shell or clock of it, as this process sees it. */
  connect<Target extends object>(target: Target, counts = true): Target {
    return new Proxy(target, {
      get: (_, name) => {
        const value: unknown = Reflect.get(target, name);
        if (name === 'clock') return this.connect(value as object, false);
        if (typeof value !== 'function') return value;
        return (...args: readonly unknown[]): unknown => {
          const call = (): unknown =>
            Reflect.apply(
              value,
              target,
              args.map((arg) => this.#shield(arg)),
            );
          if (name === 'shell') return this.connect(call() as object);
          return name === 'nowMs' ? call() : this.#operate(call, counts);
        };
      },
    });
  }

  /** Says how much of an append the disk gets to see: null for all, and the process lives. */
  append(records: number): { readonly whole: number; readonly torn: boolean } | null {
    if (this.#isDead) throw new Crash('a dead process appended');
    this.appends.push(records);
    return this.#point?.at === 'append' && this.#point.n === this.appends.length ? this.#point : null;
  }

  #operate(call: () => unknown, counts: boolean): Promise<unknown> {
    if (this.#isDead) return Promise.reject(new Crash('killed'));
    if (counts) this.operations += 1;
    const isPoint = counts && this.#point?.at === 'operation' && this.#point.n === this.operations;
    if (isPoint && !this.#point.sent) return Promise.reject(this.die());
    const answer = Promise.resolve(call());
    if (isPoint) this.die();
    return new Promise((resolve, reject) => {
      if (this.#isDead) reject(new Crash('killed'));
      this.#onDeath.add(reject);
      answer.then(resolve, reject);
    });
  }

  /** A dead process's cancellations reach nobody. */
  #shield(arg: unknown): unknown {
    if (arg instanceof AbortSignal) {
      const known = this.#shielded.get(arg);
      if (known !== undefined) return known.signal;
      const shielded = new AbortController();
      const pass = (): void => {
        if (!this.#isDead) shielded.abort(arg.reason);
      };
      if (arg.aborted) pass();
      arg.addEventListener('abort', pass, { once: true });
      this.#shielded.set(arg, shielded);
      return shielded.signal;
    }
    if (typeof arg !== 'object' || arg === null || !('signal' in arg)) return arg;
    return { ...arg, signal: this.#shield(arg.signal) };
  }
}

/** What is on the disk, and outlives processes. */
export interface Disk {
  bytes: Uint8Array;
}

/** A journal of one process on a disk, through the very lines that the file journal writes. */
export class DiskJournal implements Journal<SagaRecord> {
  readonly #disk: Disk;
  readonly #process: Process;
  readonly #records: SagaRecord[];

  constructor(disk: Disk, process: Process) {
    const { records, goodBytes } = decodeLines(disk.bytes, 'disk', checkRecord);
    disk.bytes = disk.bytes.slice(0, goodBytes);
    this.#disk = disk;
    this.#process = process;
    this.#records = [...records];
  }

  read(): readonly SagaRecord[] {
    return [...this.#records];
  }

  append(records: readonly SagaRecord[]): void {
    const cut = this.#process.append(records.length);
    const next = records[cut?.whole ?? records.length];
    const tail = cut?.torn === true && next !== undefined ? encodeLines([next]) : new Uint8Array();
    const half = tail.slice(0, Math.floor(tail.length / 2));
    this.#disk.bytes = Buffer.concat([this.#disk.bytes, encodeLines(records.slice(0, cut?.whole)), half]);
    if (cut !== null) throw this.#process.die();
    this.#records.push(...records);
  }
}
