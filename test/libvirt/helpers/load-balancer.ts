/**
 * Real HAProxy, started by the very step of the bootstrap with the generated configuration, before real HTTPS servers
 * that answer `/readyz` as an API server does: who is asked, and who is not when its power or its readiness is gone.
 */
import type { Test } from 'tap';
import { must } from '../../../lib/base/errors.js';
import { controlPlanes, loadBalancers, type LabSpec } from '../../../lib/model/lab.js';
import type { Provider } from '../../../lib/provider/provider.js';
import { startLoadBalancer } from '../../../lib/sagas/bootstrap/load-balancer.js';
import { memoryPorts } from '../../helpers/sim-lab.js';
import { PKI } from './certificates.js';
import { on, put, stepContext } from './machine.js';
import { ran } from './programs.js';
import { waitUntil } from './watch.js';

const UNIT = 'readyz-test.service';
const NOT_READY = '/run/not-ready';
const PATIENCE_S = 300;

/** Answers with the machine's name, or with 500 while the file that says "not ready" is there. */
const SERVER = `
import http.server, os, socket, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if os.path.exists('${NOT_READY}') else 200)
        self.end_headers()
        self.wfile.write(socket.gethostname().encode())
    def log_message(self, *_):
        pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('${PKI}/server.crt', '${PKI}/server.key')
server = http.server.ThreadingHTTPServer(('', 6443), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
`;

/** Certificates must be on the machines. */
export async function startServers(t: Test, lab: LabSpec, provider: Provider): Promise<void> {
  const unit = [
    ...[
      '[Service]',
      'Type=exec',
      'ExecStart=/usr/bin/python3 /usr/local/lib/readyz.py',
      'Restart=always',
      '',
    ],
    ...['[Install]', 'WantedBy=multi-user.target', ''],
  ];
  for (const { name } of controlPlanes(lab)) {
    await put(provider, name, '/usr/local/lib/readyz.py', SERVER);
    await put(provider, name, `/etc/systemd/system/${UNIT}`, unit.join('\n'));
    await on(provider, name, 'systemctl', 'enable', '--now', '--quiet', UNIT);
  }
  const boot = { lab, input: { existing: [], initialized: false }, ports: memoryPorts() };
  const step = startLoadBalancer(boot, must(loadBalancers(lab)[0], 'a load balancer'));
  const context = stepContext(provider);
  t.equal(await step.probe?.(context), 'not-done', 'the probe of the step sees that it is not done');
  await step.run(context);
  t.equal(await step.probe?.(context), 'done', 'and that it is');
  const everybody = controlPlanes(lab).map(({ name }) => name);
  t.ok(await comesToAnswer(lab, everybody), 'all control planes answer through the API address');
}

/** Those that are gone are asked no more. */
export async function balancedWithout(t: Test, lab: LabSpec, gone: readonly string[]): Promise<void> {
  const rest = namesOf(lab).filter((name) => !gone.includes(name));
  const ms = await waitUntil(() => onlyAnswer(lab, rest), PATIENCE_S);
  t.ok(ms !== null, `without ${gone.join(' and ')}, only ${rest.join(' and ')} answer`);
}

/** A server that is there and not ready is what a bare TCP check never sees. */
export async function notReady(t: Test, lab: LabSpec, provider: Provider): Promise<void> {
  const [first = ''] = namesOf(lab);
  await on(provider, first, 'touch', NOT_READY);
  await balancedWithout(t, lab, [first]);
  await on(provider, first, 'rm', NOT_READY);
  t.ok(await comesToAnswer(lab, namesOf(lab)), 'ready again, it is asked again');
}

/** All of these are heard of. */
export async function comesToAnswer(lab: LabSpec, names: readonly string[]): Promise<boolean> {
  const all = (): boolean => names.every((name) => askMany(lab).includes(name));
  return (await waitUntil(all, PATIENCE_S)) !== null;
}

function onlyAnswer(lab: LabSpec, names: readonly string[]): boolean {
  const answers = askMany(lab);
  return answers.length > 0 && answers.every((answer) => names.includes(answer));
}

/** More often than there are servers, so that everybody whose turn it may be has it. */
function askMany(lab: LabSpec): readonly string[] {
  return Array.from({ length: 2 * namesOf(lab).length }, () => ask(lab));
}

function ask({ endpoint }: LabSpec): string {
  const url = `https://${endpoint.address}:${endpoint.port}/readyz`;
  const { code, stdout } = ran('curl', ['-sSkf', '--max-time', '10', url]);
  return code === 0 ? stdout : `curl ended with ${String(code)}`;
}

function namesOf(lab: LabSpec): readonly string[] {
  return controlPlanes(lab).map(({ name }) => name);
}
