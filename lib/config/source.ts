/**
 * A YAML text with the places of its values, so that a problem found late can still say file, line and column.
 * Reads one document of YAML 1.2; what it means is not decided here.
 */
import {
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type YAMLError,
} from 'yaml';
import { messageOf, type Problem } from '../base/errors.js';

/** Keys and list indexes from the top of a document to a value. */
export type Path = readonly (string | number)[];

/** 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Plain data, with keys without a value left out. */
export type Tree = null | boolean | number | string | readonly Tree[] | { readonly [key: string]: Tree };

export class YamlSource {
  readonly file: string;
  /** The data of the document; null when it is empty or could not be read. */
  readonly tree: Tree;
  /** False when there is no tree to check. */
  readonly readable: boolean;
  /** What is wrong with the text as YAML; warnings too, such as of a tag that nobody knows. */
  readonly problems: readonly Problem[];
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  constructor(file: string, text: string) {
    this.file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const problems = this.#document.errors.map((error) => this.#syntaxProblem(error, 'error'));
    problems.push(...this.#document.warnings.map((warning) => this.#syntaxProblem(warning, 'warning')));
    let tree: Tree = null;
    // A key written twice leaves a tree to look at, so that the rest is checked in the same go.
    let readable = this.#document.errors.every((error) => error.code === 'DUPLICATE_KEY');
    if (readable) {
      try {
        tree = withoutNulls(this.#document.toJS({ maxAliasCount: 100 }) as Tree);
      } catch (error) {
        // The yaml library refuses documents whose aliases multiply, and aliases without an anchor.
        problems.push(syntaxProblem(file, { line: 1, column: 1 }, messageOf(error), 'error'));
        readable = false;
      }
    }
    this.tree = tree;
    this.readable = readable;
    this.problems = problems;
  }

  /** Where the value of `path` is written; null when the document does not have it. */
  valuePlace(path: Path): Place | null {
    const node: unknown = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    return this.#place(node);
  }

  /** Where the key of `path` is written; null when the document does not have it. */
  keyPlace(path: Path): Place | null {
    const parent: unknown =
      path.length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, -1), true);
    if (!isMap(parent)) return null;
    const pair = parent.items.find(
      (item) => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1),
    );
    return this.#place(pair?.key);
  }

  /** The text of a scalar as it is written, without quotes: a version `1.30` is not the number 1.3. */
  scalarText(path: Path): string | null {
    const node: unknown = this.#document.getIn(path, true);
    return isScalar(node) && typeof node.source === 'string' ? node.source : null;
  }

  #place(node: unknown): Place | null {
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return null;
    if (!node.range) return null;
    const { line, col } = this.#lines.linePos(node.range[0]);
    return { line, column: col };
  }

  #syntaxProblem(error: YAMLError, severity: Problem['severity']): Problem {
    const { line, col } = this.#lines.linePos(error.pos[0]);
    // Without prettyErrors the message is one sentence; positions are added by homelab itself.
    return syntaxProblem(this.file, { line, column: col }, error.message, severity);
  }
}

function syntaxProblem(file: string, place: Place, message: string, severity: Problem['severity']): Problem {
  return {
    code: 'yaml-syntax',
    severity,
    message: `${severity === 'error' ? 'this is not valid YAML' : 'doubtful YAML'}: ${message}`,
    remedy: 'Mend the syntax at this place; keys of one map are indented alike, with spaces.',
    file,
    line: place.line,
    column: place.column,
    expected: 'YAML',
    found: message,
  };
}

/** A key whose value is missing counts as left out, so that a map may have all its keys commented out. */
function withoutNulls(tree: Tree): Tree {
  if (tree === null || typeof tree !== 'object') return tree;
  if (Array.isArray(tree)) return tree as readonly Tree[];
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, withoutNulls(value)]),
  );
}
