// What keys, pointers and buttons do.
import { Chart, describe } from './chart.js';

const report = JSON.parse(document.getElementById('report').textContent);
const root = document.getElementById('chart');
const detail = document.getElementById('detail');
const chart = new Chart(root, report);
const HINT = detail.textContent;
let chosen = null;
let drag = null;

function choose(next, { scroll }) {
  if (chosen !== null) chart.segment(chosen)?.element.classList.remove('chosen');
  chosen = next;
  const segment = next === null ? null : chart.segment(next);
  detail.textContent = segment === null ? HINT : describe(segment);
  if (segment === null) return;
  segment.element.classList.add('chosen');
  if (!scroll) return;
  const { fromMs, toMs } = chart.view;
  if (segment.toMs < fromMs || segment.fromMs > toMs) {
    const middle = (segment.fromMs + segment.toMs) / 2;
    chart.show(middle - (toMs - fromMs) / 2, middle + (toMs - fromMs) / 2);
  }
  chart.rows[next.row].element.scrollIntoView({ block: 'nearest' });
}

/** To another row, to the segment of the same moment. */
function chooseRow(by) {
  const from = chosen ?? { row: -1, place: 0 };
  const row = Math.min(chart.rows.length - 1, Math.max(0, from.row + by));
  const atMs = chart.segment(from)?.fromMs ?? chart.view.fromMs;
  const { segments } = chart.rows[row];
  const place = segments.findIndex(({ toMs }) => toMs > atMs);
  choose({ row, place: place < 0 ? segments.length - 1 : place }, { scroll: true });
}

function chooseSegment(by) {
  if (chosen === null) return chooseRow(1);
  const last = chart.rows[chosen.row].segments.length - 1;
  const place = Math.min(last, Math.max(0, chosen.place + by));
  return choose({ row: chosen.row, place }, { scroll: true });
}

function middleOfChosen() {
  const segment = chosen === null ? null : chart.segment(chosen);
  if (segment === null || segment === undefined) return undefined;
  const middle = (segment.fromMs + segment.toMs) / 2;
  return Math.min(chart.view.toMs, Math.max(chart.view.fromMs, middle));
}

const KEYS = {
  ArrowLeft: () => chooseSegment(-1),
  ArrowRight: () => chooseSegment(1),
  ArrowUp: () => chooseRow(-1),
  ArrowDown: () => chooseRow(1),
  Home: () => chooseSegment(-Infinity),
  End: () => chooseSegment(Infinity),
  '+': () => chart.zoom(0.5, middleOfChosen()),
  '=': () => chart.zoom(0.5, middleOfChosen()),
  '-': () => chart.zoom(2, middleOfChosen()),
  0: () => chart.showWhole(),
  a: () => chart.pan(-0.25),
  d: () => chart.pan(0.25),
  Enter: () => {
    const segment = chosen === null ? null : chart.segment(chosen);
    if (segment === null) return;
    const margin = Math.max(10, (segment.toMs - segment.fromMs) / 4);
    chart.show(segment.fromMs - margin, segment.toMs + margin);
  },
  Escape: () => choose(null, { scroll: false }),
};

root.addEventListener('keydown', (event) => {
  const act = KEYS[event.key];
  if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
});

root.addEventListener(
  'wheel',
  (event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      chart.zoom(event.deltaY > 0 ? 1.25 : 0.8, chart.momentAt(event.clientX));
    } else if (event.deltaX !== 0) {
      event.preventDefault();
      chart.pan(event.deltaX / 1_000);
    }
  },
  { passive: false },
);

root.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || event.target.closest('.track') === null) return;
  drag = { atMs: chart.momentAt(event.clientX), x: event.clientX, touch: event.pointerType === 'touch' };
});

root.addEventListener('pointermove', (event) => {
  const atMs = chart.momentAt(event.clientX);
  const isOverTrack = event.target.closest('.track') !== null;
  chart.pointAt(isOverTrack || drag !== null ? atMs : null);
  if (drag === null) {
    const found = chart.segmentOf(event.target);
    if (found !== null) detail.textContent = describe(chart.segment(found));
    else if (chosen === null) detail.textContent = HINT;
    else detail.textContent = describe(chart.segment(chosen));
  } else if (drag.touch) {
    const by = drag.atMs - atMs;
    chart.show(chart.view.fromMs + by, chart.view.toMs + by);
  } else if (Math.abs(event.clientX - drag.x) > 4) {
    root.setPointerCapture(event.pointerId);
    chart.mark({ fromMs: Math.min(drag.atMs, atMs), toMs: Math.max(drag.atMs, atMs) });
  }
});

root.addEventListener('pointerup', (event) => {
  if (drag === null) return;
  const atMs = chart.momentAt(event.clientX);
  if (Math.abs(event.clientX - drag.x) <= 4) choose(chart.segmentOf(event.target), { scroll: false });
  else if (!drag.touch) chart.show(Math.min(drag.atMs, atMs), Math.max(drag.atMs, atMs));
  drag = null;
  chart.mark(null);
});

for (const name of ['pointerleave', 'pointercancel']) {
  root.addEventListener(name, () => {
    drag = null;
    chart.mark(null);
    chart.pointAt(null);
  });
}

document.getElementById('zoom-in').addEventListener('click', () => chart.zoom(0.5, middleOfChosen()));
document.getElementById('zoom-out').addEventListener('click', () => chart.zoom(2, middleOfChosen()));
document.getElementById('zoom-whole').addEventListener('click', () => chart.showWhole());
document.getElementById('pan-left').addEventListener('click', () => chart.pan(-0.25));
document.getElementById('pan-right').addEventListener('click', () => chart.pan(0.25));
document.getElementById('theme').addEventListener('click', () => {
  const { documentElement: page } = document;
  const isDark =
    (page.style.colorScheme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : '')) === 'dark';
  page.style.colorScheme = isDark ? 'light' : 'dark';
});
new ResizeObserver(() => chart.layOut()).observe(root);
chart.pointAt(null);
chart.mark(null);
