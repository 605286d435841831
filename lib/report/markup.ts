/** HTML put together from elements: whatever is not markup already is escaped, so no text can become markup. */

export interface Markup {
  readonly html: string;
}

/** Text that is HTML already; only for what is written in this program. */
export function raw(html: string): Markup {
  return { html };
}

export function element(
  tag: string,
  attributes: Readonly<Record<string, string>>,
  content: readonly (Markup | string)[],
): Markup {
  const list = Object.entries(attributes).map(([name, value]) => ` ${name}="${escapeHtml(value)}"`);
  const inner = content.map((one) => (typeof one === 'string' ? escapeHtml(one) : one.html)).join('');
  return { html: `<${tag}${list.join('')}>${inner}</${tag}>` };
}

/** Times, names and words that are not broken where there is room. */
const SHORT = 16;

/** Each cell repeats its column's head for narrow screens, on which rows are cards. */
export function table(heads: readonly string[], rows: readonly (readonly (Markup | string)[])[]): Markup {
  const head = element(
    'tr',
    {},
    heads.map((text) => element('th', { scope: 'col' }, [text])),
  );
  const body = rows.map((cells) =>
    element(
      'tr',
      {},
      cells.map((cell, i) => cellOf(heads[i] ?? '', cell)),
    ),
  );
  return element('table', {}, [element('thead', {}, [head]), element('tbody', {}, body)]);
}

function cellOf(head: string, cell: Markup | string): Markup {
  const isShort = typeof cell !== 'string' || cell.length <= SHORT;
  return element('td', { 'data-head': head, ...(isShort ? { class: 'short' } : {}) }, [cell]);
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
