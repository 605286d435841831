/**
 * The file system of one simulated machine. It survives the loss of power; there is one flat table of absolute
 * paths. Symbolic links, mounts and permission checks are not modelled: every simulated program is root.
 */
import { Signal } from './task.js';

export interface DiskEntry {
  readonly kind: 'file' | 'directory';
  /** Empty for a directory. */
  readonly content: Uint8Array;
  /** Bytes that a file takes; more than its content for what is only reserved, such as a preallocated log. */
  readonly size: number;
  readonly mode: number;
  /** `user:group`. */
  readonly owner: string;
  readonly modifiedMs: number;
}

export type DiskError = 'no-entry' | 'exists' | 'is-directory' | 'not-directory' | 'not-empty' | 'no-space';

const GIB = 1_073_741_824;
/** A 40 GiB box, of which the operating system and the image's packages take about 4 GiB. Estimates. */
export const DISK_BYTES = 40 * GIB;
const SYSTEM_BYTES = 4 * GIB;
const BLOCK = 4_096;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EMPTY = new Uint8Array();

export class Disk {
  readonly #entries = new Map<string, DiskEntry>();
  /** One signal a folder that somebody watches, like an inotify watch: fires when an entry directly in it changes. */
  readonly #watches = new Map<string, Signal>();
  readonly #nowMs: () => number;
  /** How much longer than usual a flush takes; only etcd waits for flushes here. See power.ts for how it changes. */
  flushMs = 0;
  /** Fires when it became tight or full, or no longer is. */
  readonly spaceChanged = new Signal('space on the disk');
  #usedBytes = SYSTEM_BYTES;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#entries.set('/', {
      kind: 'directory',
      content: EMPTY,
      size: 0,
      mode: 0o755,
      owner: 'root:root',
      modifiedMs: 0,
    });
  }

  /** Bytes in use, in whole blocks. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Not a block is left. */
  get isFull(): boolean {
    return this.freeBytes < BLOCK;
  }

  /** Less is left than a kubelet wants to have (nodefs.available<10%). */
  get isTight(): boolean {
    return this.freeBytes < DISK_BYTES / 10;
  }

  get freeBytes(): number {
    return DISK_BYTES - this.#usedBytes;
  }

  entry(path: string): DiskEntry | null {
    return this.#entries.get(normalize(path)) ?? null;
  }

  exists(path: string): boolean {
    return this.entry(path) !== null;
  }

  isDirectory(path: string): boolean {
    return this.entry(path)?.kind === 'directory';
  }

  isFile(path: string): boolean {
    return this.entry(path)?.kind === 'file';
  }

  /** The text of a file, or null when there is no file at that path. */
  read(path: string): string | null {
    const bytes = this.readBytes(path);
    return bytes === null ? null : decoder.decode(bytes);
  }

  readBytes(path: string): Uint8Array | null {
    const entry = this.entry(path);
    return entry?.kind === 'file' ? entry.content : null;
  }

  /**
   * Writes a file whole. Its folder must exist. Null when it was written; what was there stays when there is no
   * space for it. `size` reserves more bytes than the content has.
   */
  write(
    path: string,
    content: string | Uint8Array,
    options: { mode?: number; owner?: string; size?: number } = {},
  ): DiskError | null {
    const at = normalize(path);
    if (this.isDirectory(at)) return 'is-directory';
    const parent = this.entry(parentOf(at));
    if (parent === null) return 'no-entry';
    if (parent.kind !== 'directory') return 'not-directory';
    const before = this.#entries.get(at);
    const bytes = typeof content === 'string' ? encoder.encode(content) : content;
    const size = Math.max(bytes.length, options.size ?? 0);
    if (blocks(size) - blocks(before?.size ?? 0) > this.freeBytes) return 'no-space';
    this.#put(at, {
      kind: 'file',
      content: bytes,
      size,
      mode: options.mode ?? before?.mode ?? 0o644,
      owner: options.owner ?? before?.owner ?? 'root:root',
      modifiedMs: this.#nowMs(),
    });
    return null;
  }

  /** Makes a folder and all folders above it; a folder that is there already is left as it is. */
  makeDirectories(path: string, mode = 0o755): DiskError | null {
    const at = normalize(path);
    const existing = this.entry(at);
    if (existing !== null) return existing.kind === 'directory' ? null : 'exists';
    const failed = this.makeDirectories(parentOf(at));
    if (failed !== null) return failed === 'exists' ? 'not-directory' : failed;
    const modifiedMs = this.#nowMs();
    this.#put(at, { kind: 'directory', content: EMPTY, size: 0, mode, owner: 'root:root', modifiedMs });
    return null;
  }

  /** Removes a file or an empty folder. */
  remove(path: string): DiskError | null {
    const at = normalize(path);
    const entry = this.entry(at);
    if (entry === null) return 'no-entry';
    if (entry.kind === 'directory' && this.list(at).length > 0) return 'not-empty';
    this.#delete(at);
    return null;
  }

  /** Removes a file, or a folder with all that is in it. False when there was nothing. */
  removeTree(path: string): boolean {
    const at = normalize(path);
    if (!this.#entries.has(at)) return false;
    for (const below of this.#below(at)) this.#delete(below);
    this.#delete(at);
    return true;
  }

  /** Empties a folder and keeps it. */
  emptyDirectory(path: string): void {
    for (const name of this.list(path)) this.removeTree(`${normalize(path)}/${name}`);
  }

  rename(from: string, to: string): DiskError | null {
    const source = normalize(from);
    const target = normalize(to);
    const entry = this.entry(source);
    if (entry === null) return 'no-entry';
    if (this.entry(parentOf(target)) === null) return 'no-entry';
    if (this.isDirectory(target)) return 'is-directory';
    for (const below of this.#below(source)) {
      const moved = this.#entries.get(below);
      this.#delete(below);
      if (moved !== undefined) this.#put(target + below.slice(source.length), moved);
    }
    this.#delete(source);
    this.#put(target, entry);
    return null;
  }

  /** Copies a file or a whole folder to a path that is not there yet. Stops where space or a folder is missing. */
  copyTree(from: string, to: string): DiskError | null {
    const source = normalize(from);
    const target = normalize(to);
    if (!this.exists(source)) return 'no-entry';
    for (const path of [source, ...this.#below(source)]) {
      const entry = this.entry(path);
      const copy = target + path.slice(source.length);
      const failed =
        entry?.kind === 'directory'
          ? this.makeDirectories(copy, entry.mode)
          : entry === null
            ? null
            : this.write(copy, entry.content, { mode: entry.mode, owner: entry.owner, size: entry.size });
      if (failed !== null) return failed;
    }
    return null;
  }

  chmod(path: string, mode: number): DiskError | null {
    const entry = this.entry(path);
    if (entry === null) return 'no-entry';
    this.#put(normalize(path), { ...entry, mode });
    return null;
  }

  /** Names directly in a folder, sorted; empty when it is no folder. */
  list(path: string): string[] {
    const prefix = normalize(path) === '/' ? '/' : `${normalize(path)}/`;
    const names: string[] = [];
    for (const at of this.#entries.keys()) {
      if (at !== '/' && at.startsWith(prefix) && !at.slice(prefix.length).includes('/'))
        names.push(at.slice(prefix.length));
    }
    return names.sort();
  }

  /** All paths with their entries, sorted by path. */
  all(): [string, DiskEntry][] {
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  watch(directory: string): Signal {
    const at = normalize(directory);
    const signal = this.#watches.get(at) ?? new Signal(`changes in ${at}`);
    this.#watches.set(at, signal);
    return signal;
  }

  #below(path: string): string[] {
    return [...this.#entries.keys()].filter((at) => at.startsWith(`${path}/`)).sort();
  }

  #put(path: string, entry: DiskEntry): void {
    this.#use(blocks(entry.size) - blocks(this.#entries.get(path)?.size ?? 0));
    this.#entries.set(path, entry);
    this.#watches.get(parentOf(path))?.fire();
  }

  #delete(path: string): void {
    this.#use(-blocks(this.#entries.get(path)?.size ?? 0));
    this.#entries.delete(path);
    this.#watches.get(parentOf(path))?.fire();
  }

  #use(bytes: number): void {
    const { isFull, isTight } = this;
    this.#usedBytes += bytes;
    if (isFull !== this.isFull || isTight !== this.isTight) this.spaceChanged.fire();
  }
}

function blocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK) * BLOCK;
}

export function parentOf(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut <= 0 ? '/' : path.slice(0, cut);
}

/** Resolves `.`, `..`, doubled and trailing slashes of an absolute path. */
export function normalize(path: string): string {
  if (path.startsWith('/') && !/\/\/|\/\.|.\/$/.test(path)) return path; // Nearly all are.
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
