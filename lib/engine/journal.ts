/**
 * The durable record of one saga run. Records are the events of engine/machine.ts; folding them again gives the
 * state again, and that is all that a resume is.
 */

/** What went wrong, as plain data and without secrets. */
export interface RecordedError {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** Where a saga's records are kept. `append` is durable when it returns. */
export interface Journal<Entry> {
  read(): readonly Entry[];
  /** Makes all of `records` durable, in order, before it returns. */
  append(records: readonly Entry[]): void;
}

export class MemoryJournal<Entry> implements Journal<Entry> {
  readonly #records: Entry[] = [];

  constructor(records: readonly Entry[] = []) {
    this.#records.push(...records);
  }

  read(): readonly Entry[] {
    return [...this.#records];
  }

  append(records: readonly Entry[]): void {
    this.#records.push(...records);
  }
}
