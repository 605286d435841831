// The report as rows of segments: what the chart draws, without any element of the page.

const GROUPS = {
  power: 'Power',
  etcd: 'etcd',
  vip: 'Floating address',
  api: 'API answers',
  nodes: 'Nodes',
  pods: 'Pods',
  probe: 'Probes',
};

const UNSETTLED = ['booting', 'learner', 'not started', 'paused'];

/** Groups of rows in the order in which they are read; those without rows are left out. */
export function groupsOf(report) {
  const lanes = Object.entries(GROUPS).map(([group, title]) => {
    const own = report.lanes.filter((lane) => lane.group === group);
    return { title, rows: own.map((lane) => laneRow(lane, holdersOf(report))) };
  });
  const groups = [
    { title: 'Steps', rows: stepRows(report) },
    {
      title: 'Faults',
      rows: packed(
        'faults',
        report.faults.map((fault) => faultSegment(fault, report)),
      ),
    },
    ...lanes,
  ];
  return groups.filter(({ rows }) => rows.length > 0);
}

function laneRow({ key, title, group, exact, intervals }, holders) {
  const first = intervals.findIndex(({ good }) => good);
  const segments = intervals.map(({ fromMs, toMs, value, good }, index) => {
    const kind = kindOf(key, group, value, good, holders);
    // What has not been well yet has not gone wrong.
    const shown = index < first && kind === 'bad' ? 'waiting' : kind;
    return { fromMs, toMs, label: value, kind: shown, about: `${GROUPS[group]}, ${title}: ${value}` };
  });
  const drawn = segments.filter(({ label }) => label !== 'absent');
  return { title, note: exact ? '' : 'looked at from time to time', segments: drawn };
}

function kindOf(key, group, value, good, holders) {
  if (value === 'unknown') return 'unknown';
  if (group === 'vip') return good ? `holder holder-${holders.indexOf(value) % 6}` : 'bad';
  if (value === 'leader') return 'leader';
  if (key === 'etcd:margin') return !good ? 'bad' : value === '0' ? 'warn' : 'good';
  if (UNSETTLED.includes(value) || (group === 'nodes' && good && value.includes('cordoned'))) return 'warn';
  if (group === 'pods' && !good) return value.startsWith('0 of') ? 'bad' : 'warn';
  return good ? 'good' : group === 'power' ? 'off' : 'bad';
}

/** Machines in the order in which they first held the address, so that each keeps one colour. */
function holdersOf({ lanes }) {
  const held = lanes.filter(({ group }) => group === 'vip').flatMap(({ intervals }) => intervals);
  return [...new Set(held.filter(({ good }) => good).map(({ value }) => value))];
}

/** One row for each stage, more where steps of it ran at once. */
function stepRows(report) {
  const stages = [...new Set(report.steps.map(({ stage }) => stage))];
  return stages.flatMap((stage) => {
    const steps = report.steps.filter((step) => step.stage === stage);
    return packed(
      stage,
      steps.flatMap((step) => step.spans.map((span) => stepSegment(step, span, report))),
    );
  });
}

function stepSegment({ title, stage }, { fromMs, toMs, kind, ok }, report) {
  const how = toMs === null ? 'has no end' : ok ? 'done' : 'failed or cut short';
  const what = kind === 'undo' ? 'undo of ' : '';
  return {
    ...{ fromMs, toMs: toMs ?? report.endedMs, label: title },
    kind: toMs === null ? 'open' : !ok ? 'bad' : kind === 'undo' ? 'undo' : 'done',
    about: `${stage}: ${what}${title}: ${how}`,
  };
}

function faultSegment({ title, fromMs, toMs }, report) {
  const lifted = toMs === null ? ', not lifted' : '';
  return {
    fromMs,
    toMs: toMs ?? report.endedMs,
    label: title,
    kind: 'fault',
    about: `Fault: ${title}${lifted}`,
  };
}

/** Puts segments that overlap into rows below one another; only the first has the title. */
function packed(title, segments) {
  const rows = [];
  for (const segment of [...segments].sort((a, b) => a.fromMs - b.fromMs)) {
    const free = rows.find((row) => row.at(-1).toMs <= segment.fromMs);
    if (free === undefined) rows.push([segment]);
    else free.push(segment);
  }
  return rows.map((own, index) => ({ title: index === 0 ? title : '', note: '', segments: own }));
}
