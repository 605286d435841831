/** The charts that the simulated helm can fetch, and what it says of those that it cannot. */
import { Failure } from '../failure.js';
import type { Chart } from './chart.js';
import { cilium } from './charts/cilium.js';
import { flannel } from './charts/flannel.js';
import { ingressNginx } from './charts/ingress-nginx.js';
import { longhorn } from './charts/longhorn.js';

const CHARTS: readonly Chart[] = [cilium, flannel, ingressNginx, longhorn];

export interface FetchedChart {
  readonly chart: Chart;
  readonly version: string;
  readonly appVersion: string;
}

/** The chart of a repository in a version, the newest without one. */
export function fetchChart(name: string, repo: string | null, version: string | null): FetchedChart {
  if (repo === null) {
    const [known] = name.split('/');
    throw new Failure(
      name.includes('/')
        ? `Error: repo ${known ?? ''} not found\n`
        : `Error: non-absolute URLs should be in form of repo_name/path_to_chart, got: ${name}\n`,
    );
  }
  const url = repo.replace(/\/$/, '');
  const offered = CHARTS.filter((chart) => chart.repo.replace(/\/$/, '') === url);
  if (offered.length === 0) {
    throw new Failure(
      `Error: looks like "${repo}" is not a valid chart repository or cannot be reached: ` +
        `the simulator knows ${CHARTS.map((chart) => chart.repo).join(', ')}\n`,
    );
  }
  const chart = offered.find((one) => one.name === name);
  const wanted = version?.replace(/^v(?=\d)/, '') ?? null;
  const found = Object.entries(chart?.versions ?? {}).find(
    ([each]) => wanted === null || each.replace(/^v/, '') === wanted,
  );
  if (chart === undefined || found === undefined) {
    const shown = version === null ? '' : ` version "${version}"`;
    throw new Failure(`Error: chart "${name}"${shown} not found in ${repo} repository\n`);
  }
  return { chart, version: found[0], appVersion: found[1] };
}
