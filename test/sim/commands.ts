// The base programs of simulated machines: files, units, addresses, HTTP, certificates, and how they fail.
import t from 'tap';
import { issueAuthority, issueCertificate } from '../../lib/sim/pki.js';
import { FlagProblem, parseFlags, pflagText, getoptText } from '../../lib/sim/commands/flags.js';
import { printArchive } from '../../lib/sim/archive.js';
import { installHost } from '../../lib/sim/image.js';
import { cutMachine, startMachine } from '../../lib/sim/power.js';
import type { Response } from '../../lib/sim/network.js';
import { waitFor, type Sim } from '../../lib/sim/task.js';
import { KubeadmLab } from '../helpers/kubeadm-lab.js';

const lab = new KubeadmLab({ controlPlanes: 2 });
installHost(lab.world.host);

function run(...argv: string[]): [number | null, string, string] {
  const { code, stdout, stderr } = lab.exec('cp-1', argv);
  return [code, stdout, stderr];
}

function onHost(...argv: string[]): [number | null, string, string] {
  const { code, stdout, stderr } = lab.exec('host', argv);
  return [code, stdout, stderr];
}

t.test('flags as pflag and getopt read them', async (t) => {
  const flags = parseFlags(
    ['all|A', 'namespace|n=', 'dry-run?=none', 'c='],
    ['get', '-An', 'x', '--dry-run', '-c=3', 'pods', '--', '-z'],
  );
  t.same(flags.operands, ['get', 'pods', '-z']);
  t.same(
    [flags.has('all'), flags.get('namespace'), flags.get('dry-run'), flags.get('c')],
    [true, 'x', 'none', '3'],
  );
  t.equal(parseFlags(['wait'], ['--wait=false']).has('wait'), false);
  const problem = (args: string[]): FlagProblem => {
    try {
      parseFlags(['all|A', 'namespace|n='], args);
    } catch (error) {
      if (error instanceof FlagProblem) return error;
    }
    throw new Error('no problem was found');
  };
  t.equal(pflagText(problem(['--foo'])), 'unknown flag: --foo');
  t.equal(pflagText(problem(['-AQ'])), "unknown shorthand flag: 'Q' in -AQ");
  t.equal(pflagText(problem(['--namespace'])), 'flag needs an argument: --namespace');
  t.equal(pflagText(problem(['-n'])), "flag needs an argument: 'n' in -n");
  t.equal(
    getoptText('ls', problem(['--zzz'])),
    "ls: unrecognized option '--zzz'\nTry 'ls --help' for more information.\n",
  );
});

t.test('images out of an archive', async (t) => {
  const images = ['ctr', '-n', 'k8s.io', 'images'];
  const [, before] = run(...images, 'ls', '-q');
  t.match(before, /^registry\.k8s\.io\/etcd:3\.5\.\d+-0$/m);
  t.same(run('ctr', 'images', 'ls', '-q'), [0, '', ''], 'a namespace of its own');
  t.same(run(...images, 'import', '/none.tar'), [1, '', 'ctr: open /none.tar: no such file or directory\n']);
  lab.write('cp-1', '/a.tar', 'text');
  t.same(run(...images, 'import', '/a.tar'), [1, '', 'ctr: archive/tar: invalid tar header\n']);
  lab.write('cp-1', '/a.tar', printArchive(['registry.k8s.io/pause:3.11']));
  t.match(run(...images, 'import', '/a.tar'), [0, /^unpacking registry\.k8s\.io\/pause:3\.11 \(sha256:/, '']);
  t.match(run('crictl', 'images'), [0, /pause +3\.11/, '']);
  t.equal(run(...images, 'rm', 'registry.k8s.io/pause:3.11')[0], 0);
  t.match(run(...images, 'rm', 'registry.k8s.io/pause:3.11'), [1, '', /3\.11": not found/]);
  t.equal(run(...images, 'ls', '-q')[1], before);
  t.same(run('kubelet', '--version'), [0, 'Kubernetes v1.31.4\n', '']);
});

t.test('files', async (t) => {
  t.same(run('mkdir', '/a/b'), [1, '', 'mkdir: cannot create directory ‘/a/b’: No such file or directory\n']);
  t.same(run('mkdir', '-p', '-m', '0700', '/a/b'), [0, '', '']);
  t.same(run('stat', '-c', '%a %U:%G %F', '/a/b'), [0, '700 root:root directory\n', '']);
  lab.write('cp-1', '/a/one', 'first\n');
  t.same(run('install', '-m', '0600', '-o', 'etcd', '/a/one', '/a/b'), [0, '', '']);
  t.same(run('stat', '-c', '%a %U %s %n', '/a/b/one'), [0, '600 etcd 6 /a/b/one\n', '']);
  t.same(run('mv', '-f', '/a/one', '/a/b/two'), [0, '', '']);
  t.same(run('ls', '-1', '/a/b'), [0, 'one\ntwo\n', '']);
  t.same(run('ls', '-1d', '/a/b/one', '/nope', '/a'), [
    2,
    '/a\n/a/b/one\n',
    "ls: cannot access '/nope': No such file or directory\n",
  ]);
  t.match(run('ls', '-l', '/a/b')[1], /^total 8\n-rw------- 1 etcd root 6 Jan {2}1 \d\d:\d\d one\n/);
  t.same(run('cat', '/a/b/one', '/nope'), [1, 'first\n', 'cat: /nope: No such file or directory\n']);
  t.same(run('cp', '/a', '/c'), [1, '', "cp: -r not specified; omitting directory '/a'\n"]);
  t.same(run('cp', '-r', '/a', '/c'), [0, '', '']);
  t.same(run('cat', '/c/b/two'), [0, 'first\n', '']);
  t.same(run('rm', '/a'), [1, '', "rm: cannot remove '/a': Is a directory\n"]);
  t.same(run('rm', '-rf', '/a', '/nope'), [0, '', '']);
  t.same(run('test', '-e', '/a'), [1, '', '']);
  t.same(run('test', '-f', '/c/b/two', '-a', '!', '-e', '/a'), [0, '', '']);
  t.same(run('[', 'a', '=', 'a'), [2, '', "[: missing ']'\n"]);
  t.same(run('chmod', '99', '/c'), [
    1,
    '',
    "chmod: invalid mode: ‘99’\nTry 'chmod --help' for more information.\n",
  ]);
  t.same(run('bash', '-c', 'true'), [127, '', 'bash: line 1: bash: command not found\n']);
  t.equal(run('hostname')[1], 'cp-1\n');
  t.same(run('sysctl', '-n', 'net.ipv4.ip_forward'), [0, '1\n', '']);
  t.match(run('date', '-u')[1], /^Thu Jan {2}1 \d\d:\d\d:\d\d UTC 2026\n$/);
  t.match(run('df', '-B1', '--output=avail', '/')[1], /^ *Avail\n\d+\n$/);
});

t.test('units', async (t) => {
  t.same(run('systemctl', 'is-active', 'haproxy'), [3, 'inactive\n', '']);
  t.same(run('systemctl', 'is-active', 'nope'), [4, 'inactive\n', '']);
  t.same(run('systemctl', 'start', 'nope'), [
    5,
    '',
    'Failed to start nope.service: Unit nope.service not found.\n',
  ]);
  t.same(run('systemctl', 'is-enabled', 'haproxy'), [1, 'disabled\n', '']);
  t.match(
    run('systemctl', 'enable', 'haproxy')[2],
    /^Created symlink .*multi-user.target.wants\/haproxy.service → /,
  );
  t.same(run('systemctl', 'is-enabled', 'haproxy'), [0, 'enabled\n', '']);
  t.same(run('systemctl', 'disable', 'haproxy')[0], 0);
  t.same(run('systemctl', 'is-active', 'containerd'), [0, 'active\n', '']);
  t.same(run('systemctl', 'stop', 'containerd'), [0, '', '']);
  t.match(run('systemctl', 'status', 'containerd'), [
    3,
    /^○ containerd.service\n.*Loaded: loaded[^]*Active: inactive \(dead\)/,
  ]);
  t.same(run('systemctl', 'show', '-p', 'ActiveState', '--value', 'containerd'), [0, 'inactive\n', '']);
  t.same(run('systemctl', 'start', 'containerd'), [0, '', '']);
  t.match(run('journalctl', '-u', 'kubelet', '-n', '1', '--no-pager')[1], /^Jan 01 .* cp-1 kubelet: .*\n$/);
  t.same(run('systemctl', 'frobnicate'), [1, '', 'Unknown command verb frobnicate.\n']);
  t.same(run('systemctl', '--foo'), [1, '', "systemctl: unrecognized option '--foo'\n"]);
});

t.test('addresses', async (t) => {
  const add = ['ip', 'addr', 'add', '192.168.62.5/32', 'dev', 'eth1'];
  const vip = '192.168.62.5';
  const dad = ['arping', '-D', '-q', '-c', '3', '-w', '5', '-I', 'eth1', vip];
  t.same(onHost(...dad), [0, '', ''], 'nobody has it');
  t.same(run(...add), [0, '', '']);
  t.same(run(...add), [2, '', 'Error: ipv4: Address already assigned.\n']);
  t.equal(
    run('ip', '-4', '-o', 'addr', 'show', 'dev', 'eth1')[1],
    '3: eth1    inet 192.168.62.11/24 brd 192.168.62.255 scope global eth1\\' +
      '       valid_lft forever preferred_lft forever\n' +
      '3: eth1    inet 192.168.62.5/32 scope global eth1\\       valid_lft forever preferred_lft forever\n',
  );
  t.equal(onHost(...dad)[0], 1, 'somebody answers');
  t.match(onHost('arping', '-c', '2', '-I', 'eth1', vip), [
    0,
    /Unicast reply from 192.168.62.5 \[52:54:00:[0-9A-F:]+\]/,
  ]);
  t.match(onHost('ping', '-c', '1', '-W', '1', vip), [
    0,
    /1 packets transmitted, 1 received, 0% packet loss/,
  ]);
  const json = JSON.parse(run('ip', '-j', 'addr', 'show', 'dev', 'eth1')[1]) as {
    addr_info: { local: string }[];
  }[];
  t.same(
    json[0]?.addr_info.map((one) => one.local),
    ['192.168.62.11', vip],
  );
  t.same(run('ip', 'addr', 'del', `${vip}/32`, 'dev', 'eth1'), [0, '', '']);
  t.same(run('ip', 'addr', 'del', `${vip}/32`, 'dev', 'eth1'), [2, '', 'Error: ipv4: Address not found.\n']);
  t.match(onHost('ping', '-c', '1', '-W', '1', vip), [1, /100% packet loss/]);
  const route = ['10.244.1.0/24', 'via', '192.168.62.12', 'dev', 'eth1'];
  t.same(run('ip', 'route', 'replace', ...route), [0, '', '']);
  t.match(run('ip', 'route')[1], /^10.244.1.0\/24 via 192.168.62.12 dev eth1 $/m);
  t.same(run('ip', 'addr', 'show', 'dev', 'nope'), [1, '', 'Device "nope" does not exist.\n']);
});

t.test('a drop-in of networkd brings address and route back at boot', async (t) => {
  const machine = lab.machine('cp-2');
  const folder = '/etc/systemd/network/50-vagrant-eth1.network.d';
  machine.disk.makeDirectories(folder);
  const routes = '[Route]\nDestination=10.244.3.0/24\nGateway=192.168.62.13\n';
  machine.disk.write(`${folder}/homelab.conf`, `[Network]\nAddress=192.168.62.7/32\n\n${routes}`);
  cutMachine(machine);
  lab.run(startMachine(machine));
  t.ok(machine.labNic.addresses.has('192.168.62.7'));
  t.equal(machine.routes.get('10.244.3.0/24'), '192.168.62.13');
});

t.test('curl and openssl look at a server', async (t) => {
  const { world } = lab;
  const prng = world.prng.fork('test');
  const authority = issueAuthority(prng, 'kubernetes', world.nowMs);
  const names = { commonName: 'kube-apiserver', organizations: [], sans: ['kubernetes', '192.168.62.11'] };
  const server = issueCertificate(prng, authority.certificate, names, world.nowMs);
  lab.machine('cp-1').run(
    'server',
    function* (call) {
      const serve = function* (): Sim<Response> {
        yield* [];
        return { status: 200, body: 'ok' };
      };
      call.process.listen({ port: 6443, address: null, certificate: () => server.certificate, serve });
      for (;;) yield* waitFor([call.process.exited]);
    },
    [],
  );
  lab.pass(10);
  world.host.disk.write('/ca.crt', authority.certificatePem);
  lab.write('cp-1', '/root/s.crt', server.certificatePem);
  const url = 'https://192.168.62.11:6443/readyz';
  const quiet = ['curl', '-s', '-S', '-o', '/dev/null', '-w', '%{http_code}', '-m', '10'];
  t.same(onHost(...quiet, '--cacert', 'ca.crt', url), [0, '200', '']);
  t.match(onHost(...quiet, url), [
    60,
    '000',
    /^curl: \(60\) SSL certificate problem: unable to get local issuer/,
  ]);
  t.match(
    onHost('curl', '-sv', '--cacert', 'ca.crt', url)[2],
    /subjectAltName: host "192.168.62.11" matched cert's IP address!/,
  );
  run('ip', 'addr', 'add', '192.168.62.6/32', 'dev', 'eth1');
  t.match(onHost(...quiet, '--cacert', 'ca.crt', 'https://192.168.62.6:6443/'), [
    60,
    '000',
    /no alternative certificate subject name matches target host name '192.168.62.6'/,
  ]);
  t.match(onHost('curl', '-k', '-s', '-S', 'https://192.168.62.12:1/'), [
    7,
    '',
    /^curl: \(7\) Failed to connect/,
  ]);
  t.match(onHost('curl', '-k', '-sS', '-m', '2', 'https://192.168.62.99:6443/'), [
    28,
    '',
    /^curl: \(28\) Connection timed out after 2\d+ milliseconds/,
  ]);
  t.match(onHost('curl', '-sS', 'https://nope/'), [6, '', 'curl: (6) Could not resolve host: nope\n']);
  t.equal(
    run('openssl', 'x509', '-in', 's.crt', '-noout', '-ext', 'subjectAltName')[1],
    'X509v3 Subject Alternative Name: \n    DNS:kubernetes, IP Address:192.168.62.11\n',
  );
  t.match(run('openssl', 'x509', '-in', 's.crt', '-noout', '-checkend', '100'), [
    0,
    'Certificate will not expire\n',
  ]);
  t.match(
    onHost('openssl', 's_client', '-connect', '192.168.62.11:6443', '-CAfile', 'ca.crt')[1],
    /Verify return code: 0 \(ok\)/,
  );
});

t.test('haproxy checks its file', async (t) => {
  lab.write('cp-1', '/root/bad.cfg', 'foo bar\n');
  t.match(run('haproxy', '-c', '-f', '/root/bad.cfg'), [1, '', /unknown keyword 'foo' out of section/]);
  const good = 'defaults\n  mode tcp\n  timeout client 1s\n  timeout connect 1s\n  timeout server 1s\n';
  lab.write(
    'cp-1',
    '/root/good.cfg',
    `${good}frontend a\n  bind *:16443\n  default_backend b\nbackend b\n  server x 127.0.0.1:1 check\n`,
  );
  t.match(run('haproxy', '-c', '-f', '/root/good.cfg'), [0, 'Configuration file is valid\n']);
});
