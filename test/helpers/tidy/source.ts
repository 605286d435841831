/**
 * Source files as tidy reads them: parsed by the TypeScript compiler, never by regular expressions, and bound so
 * that a global `process` can be told from a local variable of that name. Leaves out type checking, which is
 * tsc's work.
 */
import { posix } from 'node:path';
import ts from 'typescript';

export interface Finding {
  /** Relative to the package root, with forward slashes. */
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  /** What is wrong and what to do instead. */
  readonly message: string;
}

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface Import {
  /** As written, or null when it is computed and so cannot be checked. */
  readonly specifier: string | null;
  readonly node: ts.Node;
}

export class Source {
  readonly path: string;
  readonly text: string;
  readonly ast: ts.SourceFile;
  readonly #checker: ts.TypeChecker;

  constructor(file: TextFile) {
    this.path = file.path;
    this.text = file.text;
    const program = bind(file);
    this.#checker = program.getTypeChecker();
    const ast = program.getSourceFile(file.path);
    if (ast === undefined) throw new Error(`the TypeScript compiler did not take ${file.path}`);
    this.ast = ast;
  }

  finding(node: ts.Node, message: string): Finding {
    const start = node.getStart(this.ast);
    return { path: this.path, line: this.ast.getLineAndCharacterOfPosition(start).line + 1, message };
  }

  /** Every node of the file, parents first; comments are not nodes. */
  *nodes(node: ts.Node = this.ast): Generator<ts.Node> {
    yield node;
    const children: ts.Node[] = [];
    ts.forEachChild(node, (child) => {
      children.push(child);
    });
    for (const child of children) yield* this.nodes(child);
  }

  /** Is this identifier a name that the file itself neither declares nor imports? */
  isGlobal(identifier: ts.Identifier): boolean {
    const symbol = ts.isShorthandPropertyAssignment(identifier.parent)
      ? this.#checker.getShorthandAssignmentValueSymbol(identifier.parent)
      : this.#checker.getSymbolAtLocation(identifier);
    return (symbol?.declarations ?? []).length === 0;
  }

  imports(): Import[] {
    return [...this.nodes()].flatMap((node) => importOf(node) ?? []);
  }

  /** The path of a relative import in the tree of sources (`../base/clock.js` names lib/base/clock.ts). */
  resolve(specifier: string): string {
    return posix.join(posix.dirname(this.path), specifier).replace(/\.js$/, '.ts');
  }
}

function importOf(node: ts.Node): Import | null {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    if (node.moduleSpecifier === undefined) return null;
    return { specifier: literal(node.moduleSpecifier), node };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return { specifier: literal(node.arguments[0]), node };
  }
  if (ts.isImportTypeNode(node)) {
    const argument = node.argument;
    return { specifier: ts.isLiteralTypeNode(argument) ? literal(argument.literal) : null, node };
  }
  return null;
}

function literal(node: ts.Node | undefined): string | null {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : null;
}

/** One file bound on its own: without the standard library every global stays without a declaration. */
function bind(file: TextFile): ts.Program {
  const options: ts.CompilerOptions = {
    noLib: true,
    noResolve: true,
    allowJs: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
  };
  const host: ts.CompilerHost = {
    getSourceFile: (name, version) =>
      name === file.path ? ts.createSourceFile(name, file.text, version, true) : undefined,
    getDefaultLibFileName: () => 'lib.d.ts',
    writeFile: () => undefined,
    getCurrentDirectory: () => '',
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    fileExists: (name) => name === file.path,
    readFile: (name) => (name === file.path ? file.text : undefined),
  };
  return ts.createProgram([file.path], options, host);
}
