/** etcd's health endpoints, which the kubelet's probes ask: `/health`, `/livez`, `/readyz`. */
import type { EtcdNode } from './etcd-node.js';
import { readIndex } from './etcd-requests.js';
import type { Request, Response } from './network.js';
import type { Sim } from './task.js';

export function* serveEtcdHealth(node: EtcdNode, request: Request): Sim<Response> {
  const [path = '', query = ''] = request.path.split('?');
  const serializable = query.includes('serializable=true');
  switch (path) {
    case '/health':
      return yield* health(node, serializable);
    case '/livez':
      // Serializable: true without a quorum, so that the kubelet does not restart a member that waits for it.
      return { status: 200, body: 'ok\n' };
    case '/readyz': {
      const error = node.ready ? yield* readIndex(node) : 'not ready';
      if (error === null) return { status: 200, body: 'ok\n' };
      const body = `[+]data_corruption ok\n[+]serializable_read ok\n[-]linearizable_read failed: ${error}\n`;
      return { status: 503, body };
    }
    case '/metrics':
      return { status: 200, body: `etcd_server_has_leader ${node.lead === null ? 0 : 1}\n` };
    default:
      return { status: 404, body: '404 page not found\n' };
  }
}

function* health(node: EtcdNode, serializable: boolean): Sim<Response> {
  const alarm = node.cluster.alarms[0];
  if (alarm !== undefined) return unhealthy(`ALARM ${alarm.alarm}`);
  if (!serializable) {
    if (node.lead === null) return unhealthy('RAFT NO LEADER');
    const error = yield* readIndex(node);
    if (error !== null) return unhealthy(`RANGE ERROR:${error}`);
  }
  return { status: 200, body: '{"health":"true","reason":""}' };
}

function unhealthy(reason: string): Response {
  return { status: 503, body: `{"health":"false","reason":"${reason}"}` };
}
