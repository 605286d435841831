/** Amounts of processors and memory as Kubernetes writes them: `250m`, `170Mi`; sums in their shortest form. */

const BINARY = ['Ki', 'Mi', 'Gi', 'Ti'];
const DECIMAL = ['k', 'M', 'G', 'T'];

/** In thousandths, so that `250m` is a whole number too; 0 for what is no amount. */
export function thousandths(text: string): number {
  const [, digits = '0', unit = ''] = /^(\d+(?:\.\d+)?)(m|[KMGT]i|[kMGT])?$/.exec(text) ?? [];
  if (unit === 'm') return Math.round(Number(digits));
  const binary = BINARY.indexOf(unit) + 1;
  const decimal = DECIMAL.indexOf(unit) + 1;
  let factor = 1_000;
  for (let power = 0; power < Math.max(binary, decimal); power += 1) factor *= binary > 0 ? 1_024 : 1_000;
  return Math.round(Number(digits) * factor);
}

/** A sum of processors: whole ones, or thousandths of one. */
export function cpuText(sum: number): string {
  return sum % 1_000 === 0 ? String(sum / 1_000) : `${sum}m`;
}

/** A sum of bytes in the greatest unit that leaves no rest. */
export function bytesText(sum: number): string {
  let [amount, unit] = [sum / 1_000, ''];
  for (const next of BINARY) {
    if (amount === 0 || amount % 1_024 !== 0) break;
    [amount, unit] = [amount / 1_024, next];
  }
  return `${amount}${unit}`;
}
