/**
 * haproxy.cfg of the load balancer: TCP to every control plane, health checks on /readyz. Leaves out
 * keepalived: there is one load balancer, and losing it loses the endpoint.
 */
import { controlPlanes, type LabSpec } from '../model/lab.js';
import { API_PORT } from './kubeadm.js';

export const HAPROXY_METRICS_PORT = 8404;

export function haproxyConfig(lab: LabSpec): string {
  return [
    `# Made by homelab for the lab ${lab.name}. Changes are lost when homelab writes it again.`,
    ...section('global', [
      'log /dev/log local0',
      'user haproxy',
      'group haproxy',
      'maxconn 4096',
      'stats socket /run/haproxy/admin.sock mode 660 level admin',
    ]),
    ...section('defaults', [
      'mode tcp',
      'log global',
      'option tcplog',
      'option dontlognull',
      'option redispatch',
      'retries 3',
      `timeout connect ${time(lab, 5000)}`,
      // client-go pings a quiet HTTP/2 connection after 30 s, and a watch may be quiet for long: these two
      // must be far above that on any machine, however fast.
      'timeout client 1h',
      'timeout server 1h',
      'timeout tunnel 4h',
      `timeout check ${time(lab, 3000)}`,
    ]),
    ...section('frontend k8s-api', [`bind *:${lab.endpoint.port}`, 'default_backend k8s-control-planes']),
    ...section('backend k8s-control-planes', [
      'balance roundrobin',
      // /readyz fails without etcd quorum and during shutdown, which a bare TCP check never sees.
      'option httpchk GET /readyz',
      'http-check expect status 200',
      `default-server check check-ssl verify none inter ${time(lab, 2000)} fastinter ${time(lab, 500)} ` +
        `downinter ${time(lab, 2000)} fall 3 rise 2 on-marked-down shutdown-sessions`,
      ...controlPlanes(lab).map((machine) => `server ${machine.name} ${machine.address}:${API_PORT}`),
    ]),
    ...section('frontend metrics', [
      'mode http',
      'option httplog',
      `bind *:${HAPROXY_METRICS_PORT}`,
      'http-request use-service prometheus-exporter if { path /metrics }',
    ]),
    '',
  ].join('\n');
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return ['', title, ...lines.map((line) => `  ${line}`)];
}

/** Milliseconds stretched by the lab's scale, in the largest unit that holds them without a fraction. */
function time(lab: LabSpec, ms: number): string {
  const scaled = Math.max(1, Math.round(ms * lab.timeScale));
  return scaled % 1000 === 0 ? `${scaled / 1000}s` : `${scaled}ms`;
}
