/** page/timeline.css as text: `npm run snap` writes this file, and a test compares. */
export const TIMELINE = `
/* The chart: rows of segments with names at their left, one axis above, and what lies over all rows. */
#chart {
  position: relative;
  padding: 1.9rem 0 0.5rem;
  border: 1px solid var(--line);
  border-radius: 8px;
  background: var(--sheet);
  touch-action: pan-y;
  user-select: none;
  overflow: clip;
}

.axis {
  position: absolute;
  inset: 0 0 auto var(--names);
  height: 1.9rem;
  border-bottom: 1px solid var(--line);
  color: var(--quiet);
  font-size: 0.8rem;
  font-variant-numeric: tabular-nums;
}

.tick {
  position: absolute;
  top: 0.3rem;
  padding-left: 0.3rem;
  border-left: 1px solid var(--line);
  white-space: nowrap;
}

.tick.last {
  transform: translateX(-100%);
  padding: 0 0.3rem 0 0;
  border-width: 0 1px 0 0;
  border-style: solid;
  border-color: var(--line);
}

.group {
  margin-top: 0.5rem;
}

.group-title {
  margin: 0;
  padding: 0 0.6rem;
  font-size: 0.85rem;
  font-weight: 650;
  color: var(--quiet);
}

.row {
  display: grid;
  grid-template-columns: var(--names) minmax(0, 1fr);
  align-items: center;
}

.name {
  padding: 0 0.6rem;
  font-size: 0.85rem;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.track {
  position: relative;
  height: 1.3rem;
  margin: 1px 0;
  background: var(--track);
  cursor: crosshair;
}

.segment {
  position: absolute;
  inset: 0 auto 0 0;
  min-width: 2px;
  overflow: hidden;
  color: var(--on-segment);
  font-size: 0.72rem;
  line-height: 1.3rem;
  white-space: nowrap;
  /* So that two of one colour beside each other are two. */
  box-shadow: inset 1px 0 0 var(--sheet);
}

.label {
  padding: 0 0.35rem;
}

.good {
  background: var(--good);
}
.leader {
  background: var(--leader);
}
.warn {
  background: var(--warn);
}
.bad {
  background: var(--bad);
}
.done {
  background: var(--done);
}
.undo {
  background: var(--undo);
}
.off {
  background: var(--off);
}
.fault {
  background: var(--bad);
}

.unknown,
.waiting,
.open {
  background: repeating-linear-gradient(45deg, transparent 0 4px, var(--line) 4px 6px);
  color: var(--quiet);
}

.open {
  background-color: var(--done);
}
.holder-0 {
  background: light-dark(#7fb9d9, #2f6285);
}
.holder-1 {
  background: light-dark(#e8bd7f, #8a6427);
}
.holder-2 {
  background: light-dark(#b5cf86, #57722b);
}
.holder-3 {
  background: light-dark(#cfa5d6, #704a78);
}
.holder-4 {
  background: light-dark(#9fd3cc, #2f716a);
}
.holder-5 {
  background: light-dark(#d9b8a9, #7c5644);
}

.segment.chosen {
  outline: 2px solid var(--ink);
  outline-offset: -2px;
  z-index: 1;
}

.overlay {
  position: absolute;
  inset: 1.9rem 0 0 var(--names);
  pointer-events: none;
}

.band {
  position: absolute;
  top: 0;
  bottom: 0;
  min-width: 1px;
  background: color-mix(in srgb, var(--bad) 16%, transparent);
  border-left: 1px solid color-mix(in srgb, var(--bad) 55%, transparent);
}

.cursor {
  position: absolute;
  top: 0;
  bottom: 0;
  width: 1px;
  background: var(--ink);
}

.at {
  position: absolute;
  top: -1.6rem;
  left: 0;
  padding: 0 0.3rem;
  background: var(--ink);
  color: var(--paper);
  font-size: 0.75rem;
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}

.cursor.left .at {
  left: auto;
  right: 0;
}

.range {
  position: absolute;
  top: 0;
  bottom: 0;
  background: color-mix(in srgb, var(--leader) 22%, transparent);
}
`;
