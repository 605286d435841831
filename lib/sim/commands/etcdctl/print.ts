/** etcdctl's three output formats. Ids are hexadecimal for people and decimal uint64 in JSON. */
import type { EtcdHeader } from '../../etcd-api.js';
import type { Flags } from '../flags.js';
import { EXIT_BAD_ARGS, EtcdctlError } from './client.js';
import { decimalId, type EtcdMember } from '../../etcd-cluster.js';

export type Format = 'simple' | 'table' | 'json';

export function formatOf(flags: Flags): Format {
  const wanted = flags.get('write-out') ?? 'simple';
  if (wanted === 'simple' || wanted === 'table' || wanted === 'json') return wanted;
  if (wanted === 'fields' || wanted === 'protobuf')
    throw new EtcdctlError(`the simulator does not model the output format "${wanted}"`, EXIT_BAD_ARGS);
  throw new EtcdctlError(`unsupported output format`, 4);
}

/** A uint64 for `toJson`: JSON numbers of this size do not fit a floating-point number. */
export interface Uint64 {
  readonly uint64: string;
}

export function uint64(id: string): Uint64 {
  return { uint64: decimalId(id) };
}

/** One line of JSON as Go's encoder writes it, with exact 64-bit numbers; undefined fields are left out. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, field: unknown) => {
    const isId = field !== null && typeof field === 'object' && 'uint64' in field;
    return isId ? `\u0000${(field as Uint64).uint64}\u0000` : field;
  });
  return `${text.replace(/"\\u0000(\d+)\\u0000"/g, '$1')}\n`;
}

export function headerJson(header: EtcdHeader, withRevision = false): Record<string, unknown> {
  return {
    cluster_id: uint64(header.clusterId),
    member_id: uint64(header.memberId),
    ...(withRevision ? { revision: header.revision } : {}),
    raft_term: header.raftTerm,
  };
}

export function memberJson(member: EtcdMember): Record<string, unknown> {
  return {
    ID: uint64(member.id),
    ...(member.name === '' ? {} : { name: member.name }),
    peerURLs: member.peerUrls,
    ...(member.clientUrls.length === 0 ? {} : { clientURLs: member.clientUrls }),
    ...(member.isLearner ? { isLearner: true } : {}),
  };
}

/** As olekukonko/tablewriter draws it: headings centred, cells to the right. */
export function toTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  const line = (cells: readonly string[], pad: (text: string, width: number) => string): string =>
    `|${cells.map((cell, column) => ` ${pad(cell, widths[column] ?? 0)} `).join('|')}|\n`;
  const body = rows.map((row) => line(row, (text, width) => text.padStart(width))).join('');
  return rule + line(headings, centred) + rule + body + rule;
}

function centred(text: string, width: number): string {
  const left = Math.floor((width - text.length) / 2);
  return (' '.repeat(left) + text).padEnd(width);
}

/** 16 hex digits at most; Go's `%16x` pads with blanks, `%x` does not. */
export function hexId(id: string): string {
  return id.padStart(16, ' ');
}

/** A size as etcdctl prints it (SI units): `25 kB`, `2.3 MB`. */
export function humanBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  if (unit === 0) return `${bytes} B`;
  const rounded = Math.floor(value * 10 + 0.5) / 10;
  return `${rounded < 10 ? rounded.toFixed(1) : String(roundHalfToEven(rounded))} ${units[unit] ?? ''}`;
}

/** How Go's `%.0f` rounds. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A duration as Go prints it, from milliseconds and the nanoseconds below one: `9.204113ms`, `5.000123s`. */
export function goDuration(ms: number, nanoseconds: number): string {
  const whole = ms >= 1_000 ? Math.floor(ms / 1_000) : ms;
  const below = ms >= 1_000 ? (ms % 1_000) * 1_000_000 + nanoseconds : nanoseconds;
  const digits = ms >= 1_000 ? 9 : 6;
  const fraction = String(below).padStart(digits, '0').replace(/0+$/, '');
  return `${whole}${fraction === '' ? '' : `.${fraction}`}${ms >= 1_000 ? 's' : 'ms'}`;
}
