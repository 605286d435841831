/** Go's text/tabwriter as `kubectl describe` uses it: cells end with a tab, neighbouring lines share their columns. */

const PADDING = 2;

export function tabText(text: string): string {
  const lines = text.replace(/\n$/, '').split('\n');
  const rows = lines.map((line) => line.split('\t'));
  /** A column goes as far as the lines around have a cell in it that is ended by a tab. */
  const widthAt = (row: number, column: number): number => {
    const ended = (at: number): boolean => (rows[at]?.length ?? 0) > column + 1;
    let [first, last] = [row, row];
    while (ended(first - 1)) first -= 1;
    while (ended(last + 1)) last += 1;
    const cells = rows.slice(first, last + 1).map((cellsOf) => cellsOf[column]?.length ?? 0);
    return Math.max(...cells) + PADDING;
  };
  const shown = rows.map((cells, row) =>
    cells
      .map((cell, column) => (column < cells.length - 1 ? cell.padEnd(widthAt(row, column)) : cell))
      .join(''),
  );
  return `${shown.join('\n')}\n`;
}
