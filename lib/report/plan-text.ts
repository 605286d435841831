/** A plan as text for people: plain, at most 80 columns with names of ordinary length. Problems are not shown here. */
import type { HostPlan, LabPlan, PlanDocument } from '../config/plan.js';

const HEADER = ['VM', 'Role', 'vCPUs', 'RAM', 'IP'] as const;

/** Ends with a line break. */
export function planText(document: PlanDocument): string {
  return [...document.labs.map(labText), hostText(document.host)].join('\n');
}

function labText(lab: LabPlan): string {
  const rows = lab.machines.map(({ name, role, cpus, memoryMiB, address }) => [
    name,
    role,
    String(cpus),
    gigabytes(memoryMiB),
    address,
  ]);
  const lines = [
    `Lab ${lab.name}: ${lab.topology} on ${lab.provider}`,
    '',
    ...table([[...HEADER], ...rows]),
    '',
    `  Machines  ${lab.totals.cpus} vCPUs, ${gigabytes(lab.totals.memoryMiB)}`,
    `  Budget    ${lab.budget.cpus} vCPUs, ${gigabytes(lab.budget.memoryMiB)}`,
  ];
  if (lab.vip !== null) lines.push(`  API       ${lab.vip.address}, carried by ${lab.vip.provider}`);
  return `${lines.join('\n')}\n`;
}

function hostText(host: HostPlan): string {
  const rest = Math.abs(host.memoryMiB - host.requiredMiB);
  const verdict = host.fits ? `fits, ${gigabytes(rest)} to spare` : `does not fit, ${gigabytes(rest)} short`;
  return (
    `Host: ${gigabytes(host.memoryMiB)}; needed ${gigabytes(host.requiredMiB)} with ` +
    `${gigabytes(host.overheadMiB)} for the host itself: ${verdict}.\n`
  );
}

/** `4 GB`, in the powers of two that people mean by it when they speak of memory. */
function gigabytes(mebibytes: number): string {
  return `${Number((mebibytes / 1024).toFixed(2))} GB`;
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}
