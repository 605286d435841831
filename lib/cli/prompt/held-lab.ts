/**
 * A simulated lab that stays open between the commands of a prompt. The lab's lock is held only while a command
 * runs, so that another terminal can cut a machine meanwhile; what was done there is played before the next one.
 */
import type { SimProvider } from '../../provider/sim/sim-provider.js';
import { fileSize } from '../files.js';
import type { Io } from '../io.js';
import { lockLab, mustFindLab, worldPath, type Lab } from '../labs.js';
import { asSim, openProvider } from '../providers.js';

export class HeldLab {
  readonly #io: Io;
  readonly #base: string;
  readonly #name: string;
  #open: { readonly provider: SimProvider; readonly bytes: number } | null = null;

  constructor(io: Io, base: string, lab: Lab) {
    this.#io = io;
    this.#base = base;
    this.#name = lab.name;
  }

  /** The world as of the last command, to look at; null before the first one. */
  get seen(): SimProvider | null {
    return this.#open?.provider ?? null;
  }

  /** Throws a `UserError` when another homelab works on the lab now, or the lab is gone. */
  async use<T>(work: (provider: SimProvider) => Promise<T>): Promise<T> {
    const lab = mustFindLab(this.#base, this.#name);
    const lock = lockLab(this.#io, lab);
    try {
      const unchanged = this.#open?.bytes === fileSize(worldPath(lab)) ? this.#open.provider : null;
      const provider = unchanged ?? asSim(await openProvider(this.#io, lab, 'operate'));
      try {
        return await work(provider);
      } finally {
        this.#open = { provider, bytes: fileSize(worldPath(lab)) };
      }
    } finally {
      lock.release();
    }
  }
}
