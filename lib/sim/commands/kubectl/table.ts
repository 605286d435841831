/** Tables as kubectl prints them: a column is as wide as its widest cell and three blanks, and six at the least. */

const PADDING = 3;
const MIN_WIDTH = 6;

export function printTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, index) =>
        index < row.length - 1 ? cell.padEnd(Math.max(MIN_WIDTH, (widths[index] ?? 0) + PADDING)) : cell,
      );
      return `${cells.join('')}\n`;
    })
    .join('');
}
