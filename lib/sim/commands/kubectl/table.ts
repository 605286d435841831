/** Tables as kubectl prints them: columns as wide as their widest cell and three blanks between them. */

export function printTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, index) =>
        index < row.length - 1 ? cell.padEnd((widths[index] ?? 0) + 3) : cell,
      );
      return `${cells.join('')}\n`;
    })
    .join('');
}
