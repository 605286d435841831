/** What comes out of good configurations: the seed's lab, defaults, flags, topologies. */
import t from 'tap';
import { CONFIG_FLAGS, flagValue } from '../../lib/config/flags.js';
import { resolve } from '../../lib/config/resolve.js';
import type { Tree } from '../../lib/config/source.js';
import { withValue } from '../../lib/config/tree.js';
import type { LabSpec } from '../../lib/model/lab.js';
import { SEED_CONFIG } from '../helpers/seed-config.js';

function labOf(text: string | null, overrides: Record<string, string> = {}): LabSpec {
  const { spec, problems } = resolve({ text, file: text === null ? null : 'c.yaml', overrides });
  if (spec === null) throw new Error(problems.map(({ message }) => message).join('\n'));
  return spec;
}

const rows = (lab: LabSpec): readonly string[] =>
  lab.machines.map(({ name, role, cpus, memoryMiB, address }) =>
    [name, role, cpus, memoryMiB, address].join(' '),
  );

const SEED_ROWS = [
  'stage-cp-1 control-plane 2 4096 192.168.62.11',
  'stage-cp-2 control-plane 2 4096 192.168.62.12',
  'stage-cp-3 control-plane 2 4096 192.168.62.13',
  'stage-w-1 worker 2 8192 192.168.62.21',
  'stage-w-2 worker 2 8192 192.168.62.22',
  'stage-w-3 worker 2 8192 192.168.62.23',
];

t.test('the seed, word for word, gives its table', async (t) => {
  const { spec, problems } = resolve({ text: SEED_CONFIG, file: 'config-homelab.yaml' });
  t.strictSame(problems, []);
  if (spec === null) throw new Error('no lab');
  t.strictSame(rows(spec), SEED_ROWS);
  t.strictSame(spec.budget, { cpus: 18, memoryMiB: 38912 });
  t.strictSame(spec.vip, {
    address: '192.168.62.5',
    provider: 'kube-vip',
    lease: { durationSeconds: 5, renewDeadlineSeconds: 3, retryPeriodSeconds: 1, explicit: false },
    kubeVipVersion: 'v1.0.4',
  });
  t.strictSame(spec.endpoint, { host: '192.168.62.5', port: 6443, address: '192.168.62.5' });
  t.strictSame(spec.network, {
    cidr: '192.168.62.0/24',
    prefixLength: 24,
    hostAddress: '192.168.62.1',
    managementCidr: '172.29.62.0/24',
    interface: 'eth1',
  });
  t.equal(spec.apiName, 'api.stage.lab');
  t.equal(spec.kubernetes.version, 'v1.31.4');
});

t.test('without a file the same lab comes out, and an empty file says nothing', async (t) => {
  const seed = labOf(SEED_CONFIG);
  t.strictSame(labOf(null), seed);
  t.strictSame(labOf(null, { topology: 'k8s-ha' }), seed);
  t.strictSame(labOf('# nothing yet\n'), seed);
  t.strictSame(labOf('k8s:\n  ha:\nvos:\n'), seed, 'a key without a value counts as left out');
});

t.test('the other topologies', async (t) => {
  t.strictSame(rows(labOf(null, { topology: 'k8s-single' })), [
    'stage-cp-1 control-plane 4 12288 192.168.62.11',
  ]);
  const multi = labOf('topology: multi\n');
  t.equal(multi.topology, 'k8s-multi', 'the kind alone chooses the topology of that name');
  t.strictSame(rows(multi), [
    'stage-cp-1 control-plane 2 4096 192.168.62.11',
    'stage-w-1 worker 2 8192 192.168.62.21',
    'stage-w-2 worker 2 8192 192.168.62.22',
    'stage-w-3 worker 2 8192 192.168.62.23',
  ]);
  t.equal(multi.vip, null);
  t.strictSame(multi.endpoint, { host: '192.168.62.11', port: 6443, address: '192.168.62.11' });
  const haproxy = labOf(null, { 'vip-provider': 'haproxy' });
  t.strictSame(rows(haproxy), [...SEED_ROWS, 'stage-lb-1 load-balancer 1 1024 192.168.62.10']);
  t.equal(haproxy.vip?.address, '192.168.62.5', 'the balancer carries the VIP beside its own address');
});

t.test('--topology wins over both topology keys of the file, and unused keys are said', async (t) => {
  const { spec, problems } = resolve({
    text: SEED_CONFIG,
    file: 'c.yaml',
    overrides: { topology: 'k8s-multi' },
  });
  t.equal(spec?.topology, 'k8s-multi');
  t.match(problems, [{ code: 'unused-key', severity: 'warning', line: 12 }]);
});

t.test("a topology file of the user's own", async (t) => {
  const mine = 'name: mine\nkind: ha\ncontrol_planes: {count: 5, cpus: 2, memory: 2GiB}\n';
  const asked: string[] = [];
  const readNamedFile = (path: string, origin: string): string | null => {
    asked.push(`${path} ${origin}`);
    return path === './mine.yaml' ? mine : null;
  };
  const flag = resolve({ text: null, file: null, overrides: { topology: './mine.yaml' }, readNamedFile });
  t.equal(flag.spec?.topology, 'mine');
  t.equal(flag.spec?.machines.length, 5);
  const file = resolve({
    text: 'k8s: {topology: ./mine.yaml, workers: {count: 1}}',
    file: 'c.yaml',
    readNamedFile,
  });
  t.equal(file.spec?.machines.length, 6);
  t.strictSame(asked, ['./mine.yaml command-line', './mine.yaml configuration']);
  const wrong = resolve({
    text: null,
    file: null,
    overrides: { topology: './mine.yaml' },
    readNamedFile: () => 'name: mine\nkind: haa\nworkers: {count: 1}\n',
  });
  t.equal(wrong.spec, null);
  t.match(
    wrong.problems.find(({ code }) => code === 'wrong-value'),
    { file: './mine.yaml', line: 2, column: 7, remedy: 'Did you mean ha?' },
  );
  t.same(wrong.problems.map(({ code }) => code).toSorted(), [
    'missing-key',
    'missing-key',
    'missing-key',
    'wrong-value',
  ]);
  t.ok(wrong.problems.every(({ file: where }) => where === './mine.yaml'));
  const even = resolve({
    text: 'k8s: {topology: ./mine.yaml}',
    file: 'c.yaml',
    readNamedFile: () => mine.replace('5', '4'),
  });
  t.match(even.problems, [{ code: 'even-control-planes', file: './mine.yaml', line: 3, column: 25 }]);
});

t.test('versions, sizes, subnets and names as people write them', async (t) => {
  t.equal(
    labOf('k8s: {version: 1.31}').kubernetes.version,
    'v1.31.14',
    'a minor means its newest known patch',
  );
  t.equal(labOf('k8s: {version: 1.30}').kubernetes.version, 'v1.30.14', 'not the number 1.3');
  t.equal(labOf('k8s: {version: 1.31.4}').kubernetes.version, 'v1.31.4');
  t.equal(labOf('k8s: {ha: {kube_vip_version: 1.0.0}}').vip?.kubeVipVersion, 'v1.0.0');
  t.equal(labOf('k8s: {workers: {memory: 8GiB}}').machines.at(-1)?.memoryMiB, 8192);
  const wide = labOf('vos: {subnet: 10.62.0.0/20}');
  t.equal(wide.network.cidr, '10.62.0.0/20');
  t.equal(wide.vip?.address, '10.62.0.5');
  t.equal(wide.machines[0]?.address, '10.62.0.11');
  const named = labOf('name: dev\nacme: {tld: home.arpa}\nk8s: {ha: {api_name: api.dev.example}}');
  t.equal(named.apiName, 'api.dev.home.arpa');
  t.strictSame(named.endpoint, { host: 'api.dev.example', port: 6443, address: '192.168.62.5' });
});

t.test('the management network follows the lab network and keeps out of the other ranges', async (t) => {
  const management = (text: string): string => labOf(text).network.managementCidr;
  t.equal(management('vos: {subnet: 192.168.7}'), '172.29.7.0/24');
  t.equal(management('vos: {subnet: 10.62.16.0/20}'), '172.29.16.0/24');
  t.equal(management('vos: {subnet: 192.168.7, management_network: 10.9.0.0/26}'), '10.9.0.0/26');
  t.equal(management('vos: {subnet: 172.29.7}'), '172.29.8.0/24', 'beside the lab network');
  t.equal(management('k8s: {pod_subnet: 172.29.0.0/16}'), '172.30.0.0/24', 'beyond the pods');
});

t.test('time_scale stretches the default lease only', async (t) => {
  const lease = (text: string): unknown => labOf(text).vip?.lease;
  t.strictSame(lease('vos: {time_scale: 10}'), {
    durationSeconds: 50,
    renewDeadlineSeconds: 30,
    retryPeriodSeconds: 10,
    explicit: false,
  });
  t.match(lease('vos: {time_scale: 1.5}'), {
    durationSeconds: 8,
    renewDeadlineSeconds: 5,
    retryPeriodSeconds: 2,
  });
  t.strictSame(
    lease('vos: {time_scale: 10}\nk8s: {ha: {lease: {duration: 15, renew_deadline: 10, retry_period: 2}}}'),
    {
      durationSeconds: 15,
      renewDeadlineSeconds: 10,
      retryPeriodSeconds: 2,
      explicit: true,
    },
  );
});

t.test('the lab is frozen all the way down', async (t) => {
  const lab = labOf(SEED_CONFIG);
  const frozen = (value: unknown): boolean =>
    value === null ||
    typeof value !== 'object' ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  t.ok(frozen(lab));
});

t.test('each flag overrides its key, and says the same as the file', async (t) => {
  const texts: Record<string, string> = {
    topology: 'k8s-multi',
    lab: 'dev',
    provider: 'libvirt',
    bundle: './b',
    'kubernetes-version': '1.32',
    cni: 'flannel',
    csi: 'none',
    ingress: 'none',
    vip: '192.168.62.9',
    'vip-provider': 'haproxy',
    'kube-vip-version': 'v1.1.2',
    'control-planes': '2',
    'control-plane-cpus': '3',
    'control-plane-memory': '2GiB',
    workers: '1',
    'worker-cpus': '1',
    'worker-memory': '2GiB',
    'parallel-joins': '2',
    'vos-cpus': '30',
    'vos-memory': '60GiB',
    subnet: '192.168.62.0/24',
    box: 'debian/12',
    'image-base': './debian.qcow2',
    'image-checksum': `sha256:${'a'.repeat(64)}`,
    'time-scale': '2.5',
  };
  t.strictSame(
    Object.keys(texts),
    CONFIG_FLAGS.map(({ name }) => name),
  );
  for (const flag of CONFIG_FLAGS) {
    // A base image of one's own is refused without its digest.
    const names = flag.name === 'image-base' ? [flag.name, 'image-checksum'] : [flag.name];
    const given = CONFIG_FLAGS.filter(({ name }) => names.includes(name));
    const overrides = Object.fromEntries(given.map(({ name }) => [name, texts[name] ?? '']));
    const tree = given.reduce<Tree>(
      (all, one) => withValue(all, one.path, flagValue(one, texts[one.name] ?? '')),
      {},
    );
    const file = JSON.stringify(tree);
    t.strictSame(labOf(null, overrides), labOf(file), `--${flag.name}`);
    if (flag.name !== 'subnet') t.notSame(labOf(file), labOf(null), `--${flag.name} changes the lab`);
  }
  t.throws(() => resolve({ text: null, file: null, overrides: { colour: 'red' } }), /--colour/);
});

t.test(
  'a timings file takes the place of entries of the table, and its mistakes have their places',
  async (t) => {
    const read = (text: string): ReturnType<typeof resolve> =>
      resolve({
        text: 'vos: {timings: ./slow.yaml}\n',
        file: 'c.yaml',
        readNamedFile: (name) => (name === './slow.yaml' ? text : null),
      });
    t.strictSame(read('containerStart: [1, 2.5, 9]\n').spec?.timings, {
      containerStart: { minMs: 1_000, typicalMs: 2_500, maxMs: 9_000 },
    });
    t.match(read('containerStart: [3, 2, 9]\nmachineBoot: [1, 2]\ncontainerStrat: [1, 2, 3]\n').problems, [
      { code: 'wrong-timing', file: './slow.yaml', line: 1 },
      { code: 'wrong-timing', file: './slow.yaml', line: 2 },
      { code: 'unknown-key', file: './slow.yaml', line: 3, remedy: /containerStart/ },
    ]);
    t.match(read('machineBoot: [1, two, 3]\n').problems, [{ file: './slow.yaml', line: 1 }]);
    t.match(resolve({ text: 'vos: {timings: ./none.yaml}\n', file: 'c.yaml' }).problems, [
      { code: 'unknown-timings', file: 'c.yaml', line: 1 },
    ]);
    t.equal(labOf(null).timings, undefined);
  },
);
