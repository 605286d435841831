/** page/tables.css as text: `npm run snap` writes this file, and a test compares. */
export const TABLES = `
/* Tables become lists of cards on a phone; the head of a column is repeated before each of its cells. */
table {
  width: 100%;
  border-collapse: collapse;
  font-variant-numeric: tabular-nums;
}

th,
td {
  padding: 0.4rem 0.9rem 0.4rem 0;
  border-bottom: 1px solid var(--line);
  text-align: left;
  vertical-align: top;
  overflow-wrap: anywhere;
}

th {
  color: var(--quiet);
  font-size: 0.85rem;
  font-weight: 500;
}

th,
.short {
  white-space: nowrap;
}

.spread {
  display: block;
  width: 10rem;
  max-width: 100%;
  height: 0.9rem;
}

.spread .line {
  fill: var(--quiet);
}

.spread .most {
  fill: var(--done);
}

.spread .middle {
  fill: var(--ink);
}

table + table {
  margin-top: 1.5rem;
}

code,
pre {
  font:
    0.9em/1.5 ui-monospace,
    'SF Mono',
    Menlo,
    Consolas,
    monospace;
}

pre {
  margin: 0;
  padding: 0.75rem 1rem;
  border: 1px solid var(--line);
  border-radius: 8px;
  background: var(--sheet);
  white-space: pre-wrap;
  overflow-wrap: anywhere;
}

.legend {
  display: flex;
  flex-wrap: wrap;
  gap: 0.3rem 1.1rem;
  margin: 0.75rem 0 0;
  padding: 0;
  list-style: none;
  color: var(--quiet);
  font-size: 0.85rem;
}

.legend i {
  display: inline-block;
  width: 1.4rem;
  height: 0.75rem;
  margin-right: 0.4rem;
  vertical-align: -1px;
}

@media (max-width: 46rem) {
  .short {
    white-space: normal;
  }

  :root {
    --names: 6.2rem;
  }

  thead {
    display: none;
  }

  tr {
    display: block;
    padding: 0.5rem 0;
    border-bottom: 1px solid var(--line);
  }

  td {
    display: grid;
    grid-template-columns: 6.2rem minmax(0, 1fr);
    gap: 0.6rem;
    padding: 0.1rem 0;
    border: 0;
  }

  td::before {
    content: attr(data-head);
    color: var(--quiet);
    font-size: 0.85rem;
  }

  .name {
    padding: 0 0.3rem 0 0.5rem;
    font-size: 0.75rem;
  }
}

@media print {
  :root {
    color-scheme: light;
  }

  .tools,
  #theme {
    display: none;
  }
}
`;
