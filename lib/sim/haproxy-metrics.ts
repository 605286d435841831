/**
 * HAProxy's page for Prometheus, in the words of 2.6: how its servers stand. All other metrics are left out.
 */
import type { Backend } from './haproxy-checks.js';

const STATES = ['DOWN', 'UP', 'MAINT', 'DRAIN', 'NOLB'] as const;

export function metricsText(backends: readonly Backend[]): string {
  const active = backends.map(
    ({ proxy, servers }) =>
      `haproxy_backend_active_servers{proxy="${proxy.name}"} ${servers.filter(({ up }) => up).length}`,
  );
  const status = backends.flatMap(({ proxy, servers }) =>
    servers.flatMap(({ config, up }) =>
      STATES.map((state) => {
        const labels = `proxy="${proxy.name}",server="${config.name}",state="${state}"`;
        return `haproxy_server_status{${labels}} ${state === (up ? 'UP' : 'DOWN') ? 1 : 0}`;
      }),
    ),
  );
  return [
    '# HELP haproxy_backend_active_servers Total number of active UP servers with a non-zero weight',
    '# TYPE haproxy_backend_active_servers gauge',
    ...active,
    '# HELP haproxy_server_status Current status of the service, per state label value.',
    '# TYPE haproxy_server_status gauge',
    ...status,
    '',
  ].join('\n');
}
