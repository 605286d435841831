/**
 * kubectl's JSONPath templates: `{.items[*].metadata.name}`, `{range .items[*]}…{"\n"}{end}`, indices, filters on
 * equality (`[?(@.type=="Ready")]`), escaped dots. Slices, unions, recursive descent and nested ranges are not
 * modelled.
 */

export class JsonPathError extends Error {
  override readonly name = 'JsonPathError';
}

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly steps: readonly Step[] }
  | { readonly kind: 'range'; readonly steps: readonly Step[]; readonly body: readonly Node[] };

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | {
      readonly kind: 'filter';
      readonly steps: readonly Step[];
      readonly equals: boolean;
      readonly value: string;
    };

/** Fills a template; throws a `JsonPathError` for one that it cannot read. */
export function jsonPath(template: string, value: unknown): string {
  return render(parse(template), value);
}

/** The values at one path, such as `{.status.phase}` or `.status.phase`. */
export function valuesAt(path: string, value: unknown): unknown[] {
  const [node] = parse(path.startsWith('{') ? path : `{${path}}`);
  return node?.kind === 'path' ? walk(node.steps, value) : [];
}

function parse(template: string): Node[] {
  const open: { steps: readonly Step[]; body: Node[] }[] = [];
  let current: Node[] = [];
  const top = current;
  for (const [, braced, plain] of template.matchAll(/\{((?:[^}"']|"[^"]*"|'[^']*')*)\}|([^{]+)/g)) {
    if (plain !== undefined) current.push({ kind: 'text', text: plain });
    const inner = braced?.trim();
    if (inner === undefined) continue;
    if (inner === 'end') {
      const range = open.pop();
      if (range === undefined) throw new JsonPathError('not in range, nothing to end');
      const outer = open.at(-1)?.body ?? top;
      outer.push({ kind: 'range', steps: range.steps, body: range.body });
      current = outer;
    } else if (inner.startsWith('range ')) {
      const body: Node[] = [];
      open.push({ steps: parseSteps(inner.slice('range '.length).trim()), body });
      current = body;
    } else if (/^["']/.test(inner)) current.push({ kind: 'text', text: unquote(inner) });
    else current.push({ kind: 'path', steps: parseSteps(inner) });
  }
  if (open.length > 0) throw new JsonPathError('unclosed range');
  return top;
}

function parseSteps(path: string): Step[] {
  const steps: Step[] = [];
  let rest = path.replace(/^[$@]/, '');
  while (rest !== '') {
    const field = /^\.?((?:[^.[\]\\]|\\.)+)/.exec(rest);
    const bracket = /^\.?\[((?:[^\]"']|"[^"]*"|'[^']*')*)\]/.exec(rest);
    if (bracket !== null) {
      steps.push(parseBracket(bracket[1] ?? ''));
      rest = rest.slice(bracket[0].length);
    } else if (rest === '.') rest = '';
    else if (field !== null) {
      const name = (field[1] ?? '').replace(/\\(.)/g, '$1');
      steps.push(name === '*' ? { kind: 'all' } : { kind: 'field', name });
      rest = rest.slice(field[0].length);
    } else throw new JsonPathError(`unrecognized character in action: ${rest}`);
  }
  return steps;
}

function parseBracket(inner: string): Step {
  if (inner === '*') return { kind: 'all' };
  if (/^-?\d+$/.test(inner)) return { kind: 'index', index: Number(inner) };
  if (/^["'].*["']$/.test(inner)) return { kind: 'field', name: unquote(inner) };
  const filter = /^\?\(\s*@(\S*?)\s*(==|!=)\s*(.*?)\s*\)$/.exec(inner);
  if (filter === null) throw new JsonPathError(`the simulator does not model [${inner}]`);
  const [, path = '', operator, literal = ''] = filter;
  const value = /^["']/.test(literal) ? unquote(literal) : literal;
  return { kind: 'filter', steps: parseSteps(path), equals: operator === '==', value };
}

function unquote(text: string): string {
  return text
    .slice(1, -1)
    .replaceAll('\\n', '\n')
    .replaceAll('\\t', '\t')
    .replace(/\\(["'\\])/g, '$1');
}

function render(nodes: readonly Node[], value: unknown): string {
  return nodes
    .map((node) => {
      if (node.kind === 'text') return node.text;
      const found = walk(node.steps, value);
      if (node.kind === 'path') return found.map(show).join(' ');
      return found.map((item) => render(node.body, item)).join('');
    })
    .join('');
}

function walk(steps: readonly Step[], value: unknown): unknown[] {
  return steps.reduce<unknown[]>((found, step) => found.flatMap((item) => take(step, item)), [value]);
}

function take(step: Step, value: unknown): unknown[] {
  if (value === null || typeof value !== 'object') return [];
  const all = Array.isArray(value) ? (value as unknown[]) : Object.values(value);
  switch (step.kind) {
    case 'field': {
      const found = (value as Readonly<Record<string, unknown>>)[step.name];
      return found === undefined || Array.isArray(value) ? [] : [found];
    }
    case 'index': {
      const found = Array.isArray(value) ? (value as unknown[]).at(step.index) : undefined;
      return found === undefined ? [] : [found];
    }
    case 'all':
      return all;
    case 'filter':
      return all.filter((item) => (walk(step.steps, item).map(show)[0] === step.value) === step.equals);
  }
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
