// HAProxy: its configuration's mistakes in its own words, health checks, and the API behind it.
import t from 'tap';
import { checkHaproxyConfig } from '../../lib/sim/haproxy-config.js';
import { haproxyServer } from '../../lib/sim/haproxy.js';
import { cutMachine, pauseMachine, startMachine } from '../../lib/sim/power.js';
import { Cluster } from '../helpers/cluster.js';
import type { KubeadmLab } from '../helpers/kubeadm-lab.js';

const CONFIG = `global
  log /dev/log local0
  maxconn 4096
defaults
  mode tcp
  option redispatch
  retries 3
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout check 3s
frontend api
  bind *:7443
  default_backend cps
backend cps
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
  default-server check check-ssl verify none inter 2s fastinter 500ms downinter 2s
  default-server fall 3 rise 2 on-marked-down shutdown-sessions
  server cp-1 192.168.62.11:6443
  server cp-2 192.168.62.12:6443
  server cp-3 192.168.62.13:6443
`;

t.test('a configuration that is good, and what is said of bad ones', async (t) => {
  const good = checkHaproxyConfig(CONFIG, '/etc/haproxy/haproxy.cfg');
  t.strictSame([good.alerts, good.warnings], [[], []]);
  const [, backend] = good.config?.proxies ?? [];
  t.strictSame(
    backend?.servers.map((one) => [
      one.name,
      one.host,
      one.port,
      one.interMs,
      one.fastinterMs,
      one.fall,
      one.rise,
    ]),
    ['cp-1', 'cp-2', 'cp-3'].map((name, index) => [name, `192.168.62.${11 + index}`, 6443, 2_000, 500, 3, 2]),
  );
  const wrong = (from: string | RegExp, to: string): string[] => [
    ...checkHaproxyConfig(CONFIG.replace(from, to), 'f').alerts,
  ];
  t.strictSame(wrong('balance', 'ballance'), [
    "config : parsing [f:16] : unknown keyword 'ballance' in 'backend' section",
  ]);
  t.strictSame(wrong('default_backend cps', 'default_backend cp'), [
    "config : Proxy 'api': unable to find required default_backend: 'cp'.",
  ]);
  t.strictSame(wrong('global', 'globe'), [
    "config : parsing [f:1] : unknown keyword 'globe' out of section.",
    "config : parsing [f:2] : unknown keyword 'log' out of section.",
    "config : parsing [f:3] : unknown keyword 'maxconn' out of section.",
  ]);
  t.match(
    wrong('timeout connect 5s', 'timeout connect 5x')[0],
    /unexpected character 'x' in 'timeout connect'/,
  );
  t.match(wrong('server cp-1 192.168.62.11:6443', 'server cp-1')[0], /expects <name> and <addr>/);
  t.match(wrong('fall 3', 'falls 3')[0], /'default-server' : unknown keyword 'falls'/);
  t.match(wrong('  bind *:7443\n', '')[0], /no <bind>/);
  const silent = checkHaproxyConfig(CONFIG.replace(/ {2}timeout (client|server) 1h\n/g, ''), 'f');
  t.strictSame(silent.warnings, [
    "config : missing timeouts for frontend 'api'.",
    "config : missing timeouts for backend 'cps'.",
  ]);
});

function withBalancer(seed: number): Cluster {
  const lab = Cluster.up({ seed, controlPlanes: 3, workers: 1 });
  const machine = lab.machine('worker-1');
  machine.disk.makeDirectories('/etc/haproxy');
  machine.disk.write('/etc/haproxy/haproxy.cfg', CONFIG);
  machine.run('haproxy', haproxyServer, ['-Ws', '-f', '/etc/haproxy/haproxy.cfg']);
  lab.pass(20_000);
  return lab;
}

function ask(lab: KubeadmLab, timeoutMs = 20_000): string {
  const { network } = lab.world;
  const outcome = lab.run(
    network.exchange(lab.world.host, '192.168.62.21', 7_443, { method: 'GET', path: '/readyz' }, timeoutMs),
  );
  return outcome.kind === 'response'
    ? `${outcome.status} ${outcome.certificate?.commonName ?? ''}`
    : outcome.kind;
}

function marks(lab: KubeadmLab, sinceMs: number): string[] {
  return lab.trace
    .filter((one) => one.service === 'haproxy' && one.atMs >= sinceMs)
    .map((one) => `${one.what} ${String(one.detail['server'])}`);
}

t.test('the API behind it: round robin, a dead server, quorum lost and found', async (t) => {
  const lab = withBalancer(21);
  t.equal(ask(lab), '200 kube-apiserver', "the client sees the API server's own certificate");
  const cutMs = lab.world.nowMs;
  cutMachine(lab.machine('cp-2'));
  lab.pass(12_000);
  t.strictSame(marks(lab, cutMs), ['server DOWN cps/cp-2'], 'found within eleven seconds');
  for (let index = 0; index < 4; index += 1) t.equal(ask(lab), '200 kube-apiserver');
  cutMachine(lab.machine('cp-3'));
  lab.pass(20_000);
  t.equal(ask(lab), 'reset', 'without quorum no server is ready, and connections are closed');
  lab.run(startMachine(lab.machine('cp-2')));
  lab.pass(200_000);
  t.equal(ask(lab), '200 kube-apiserver');
  const before = lab.world.nowMs;
  lab.pass(600_000);
  t.strictSame(marks(lab, before), []);
});

t.test('a watch through it breaks when its server is marked down', async (t) => {
  const lab = withBalancer(22);
  const { network, scheduler, group, host } = lab.world;
  const request = { method: 'GET', path: '/version' };
  // A silent server: connections hang until the mark closes them, and not for the hour of the time-out.
  const sessions = ['cp-1', 'cp-2', 'cp-3'].map(() => {
    pauseMachine(lab.machine('cp-3'));
    return scheduler.spawn(group, 'session', network.exchange(host, '192.168.62.21', 7_443, request, 60_000));
  });
  lab.pass(40_000);
  t.ok(sessions.every((one) => one.state === 'ended'));
  t.ok(sessions.some((one) => one.result?.kind === 'response'));
});

t.test('a port that is taken, and a file that is not there', async (t) => {
  const lab = withBalancer(23);
  const machine = lab.machine('worker-1');
  const again = machine.run('haproxy', haproxyServer, ['-Ws', '-f', '/etc/haproxy/haproxy.cfg']);
  const missing = machine.run('haproxy', haproxyServer, ['-Ws', '-f', '/etc/haproxy/none.cfg']);
  lab.pass(100);
  t.strictSame([again.exitCode, missing.exitCode], [1, 1]);
  const lines = machine.journal.filter((line) => line.unit === 'haproxy.service').map((line) => line.text);
  t.ok(lines.some((line) => line.includes('cannot bind socket (Address already in use)')));
  t.ok(lines.some((line) => line.includes('Cannot open configuration file/directory /etc/haproxy/none.cfg')));
});

t.test('an idle day of checks is free', async (t) => {
  const lab = withBalancer(24);
  lab.pass(600_000);
  const events = lab.count(86_400_000);
  t.ok(events < 200, `${events} events`);
});
