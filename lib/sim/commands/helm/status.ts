/** `helm status`, `helm list` and `helm uninstall`: what is known of releases, and their end. */
import type { Sim } from '../../task.js';
import { Failure } from '../failure.js';
import type { Session } from '../kubectl/session.js';
import { mustReach, remove } from './requests.js';
import { forget, history, update, type Release } from './releases.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WEEKDAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'];

/** What install, upgrade and status print of a release. Charts' notes are left out. */
export function releaseText(release: Release): string {
  return (
    `NAME: ${release.name}\nLAST DEPLOYED: ${longTime(release.info.last_deployed)}\n` +
    `NAMESPACE: ${release.namespace}\nSTATUS: ${release.info.status}\nREVISION: ${release.version}\nTEST SUITE: None\n`
  );
}

/** `Thu Jan  1 00:05:12 2026`, Go's time.ANSIC. */
function longTime(rfc3339: string): string {
  const [, year = '', month = '1', day = '1', time = ''] = /^(\d+)-(\d\d)-(\d\d)T(.{8})/.exec(rfc3339) ?? [];
  return `${weekday(Number(year), Number(month), Number(day))} ${MONTHS[Number(month) - 1] ?? ''} ${String(Number(day)).padStart(2)} ${time} ${year}`;
}

/** Zeller's congruence, counted from Thursday like the table. */
function weekday(year: number, month: number, day: number): string {
  const [y, m] = month < 3 ? [year - 1, month + 12] : [year, month];
  const fromSaturday =
    (day +
      Math.floor((13 * (m + 1)) / 5) +
      y +
      Math.floor(y / 4) -
      Math.floor(y / 100) +
      Math.floor(y / 400)) %
    7;
  return WEEKDAYS[(fromSaturday + 2) % 7] ?? '';
}

export function* status(session: Session, operands: readonly string[]): Sim<number> {
  const [name] = operands;
  if (name === undefined)
    throw new Failure(
      'Error: "helm status" requires 1 argument\n\nUsage:  helm status RELEASE_NAME [flags]\n',
    );
  yield* mustReach(session);
  const release = (yield* history(session, session.namespace, name)).at(-1);
  if (release === undefined) throw new Failure('Error: release: not found\n');
  const { chart, objects, config, ...rest } = release;
  const manifest = objects.map((one) => `---\n${JSON.stringify(one)}\n`).join('');
  const json = { ...rest, config, manifest, chart };
  session.print(session.flags.get('output') === 'json' ? `${JSON.stringify(json)}\n` : releaseText(release));
  return 0;
}

export function* list(session: Session): Sim<number> {
  yield* mustReach(session);
  const all = yield* history(session, session.flags.has('all-namespaces') ? null : session.namespace, null);
  const newest = all.filter((one) => !all.some((other) => isNewer(other, one)));
  const shown = newest.filter((one) => session.flags.has('all') || !one.info.status.startsWith('pending'));
  const rows = shown.map((one) => ({
    name: one.name,
    namespace: one.namespace,
    revision: String(one.version),
    updated: `${one.info.last_deployed.replace('T', ' ').replace('Z', '')} +0000 UTC`,
    status: one.info.status,
    chart: `${one.chart.metadata.name}-${one.chart.metadata.version}`,
    app_version: one.chart.metadata.appVersion,
  }));
  if (session.flags.get('output') === 'json') {
    session.print(`${JSON.stringify(rows)}\n`);
    return 0;
  }
  const heading = ['NAME', 'NAMESPACE', 'REVISION', 'UPDATED', 'STATUS', 'CHART', 'APP VERSION'];
  const table = [heading, ...rows.map((row) => Object.values(row))];
  const widths = heading.map((_cell, index) => Math.max(...table.map((row) => row[index]?.length ?? 0)));
  for (const row of table) {
    session.print(`${row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('\t')}\n`);
  }
  return 0;
}

function isNewer(other: Release, one: Release): boolean {
  return other.name === one.name && other.namespace === one.namespace && other.version > one.version;
}

export function* uninstall(session: Session, operands: readonly string[]): Sim<number> {
  if (operands.length === 0) {
    throw new Failure(
      'Error: "helm uninstall" requires at least 1 argument\n\nUsage:  helm uninstall RELEASE_NAME [...] [flags]\n',
    );
  }
  yield* mustReach(session);
  for (const name of operands) {
    const all = yield* history(session, session.namespace, name);
    const last = all.at(-1);
    if (last === undefined && !session.flags.has('ignore-not-found')) {
      throw new Failure(`Error: uninstall: Release not loaded: ${name}: release: not found\n`);
    }
    if (last !== undefined) {
      yield* update(session, last, 'uninstalling', 'Deletion in progress (or silently failed)');
      for (const object of [...last.objects].reverse()) yield* remove(session, object);
      for (const release of all) yield* forget(session, release);
    }
    session.print(`release "${name}" uninstalled\n`);
  }
  return 0;
}
