/** The program as a person starts it: how long it takes, beside a Node that does nothing. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../test/helpers/package-root.js';
import { leastInTurn } from './clock.js';
import type { Figure } from './figure.js';

const RUNS = 9;

export async function programFigures(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'homelab-bench-'));
  const homelab = join(packageRoot(), 'bin/homelab.js');
  const node = (...args: string[]): string =>
    execFileSync(process.execPath, args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  try {
    node(homelab, 'up', '--topology', 'k8s-ha');
    node(homelab, 'sim', 'still');
    const [nothing = NaN, version = NaN, status = NaN, replay = NaN] = await leastInTurn(RUNS, [
      () => node('-e', '0'),
      () => node(homelab, 'version'),
      () => node(homelab, 'status'),
      () => node(homelab, 'sim', 'replay', '--', 'status'),
    ]);
    return [
      {
        name: 'open',
        what: 'opening a stored lab (`homelab status`, from a still of its world) ÷ `node -e 0`',
        ...{ value: status / nothing, unit: '', target: { bound: 'at most', value: 6 } },
      },
      {
        name: 'replay',
        what: 'the same by playing the log of `up` (`homelab sim replay -- status`) ÷ `node -e 0`',
        ...{ value: replay / nothing, unit: '', target: null },
      },
      {
        name: 'version',
        what: '`homelab version` ÷ `node -e 0`',
        ...{ value: version / nothing, unit: '', target: { bound: 'at most', value: 1.5 } },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What bench/large.ts measured in a process of its own. */
export function largeFigures(machines: number): Figure[] {
  const large = join(packageRoot(), 'dist/bench/large.js');
  const printed = execFileSync(process.execPath, [large, String(machines)], { encoding: 'utf8' });
  const { wallMs, memoryMiB } = JSON.parse(printed) as { wallMs: number; memoryMiB: number };
  return [
    {
      name: 'large-wall',
      what: `bootstrap of ${machines} machines, cold`,
      ...{ value: wallMs / 1_000, unit: 's', target: { bound: 'at most', value: 60 } },
    },
    {
      name: 'large-memory',
      what: `memory of that process at most`,
      ...{ value: memoryMiB, unit: 'MiB', target: { bound: 'at most', value: 1_536 } },
    },
  ];
}
