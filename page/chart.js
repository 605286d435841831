// The chart: rows of segments under one time axis, a part of which is shown. It draws and knows what is where; what
// keys and pointers mean is in main.js.
import { groupsOf } from './rows.js';
import { spanText, ticksBetween, timeText } from './time.js';

/** No closer than this: a simulated lab tells milliseconds apart. */
const CLOSEST_MS = 20;
/** In CSS pixels: below it a segment has no text. */
const READABLE = 44;

export class Chart {
  constructor(root, report) {
    this.root = root;
    // A run of no time at all still has an axis.
    this.whole = { fromMs: report.startedMs, toMs: Math.max(report.endedMs, report.startedMs + 1_000) };
    this.view = { ...this.whole };
    this.rows = [];
    this.bands = [];
    this.axis = part(root, 'div', 'axis');
    for (const group of groupsOf(report)) this.drawGroup(group);
    this.overlay = part(root, 'div', 'overlay');
    for (const outage of report.outages.filter(({ lane }) => lane === 'api:endpoint'))
      this.bands.push({
        ...outage,
        toMs: outage.toMs ?? report.endedMs,
        element: part(this.overlay, 'div', 'band'),
      });
    this.cursor = part(this.overlay, 'div', 'cursor');
    this.cursorText = part(this.cursor, 'span', 'at');
    this.range = part(this.overlay, 'div', 'range');
    this.layOut();
  }

  drawGroup({ title, rows }) {
    const group = part(this.root, 'section', 'group');
    part(group, 'h3', 'group-title', title);
    for (const { title: name, note, segments } of rows) {
      const row = part(group, 'div', 'row');
      const head = part(row, 'div', 'name', name);
      head.title = note === '' ? name : `${name} (${note})`;
      const track = part(row, 'div', 'track');
      const index = this.rows.length;
      const drawn = segments.map((segment, place) => {
        const element = part(track, 'div', `segment ${segment.kind}`);
        element.dataset.row = String(index);
        element.dataset.place = String(place);
        return { ...segment, element, text: part(element, 'span', 'label', segment.label) };
      });
      this.rows.push({ element: row, segments: drawn });
    }
  }

  /** Places everything for the part of time that is shown. */
  layOut() {
    const { fromMs, toMs } = this.view;
    const width = this.overlay.clientWidth;
    for (const { segments } of this.rows) {
      for (const { element, text, fromMs: begin, toMs: end } of segments) {
        const isSeen = end >= fromMs && begin <= toMs;
        element.hidden = !isSeen;
        if (!isSeen) continue;
        const [left, right] = [Math.max(begin, fromMs), Math.min(end, toMs)];
        place(element, this.share(left), this.share(right));
        text.hidden = this.share(right) * width - this.share(left) * width < READABLE;
      }
    }
    for (const { element, fromMs: begin, toMs: end } of this.bands) {
      element.hidden = end < fromMs || begin > toMs;
      place(element, this.share(Math.max(begin, fromMs)), this.share(Math.min(end, toMs)));
    }
    this.drawAxis(width);
  }

  drawAxis(width) {
    const { ticks, exact } = ticksBetween(
      this.view.fromMs,
      this.view.toMs,
      Math.max(2, Math.floor(width / 90)),
    );
    this.axis.replaceChildren();
    for (const at of ticks) {
      const tick = part(this.axis, 'span', 'tick', timeText(at, exact));
      tick.style.left = `${this.share(at) * 100}%`;
      // The last one would be cut off at the edge.
      tick.classList.toggle('last', this.share(at) > 0.94);
    }
  }

  /** Where a moment is in the part that is shown: 0 at its left, 1 at its right. */
  share(atMs) {
    return (atMs - this.view.fromMs) / (this.view.toMs - this.view.fromMs);
  }

  /** The moment at a horizontal place of the window. */
  momentAt(clientX) {
    const { left, width } = this.overlay.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (clientX - left) / width));
    return this.view.fromMs + share * (this.view.toMs - this.view.fromMs);
  }

  show(fromMs, toMs) {
    const { whole } = this;
    const length = Math.min(Math.max(toMs - fromMs, CLOSEST_MS), whole.toMs - whole.fromMs);
    const begin = Math.min(Math.max(fromMs, whole.fromMs), whole.toMs - length);
    this.view = { fromMs: begin, toMs: begin + length };
    this.layOut();
  }

  /** Shows `factor` times as much time, with one moment staying where it is. */
  zoom(factor, atMs = (this.view.fromMs + this.view.toMs) / 2) {
    const { fromMs, toMs } = this.view;
    this.show(atMs - (atMs - fromMs) * factor, atMs + (toMs - atMs) * factor);
  }

  /** Moves by a share of what is shown. */
  pan(share) {
    const by = (this.view.toMs - this.view.fromMs) * share;
    this.show(this.view.fromMs + by, this.view.toMs + by);
  }

  showWhole() {
    this.show(this.whole.fromMs, this.whole.toMs);
  }

  segmentOf(element) {
    const found = element instanceof Element ? element.closest('.segment') : null;
    return found === null ? null : { row: Number(found.dataset.row), place: Number(found.dataset.place) };
  }

  segment({ row, place: index }) {
    return this.rows[row]?.segments[index] ?? null;
  }

  pointAt(atMs) {
    this.cursor.hidden = atMs === null;
    if (atMs === null) return;
    const share = this.share(atMs);
    this.cursor.style.left = `${share * 100}%`;
    this.cursor.classList.toggle('left', share > 0.8);
    this.cursorText.textContent = timeText(atMs, this.view.toMs - this.view.fromMs < 60_000);
  }

  /** The part of time that a drag has marked; null for none. */
  mark(marked) {
    this.range.hidden = marked === null;
    if (marked !== null) place(this.range, this.share(marked.fromMs), this.share(marked.toMs));
  }
}

/** One segment in words. */
export function describe({ about, fromMs, toMs }) {
  return `${about} · ${timeText(fromMs, true)} to ${timeText(toMs, true)} · ${spanText(toMs - fromMs)}`;
}

function place(element, left, right) {
  element.style.left = `${left * 100}%`;
  element.style.width = `${Math.max(0, right - left) * 100}%`;
}

/** Text is only ever set as text, so nothing of a report is read as markup. */
function part(parent, tag, name, text = '') {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  parent.append(element);
  return element;
}
