/**
 * The timings file (`vos.timings`): how long things take on the user's own machines, in place of entries of the
 * simulator's table. Each is a list of three numbers of seconds: the shortest, the most likely and the longest.
 */
import { TIMINGS, type Timing, type TimingName, type Timings } from '../model/timings.js';
import { Findings } from './findings.js';
import type { Schema } from './schema-parts.js';
import { YamlSource, type Tree } from './source.js';
import { checkStructure } from './structure.js';
import { isTreeMap } from './tree.js';

const NAMES = Object.keys(TIMINGS) as TimingName[];
const LONGEST_SECONDS = 86_400;

export const TIMINGS_SCHEMA: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://homelab.invalid/timings.schema.json',
  title: 'timings.yaml',
  type: 'object',
  description: 'Durations of the simulated machines, each as shortest, most likely and longest in seconds.',
  properties: Object.fromEntries(NAMES.map((name) => [name, durations(TIMINGS[name])])),
  additionalProperties: false,
};

function durations({ minMs, typicalMs, maxMs }: Timing): Schema {
  const usual = [minMs, typicalMs, maxMs].map((ms) => String(ms / 1_000)).join(', ');
  return {
    type: 'array',
    items: { type: 'number', minimum: 0, maximum: LONGEST_SECONDS, description: 'Seconds.' },
    description: `In place of ${usual}.`,
  };
}

/** What the file says; null when `findings` got an error about it. */
export function readTimings(
  file: string,
  text: string,
): { readonly timings: Timings | null; readonly findings: Findings } {
  const source = new YamlSource(file, text);
  const findings = new Findings({ config: source, topology: null, overrides: {} });
  findings.addPlaced(source.problems);
  if (!source.readable) return { timings: null, findings };
  const tree = checkStructure(source.tree, TIMINGS_SCHEMA, findings);
  const timings: { [name in TimingName]?: Timing } = {};
  for (const name of NAMES) {
    const seconds = isTreeMap(tree) ? tree[name] : undefined;
    if (seconds === undefined || seconds === null) continue;
    const timing = timingOf(seconds);
    if (timing === null) findings.report(unordered(name, seconds));
    else timings[name] = timing;
  }
  return { timings: findings.hasErrors() ? null : timings, findings };
}

function timingOf(seconds: Tree): Timing | null {
  if (!Array.isArray(seconds) || seconds.length !== 3) return null;
  const [minMs = 0, typicalMs = 0, maxMs = 0] = seconds.map((one) => Math.round(Number(one) * 1_000));
  return minMs <= typicalMs && typicalMs <= maxMs ? { minMs, typicalMs, maxMs } : null;
}

function unordered(name: TimingName, seconds: Tree): Parameters<Findings['report']>[0] {
  const found = JSON.stringify(seconds);
  return {
    code: 'wrong-timing',
    path: [name],
    message: `${found} is not a shortest, a most likely and a longest duration.`,
    remedy: 'Write three numbers of seconds, none smaller than the one before, such as [0.5, 1.2, 4].',
    expected: 'three numbers of seconds in rising order',
    found,
  };
}
