// What kubeadm says to wrong files and wrong flags, and its commands around tokens, without or with one cluster.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import { KEY, KubeadmLab, TOKEN, VIP, initConfig } from '../helpers/kubeadm-lab.js';

const HINT = '\nTo see the stack trace of this error execute with --v=5 or higher\n';
const GOOD = initConfig('v1.31.4');

/** A change to a good file, the exit code, and stderr without its last line. */
const WRONG_FILES: readonly (readonly [string, (text: string) => string, number, string])[] = [
  [
    'an API nobody knows',
    (text) => text.replace('v1beta4\nkind: ClusterC', 'v1beta9\nkind: ClusterC'),
    1,
    'unknown configuration APIs: [kubeadm.k8s.io/v1beta9, Kind=ClusterConfiguration]',
  ],
  [
    'a map where v1beta4 has a list',
    (text) => text.replace('apiServer:\n', 'apiServer:\n  extraArgs: {v: "2"}\n'),
    1,
    'json: cannot unmarshal object into Go struct field APIServer.apiServer.extraArgs of type []v1beta4.Arg',
  ],
  [
    'a list where v1beta3 has a map',
    (text) => text.replaceAll('v1beta4', 'v1beta3'),
    1,
    'json: cannot unmarshal array into Go struct field ' +
      'NodeRegistrationOptions.nodeRegistration.kubeletExtraArgs of type map[string]string',
  ],
  [
    'a misspelt key',
    (text) => text.replace('certSANs', 'certSans'),
    1,
    'error unmarshaling configuration schema.GroupVersionKind{Group:"kubeadm.k8s.io", Version:"v1beta4", ' +
      'Kind:"ClusterConfiguration"}: strict decoding error: unknown field "apiServer.certSans"',
  ],
  [
    'a version that YAML reads as a number',
    (text) => text.replace('kubernetesVersion: v1.31.4', 'kubernetesVersion: 1.31'),
    1,
    'json: cannot unmarshal number into Go struct field ClusterConfiguration.kubernetesVersion of type string',
  ],
  [
    'a version too old',
    (text) => text.replace('v1.31.4', 'v1.29.0'),
    1,
    'this version of kubeadm only supports deploying clusters with the control plane version >= 1.30.0. ' +
      'Current version: v1.29.0',
  ],
  [
    'a kind twice',
    (text) => `${text}---\n${text}`,
    1,
    'invalid configuration: kind "InitConfiguration" is specified twice in YAML file',
  ],
  [
    'a malformed token',
    (text) => text.replace(TOKEN, 'abc'),
    3,
    'bootstrapTokens[0].token: Invalid value: "abc": the bootstrap token is invalid',
  ],
  [
    'an address that is none',
    (text) => text.replace('advertiseAddress: 192.168.62.11', 'advertiseAddress: 192.168.62.311'),
    3,
    'localAPIEndpoint.advertiseAddress: Invalid value: "192.168.62.311": ip address is not valid',
  ],
  ['a duration that is none', (text) => text.replace('24h0m0s', '1day'), 1, 'time: invalid duration "1day"'],
];

const WRONG_CALLS: readonly (readonly [readonly string[], number, string])[] = [
  [['frobnicate'], 1, 'unknown command "frobnicate" for "kubeadm"'],
  [['init', '--confg', 'x'], 1, 'unknown flag: --confg'],
  [['init', '-Q'], 1, "unknown shorthand flag: 'Q' in -Q"],
  [['init', '--config'], 1, 'flag needs an argument: --config'],
  [
    ['init', '--config', '/nope'],
    1,
    'unable to read config from "/nope" : open /nope: no such file or directory',
  ],
  [['join', '--config', '/x', '--token', TOKEN], 1, "can not mix '--config' with arguments [token]"],
  [
    ['token', 'create', '--certificate-key', KEY],
    1,
    'cannot use --certificate-key without --print-join-command',
  ],
  [['upgrade', 'diff'], 1, 'kubeadm upgrade diff is not modelled by the simulated kubeadm v1.31.4'],
  [['version', '-o', 'xml'], 1, 'invalid output format: xml'],
];

t.test('files and flags', async (t) => {
  const lab = new KubeadmLab();
  const validate = ['config', 'validate', '--config', '/opt/lab/file.yaml'];
  lab.write('cp-1', '/opt/lab/file.yaml', GOOD);
  t.match(lab.kubeadm('cp-1', ...validate), { code: 0, stdout: 'ok\n', stderr: '' });
  for (const [name, change, code, stderr] of WRONG_FILES) {
    const text = change(GOOD);
    t.not(text, GOOD, `${name}: the file is another`);
    lab.write('cp-1', '/opt/lab/file.yaml', text);
    const result = lab.kubeadm('cp-1', ...validate);
    t.strictSame([result.code, result.stdout, result.stderr], [code, '', stderr + HINT], name);
  }
  for (const [argv, code, stderr] of WRONG_CALLS) {
    const result = lab.kubeadm('cp-1', ...argv);
    t.strictSame([result.code, result.stdout, result.stderr], [code, '', stderr + HINT], argv.join(' '));
  }
  // init only warns of what validate refuses, and does without the field.
  lab.write('cp-1', '/opt/lab/init.yaml', GOOD.replace('certSANs', 'certSans'));
  const init = lab.kubeadm(
    'cp-1',
    'init',
    '--config',
    '/opt/lab/init.yaml',
    '--skip-phases',
    'preflight,wait-control-plane,upload-config,mark-control-plane,bootstrap-token,kubelet-finalize,addon',
  );
  t.match(init.stderr, /^W.* strict decoding error: unknown field "apiServer.certSans"\n$/);
  t.match(init.stdout, /\[upload-certs\] Skipping phase. Please see --upload-certs/);
});

t.test('tokens', async (t) => {
  const lab = new KubeadmLab({ workers: 1 });
  t.equal(lab.initFirst().code, 0);
  lab.pass(10_000);
  const created = lab.kubeadm(
    'cp-1',
    'token',
    'create',
    '--print-join-command',
    '--ttl',
    '1h',
    '--certificate-key',
    KEY,
  );
  const line =
    /^kubeadm join 192\.168\.62\.5:6443 --token (\S+) --discovery-token-ca-cert-hash (\S+) --control-plane (.+)\n$/;
  const [, token = '', hash = '', key = ''] = must(
    line.exec(created.stdout),
    created.stdout + created.stderr,
  );
  t.strictSame([hash, key], [lab.caHash(), `--certificate-key ${KEY}`]);
  const listed = lab.kubeadm('cp-1', 'token', 'list', '-o', 'json').stdout;
  const objects = listed
    .trimEnd()
    .split(/\n(?=\{)/)
    .map((text) => JSON.parse(text) as Record<string, unknown>);
  t.equal(objects.length, 3, 'two tokens and the one that carries the lifetime of the certificates');
  const own = must(
    objects.find((one) => one['token'] === token),
    'the new token is listed',
  );
  t.equal(own['kind'], 'BootstrapToken');
  t.strictSame(own['usages'], ['authentication', 'signing']);
  t.equal(objects.filter((one) => one['usages'] === undefined).length, 1);

  // An expired token is cleaned up by the controller manager; nobody can join with it any more.
  lab.pass(3_700_000);
  t.notMatch(lab.kubeadm('cp-1', 'token', 'list').stdout, token);
  const late = lab.kubeadm(
    'worker-1',
    'join',
    `${VIP}:6443`,
    '--token',
    token,
    '--discovery-token-ca-cert-hash',
    hash,
  );
  t.match(late.stderr, /could not find a JWS signature/);
  t.equal(lab.kubeadm('cp-1', 'token', 'delete', 'zzzzzz').code, 1);
});

t.test('a cluster without a stable endpoint takes no second control plane', async (t) => {
  const lab = new KubeadmLab({ controlPlanes: 2 });
  lab.write('cp-1', '/opt/lab/init.yaml', GOOD.replace(`controlPlaneEndpoint: "${VIP}:6443"\n`, ''));
  const init = lab.kubeadm('cp-1', 'init', '--config', '/opt/lab/init.yaml', '--upload-certs');
  t.equal(init.code, 0, init.stderr);
  t.notMatch(init.stdout, '--control-plane', 'no such command is offered');
  lab.pass(10_000);
  const joined = lab.join('cp-2', { endpoint: '192.168.62.11:6443' });
  t.equal(joined.code, 1);
  t.match(
    joined.stderr,
    "unable to add a new control plane instance to a cluster that doesn't have a stable controlPlaneEndpoint address",
  );
});

t.test('what lies in the way of a join', async (t) => {
  const lab = new KubeadmLab({ controlPlanes: 2 });
  t.equal(lab.initFirst().code, 0);
  lab.pass(10_000);
  const flags = [
    '--token',
    TOKEN,
    '--discovery-token-ca-cert-hash',
    lab.caHash(),
    '--control-plane',
    '--certificate-key',
    KEY,
  ];
  const join = (): string => lab.kubeadm('cp-2', 'join', `${VIP}:6443`, ...flags).stderr;
  const { disk } = lab.machine('cp-2');

  // An admin.conf that another cluster left behind is believed, and its cluster is gone.
  const admin = must(lab.machine('cp-1').disk.read('/etc/kubernetes/admin.conf'), 'admin.conf');
  disk.write('/etc/kubernetes/admin.conf', admin.replace(VIP, '192.168.62.99'));
  t.match(
    join(),
    /unable to fetch the kubeadm-config ConfigMap: failed to get config map: Get "https:\/\/192\.168\.62\.99/,
  );

  // A pod that mounted the file before it was there made containerd create a directory.
  disk.remove('/etc/kubernetes/admin.conf');
  disk.makeDirectories('/etc/kubernetes/admin.conf');
  t.match(join(), /error loading \/etc\/kubernetes\/admin.conf/);
  lab.write('cp-2', '/opt/lab/join.yaml', lab.joinConfig('cp-2'));
  const withFile = lab.kubeadm('cp-2', 'join', '--config', '/opt/lab/join.yaml');
  t.match(
    withFile.stderr,
    /control-plane-prepare\/kubeconfig: failed to load kubeconfig file .* is a directory/,
  );
});
