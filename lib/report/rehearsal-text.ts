/** A rehearsal as text for people: figures, the predicted timeline, and what to be careful with. */
import { printDuration } from '../base/duration.js';
import type { Rehearsal, Spread, StepForecast } from './rehearsal.js';
import type { ApiWindow } from './rehearsed-run.js';

/** Ends with a line break. */
export function rehearsalText(found: Rehearsal): string {
  const { lab, from, to, completed, runs } = found;
  const lines = [
    `Rehearsal of the upgrade of lab ${lab} from ${from} to ${to}: ${completed} of ${runs} runs completed`,
    ...found.notes,
    ...(found.assumed.length === 0 ? [] : ['assumed:', ...found.assumed.map((one) => `  ${one}`)]),
    '',
    ...figures(found),
    '',
    ...timeline(found),
    '',
    ...windows(found),
    '',
    'Riskiest steps:',
    ...found.riskiest.map(({ title, why }, index) => `  ${index + 1}. ${title}: ${why}`),
    '',
    ...worst(found),
  ];
  return `${lines.join('\n')}\n`;
}

function figures({ durationMs, api, vipMoves, evictedPods, lowestMargin }: Rehearsal): readonly string[] {
  const time = (name: string, spread: Spread): string => row(name, spread, printDuration);
  const count = (name: string, spread: Spread): string => row(name, spread, String);
  return [
    `${''.padEnd(NAME)} ${['p50', 'p95', 'worst'].map((head) => head.padStart(CELL)).join(' ')}`,
    time('total time', durationMs),
    ...api.flatMap(({ through, windows: number, longestMs, totalMs }) => {
      const where = through === 'endpoint' ? 'API away' : `API of ${through} away`;
      return [time(where, totalMs), time('  longest', longestMs), count('  times', number)];
    }),
    count("moves of the API's address", vipMoves),
    count('pods evicted', evictedPods),
    lowestMargin === null
      ? 'etcd was not seen'
      : lowestMargin < 0
        ? `etcd loses its quorum: ${-lowestMargin} voter(s) too few at the worst moment`
        : `etcd keeps its quorum: ${lowestMargin} voter(s) may still fail at the worst moment`,
  ];
}

const NAME = 34;
const CELL = 9;

function row(name: string, { p50, p95, worst }: Spread, print: (value: number) => string): string {
  return `${name.padEnd(NAME)} ${[p50, p95, worst].map((value) => print(value).padStart(CELL)).join(' ')}`;
}

function timeline({ steps }: Rehearsal): readonly string[] {
  return ['AT       TAKES    AT MOST  API AWAY  MAY FAIL  STEP', ...steps.map(stepLine)];
}

function stepLine({ title, atMs, durationMs, apiAwayMs, lowestMargin }: StepForecast): string {
  const cells = [
    printDuration(atMs).padEnd(8),
    printDuration(durationMs.p50).padEnd(8),
    printDuration(durationMs.worst).padEnd(8),
    (apiAwayMs.p95 === 0 ? '-' : printDuration(apiAwayMs.p95)).padEnd(9),
    (lowestMargin === null ? '-' : String(lowestMargin)).padEnd(9),
  ];
  return `${cells.join(' ')} ${title}`;
}

function windows({ middle }: Rehearsal): readonly string[] {
  const seen = [...middle.windows].sort((a, b) => a.fromMs - b.fromMs);
  if (seen.length === 0)
    return [`In the run in the middle (seed ${middle.seed}) the API answered all the time.`];
  return [
    `When the API does not answer, in the run in the middle (seed ${middle.seed}):`,
    ...seen.map(windowLine),
  ];
}

function windowLine({ through, fromMs, durationMs, during }: ApiWindow): string {
  const where = through === 'endpoint' ? 'through its address' : `at ${through}`;
  const [at, takes] = [fromMs, durationMs].map((ms) => printDuration(ms).padEnd(8));
  return `  ${at ?? ''} ${takes ?? ''} ${where}: ${during ?? 'between steps'}`;
}

function worst({ worst: { seed, outcome, durationMs, error, command } }: Rehearsal): readonly string[] {
  const how = outcome === 'completed' ? `took ${printDuration(durationMs)}` : `ended ${outcome}`;
  return [
    `The worst run, seed ${seed}, ${how}${error === null ? '' : `: ${error.message}`}`,
    `Repeat it with: ${command}`,
  ];
}
