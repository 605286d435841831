/** The journal of an experiment's operation, beside the experiment's own in the lab's folder. */
import type { OperationJournal } from '../../chaos/operation.js';
import { createJournal, findChildJournal, openJournal, type FileJournal } from '../../engine/journal-file.js';
import type { SagaRecord } from '../../engine/records.js';

export class ChildJournal implements OperationJournal {
  readonly #folder: string;
  readonly #parent: number;
  readonly #saga: string;
  #journal: FileJournal<SagaRecord> | null = null;

  constructor(folder: string, parent: number, saga: string) {
    this.#folder = folder;
    this.#parent = parent;
    this.#saga = saga;
  }

  find(): FileJournal<SagaRecord> | null {
    const entry = this.#journal === null ? findChildJournal(this.#folder, this.#parent) : null;
    if (entry !== null) this.#journal = openJournal(entry.path);
    return this.#journal;
  }

  make(): FileJournal<SagaRecord> {
    this.#journal = createJournal(this.#folder, this.#saga);
    return this.#journal;
  }

  close(): void {
    this.#journal?.close();
  }
}
