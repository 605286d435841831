/**
 * Collects everything wrong with a configuration, each problem with its place: file, line and column, or the flag
 * that brought the value. Decides nothing about what is wrong.
 */
import type { Problem } from '../base/errors.js';
import { flagFor, type Overrides } from './flags.js';
import type { Path, Place, YamlSource } from './source.js';
import { printPath } from './tree.js';

/** A problem before its place is known. */
export interface Finding {
  readonly code: string;
  /** Default `error`. */
  readonly severity?: Problem['severity'];
  /** The key that is to be changed. */
  readonly path: Path;
  /**
   * Further keys that the check read. The finding is dropped when one of them is known to be wrong already, and is
   * shown at the first of them that was written when `path` was not.
   */
  readonly also?: readonly Path[];
  /** Where the problem is when it is not at the value of `path`. */
  readonly at?: 'key';
  readonly message: string;
  readonly remedy: string;
  readonly expected: string | null;
  readonly found: string | null;
}

export interface Sources {
  readonly config: YamlSource | null;
  /** A topology file of the user's own; null for those that homelab brings. */
  readonly topology: YamlSource | null;
  readonly overrides: Overrides;
}

export class Findings {
  readonly #sources: Sources;
  readonly #problems: Problem[] = [];
  readonly #damaged: Path[] = [];

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Marks a key as wrong already, so that no later check reports what only follows from it. */
  damage(path: Path): void {
    this.#damaged.push(path);
  }

  add(finding: Finding): void {
    if ([finding.path, ...(finding.also ?? [])].some((path) => this.#isDamaged(path))) return;
    this.report(finding);
  }

  /** Adds a finding about a key that is damaged by this very finding. */
  report(finding: Finding): void {
    const { overrides } = this.#sources;
    const causes = [finding.path, ...(finding.also ?? [])];
    const path = causes.find((cause) => this.#isWritten(cause)) ?? finding.path;
    const flag = flagFor(path, overrides);
    const { file, place } = flag === null ? this.#locate(path, finding.at) : { file: null, place: null };
    const typed = flag === null ? null : `--${flag.name} ${overrides[flag.name] ?? ''}`;
    this.#problems.push({
      code: finding.code,
      severity: finding.severity ?? 'error',
      message: `${typed ?? (printPath(finding.path) || 'the file')}: ${finding.message}`,
      remedy: finding.remedy,
      file,
      line: place?.line ?? null,
      column: place?.column ?? null,
      expected: finding.expected,
      found: finding.found,
    });
  }

  /** Problems that have their place already. */
  addPlaced(problems: readonly Problem[]): void {
    this.#problems.push(...problems);
  }

  /** File by file in the order of their lines, those without a file first. */
  get problems(): readonly Problem[] {
    const files = [null, this.#sources.config?.file ?? null, this.#sources.topology?.file ?? null];
    return this.#problems.toSorted(
      (a, b) =>
        files.indexOf(a.file) - files.indexOf(b.file) ||
        (a.line ?? 0) - (b.line ?? 0) ||
        (a.column ?? 0) - (b.column ?? 0),
    );
  }

  hasErrors(): boolean {
    return this.#problems.some((problem) => problem.severity === 'error');
  }

  #isDamaged(path: Path): boolean {
    const within = (inner: Path, outer: Path): boolean => outer.every((key, i) => inner[i] === key);
    return this.#damaged.some((damaged) => within(path, damaged) || within(damaged, path));
  }

  #isWritten(path: Path): boolean {
    const { config, topology, overrides } = this.#sources;
    if (flagFor(path, overrides) !== null || config?.valuePlace(path)) return true;
    return path[0] === 'k8s' && Boolean(topology?.valuePlace(path.slice(1)));
  }

  /** The value itself, else where the topology file has it, else the nearest map above it in the configuration. */
  #locate(path: Path, at: Finding['at']): { file: string | null; place: Place | null } {
    const { config, topology } = this.#sources;
    const own = at === 'key' ? config?.keyPlace(path) : config?.valuePlace(path);
    if (config && own) return { file: config.file, place: own };
    const fromTopology = path[0] === 'k8s' ? topology?.valuePlace(path.slice(1)) : null;
    if (topology && fromTopology) return { file: topology.file, place: fromTopology };
    if (config === null) return { file: null, place: null };
    for (let length = path.length - 1; length > 0; length -= 1) {
      const place = config.keyPlace(path.slice(0, length));
      if (place) return { file: config.file, place };
    }
    return { file: config.file, place: { line: 1, column: 1 } };
  }
}
