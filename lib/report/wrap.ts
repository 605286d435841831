/** Text for a terminal: lines of at most so many columns, broken between words, with an indent before each. */
export function wrapped(text: string, columns: number, indent: string): readonly string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of plain(text).split(' ')) {
    const isFirst = line.trim() === '';
    if (!isFirst && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = `${indent}${word}`;
    } else {
      line = isFirst ? `${indent}${word}` : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Texts of machines may hold what a terminal would act on. */
function plain(text: string): string {
  return Array.from(text, (one) => (isControl(one.codePointAt(0) ?? 0) ? ' ' : one)).join('');
}

function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}
