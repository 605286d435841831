/** page/style.css as text: `npm run snap` writes this file, and a test compares. */
export const STYLE = `
/* Light and dark from one list of colours; the button of the page sets color-scheme, nothing else. */
:root {
  color-scheme: light dark;
  --paper: light-dark(#fcfcfa, #15181b);
  --sheet: light-dark(#ffffff, #1c2024);
  --ink: light-dark(#1d2125, #e5e7e9);
  --quiet: light-dark(#5c656d, #9aa4ad);
  --line: light-dark(#dfe2e0, #30363c);
  --track: light-dark(#f0f1ee, #23282d);
  --good: light-dark(#8fcbb8, #2c7a67);
  --leader: light-dark(#4f9bd0, #2f6fa8);
  --warn: light-dark(#edc069, #9a6d16);
  --bad: light-dark(#e2694c, #c4492d);
  --done: light-dark(#aab9e3, #45568f);
  --undo: light-dark(#d3a8de, #7b4a8c);
  --off: light-dark(#b6bcc2, #4a525a);
  --on-segment: light-dark(#15191c, #f2f4f5);
  --good-text: light-dark(#17695a, #63c9b2);
  --bad-text: light-dark(#b03518, #f08a70);
  --names: 13rem;
  font:
    16px/1.5 system-ui,
    'Segoe UI',
    Roboto,
    'Helvetica Neue',
    sans-serif;
}

* {
  box-sizing: border-box;
}

[hidden] {
  display: none !important;
}

body {
  margin: 0 auto;
  max-width: 90rem;
  padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem) 4rem;
  background: var(--paper);
  color: var(--ink);
}

.top {
  display: flex;
  justify-content: space-between;
  align-items: center;
  gap: 1rem;
  color: var(--quiet);
}

h1 {
  margin: 0.75rem 0 0.5rem;
  font-size: clamp(1.35rem, 1rem + 1.8vw, 2rem);
  line-height: 1.2;
  font-weight: 650;
  overflow-wrap: anywhere;
}

h2 {
  margin: 2.25rem 0 0.6rem;
  font-size: 1.1rem;
}

.good-word {
  color: var(--good-text);
}

.bad-word {
  color: var(--bad-text);
}

.lines {
  margin: 0;
  padding: 0;
  list-style: none;
  max-width: 75ch;
  overflow-wrap: anywhere;
}

.facts {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr));
  gap: 0.75rem 1.5rem;
  margin: 1.25rem 0 0;
}

.facts dt {
  color: var(--quiet);
  font-size: 0.85rem;
}

.facts dd {
  margin: 0;
  font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere;
}

button {
  font: inherit;
  min-width: 2.4rem;
  padding: 0.2rem 0.7rem;
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--sheet);
  color: inherit;
  white-space: nowrap;
  cursor: pointer;
}

:focus-visible {
  outline: 2px solid var(--leader);
  outline-offset: 2px;
}

.tools {
  display: flex;
  flex-wrap: wrap;
  gap: 0.4rem;
  margin-bottom: 0.5rem;
}

/* Seen wherever the chosen segment is: the chart may be longer than the screen. */
#detail {
  position: sticky;
  bottom: 0;
  min-height: 3em;
  margin: 0.5rem 0;
  padding: 0.25rem 0;
  background: var(--paper);
  color: var(--quiet);
  font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere;
}
`;
