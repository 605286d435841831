/** What a figure of the benchmark is, its verdict, and the table of all of them. */

export interface Figure {
  /** Stable name, by which docs/performance.md explains it. */
  readonly name: string;
  readonly what: string;
  readonly value: number;
  /** Of `value` and `target`: empty for a ratio. */
  readonly unit: '' | 's' | 'MiB' | 'events/s';
  /** Null for a figure that is only shown. */
  readonly target: { readonly bound: 'at most' | 'at least'; readonly value: number } | null;
}

export function isReached({ value, target }: Figure): boolean {
  if (target === null) return true;
  return target.bound === 'at most' ? value <= target.value : value >= target.value;
}

/** A Markdown table, so that docs/performance.md can keep what was printed. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.what,
    withUnit(figure.value, figure.unit),
    figure.target === null
      ? '–'
      : `${figure.target.bound === 'at most' ? '≤' : '≥'} ${withUnit(figure.target.value, figure.unit)}`,
    figure.target === null ? '–' : isReached(figure) ? 'reached' : 'missed',
  ]);
  const lines = [['figure', 'measured', 'must reach', ''], ['---', '---', '---', '---'], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function withUnit(value: number, unit: Figure['unit']): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit === '' ? '' : ` ${unit}`}`;
}
