/** Several labs on one host: budgets and networks. */
import t from 'tap';
import { furtherLabs, planLabs, type Planned } from '../../lib/config/plan.js';
import { resolve, type ResolveInput } from '../../lib/config/resolve.js';
import { SEED_CONFIG } from '../helpers/seed-config.js';

const GIB = 1024;
const SEED: ResolveInput = { text: SEED_CONFIG, file: 'config-homelab.yaml' };

function withTopologies(
  first: ResolveInput,
  references: readonly string[],
  hostGiB: number,
  explicit = true,
): Planned {
  const { spec } = resolve(first);
  if (spec === null) throw new Error('the first lab is wrong');
  const labs = [first, ...furtherLabs(spec, references)];
  return planLabs({ labs, hostMemoryMiB: hostGiB * GIB, hostMemoryExplicit: explicit });
}

t.test('the plan of the seed, as the documented JSON', async (t) => {
  const { document } = withTopologies(SEED, [], 64);
  const machine = (name: string, role: string, memoryMiB: number, address: string): object => ({
    name,
    role,
    cpus: 2,
    memoryMiB,
    address,
  });
  t.strictSame(JSON.parse(JSON.stringify(document)), {
    labs: [
      {
        name: 'stage',
        topology: 'k8s-ha',
        provider: 'sim',
        machines: [
          machine('stage-cp-1', 'control-plane', 4096, '192.168.62.11'),
          machine('stage-cp-2', 'control-plane', 4096, '192.168.62.12'),
          machine('stage-cp-3', 'control-plane', 4096, '192.168.62.13'),
          machine('stage-w-1', 'worker', 8192, '192.168.62.21'),
          machine('stage-w-2', 'worker', 8192, '192.168.62.22'),
          machine('stage-w-3', 'worker', 8192, '192.168.62.23'),
        ],
        totals: { cpus: 12, memoryMiB: 36864 },
        budget: { cpus: 18, memoryMiB: 38912 },
        vip: { address: '192.168.62.5', provider: 'kube-vip' },
      },
    ],
    host: { memoryMiB: 65536, overheadMiB: 3072, requiredMiB: 39936, fits: true },
    problems: [],
  });
});

t.test('64 GB run one k8s-ha and not two; 128 GB run ha, multi and single', async (t) => {
  t.ok(withTopologies(SEED, [], 64).document.host.fits);
  t.notOk(withTopologies(SEED, ['k8s-ha'], 64).document.host.fits);
  const three = withTopologies(SEED, ['k8s-multi', 'k8s-single'], 128).document;
  t.strictSame(three.host, { memoryMiB: 131072, overheadMiB: 3072, requiredMiB: 80896, fits: true });
  t.strictSame(
    three.labs.map(({ name, topology }) => `${name} ${topology}`),
    ['stage k8s-ha', 'stage-multi k8s-multi', 'stage-single k8s-single'],
  );
  t.notOk(withTopologies(SEED, ['k8s-multi', 'k8s-single'], 64).document.host.fits);
});

t.test('each further lab takes the next free network, and says so', async (t) => {
  const { document, specs } = withTopologies(SEED, ['k8s-ha', 'k8s-ha'], 256);
  t.strictSame(
    specs.map((spec) => `${spec?.name ?? ''} ${spec?.network.cidr ?? ''} ${spec?.vip?.address ?? ''}`),
    [
      'stage 192.168.62.0/24 192.168.62.5',
      'stage-ha 192.168.63.0/24 192.168.63.5',
      'stage-ha-2 192.168.64.0/24 192.168.64.5',
    ],
  );
  t.match(document.problems, [
    { code: 'next-free-subnet', severity: 'note', message: /192\.168\.63\.0\/24/ },
    { code: 'next-free-subnet', severity: 'note', message: /192\.168\.64\.0\/24/ },
  ]);
  const chosen: ResolveInput = { text: null, file: null, overrides: { lab: 'other', subnet: '192.168.63' } };
  const { spec } = resolve(SEED);
  if (spec === null) throw new Error('no lab');
  const around = planLabs({
    labs: [SEED, ...furtherLabs(spec, ['k8s-single']), chosen],
    hostMemoryMiB: 256 * GIB,
    hostMemoryExplicit: false,
  });
  t.strictSame(
    around.specs.map((lab) => lab?.network.cidr),
    ['192.168.62.0/24', '192.168.64.0/24', '192.168.63.0/24'],
    'a chosen network is kept free for the lab that chose it',
  );
});

t.test('--with takes a topology file too', async (t) => {
  const { spec } = resolve(SEED);
  if (spec === null) throw new Error('no lab');
  const readNamedFile = (): string =>
    'name: tiny\nkind: single\ncontrol_planes: {count: 1, cpus: 2, memory: 2GiB}\n';
  const labs = [SEED, ...furtherLabs(spec, ['./my/Tiny_lab.yaml'], { readNamedFile })];
  const { document } = planLabs({ labs, hostMemoryMiB: 64 * GIB, hostMemoryExplicit: true });
  t.match(document.labs[1], {
    name: 'stage-tiny-lab',
    topology: 'tiny',
    totals: { cpus: 2, memoryMiB: 2048 },
  });
});

t.test('two real labs on one network are refused, simulated ones are not', async (t) => {
  const labs = (provider: string): readonly ResolveInput[] =>
    ['one', 'two'].map((lab) => ({
      text: null,
      file: null,
      overrides: { lab, provider, topology: 'k8s-single', subnet: '10.9.0.0/24' },
    }));
  const plan = (provider: string): Planned =>
    planLabs({ labs: labs(provider), hostMemoryMiB: 64 * GIB, hostMemoryExplicit: false });
  t.match(plan('libvirt').document.problems, [
    { code: 'subnet-shared', severity: 'error', remedy: /10\.9\.1\.0\/24/, found: '10.9.0.0/24' },
  ]);
  t.strictSame(plan('sim').document.problems, []);
  const twins = planLabs({ labs: [SEED, SEED], hostMemoryMiB: 256 * GIB, hostMemoryExplicit: false });
  t.match(twins.document.problems, [{ code: 'lab-name-taken', severity: 'error' }]);
});

t.test('a small host is an error for real machines or when it was named, else a note', async (t) => {
  const real: ResolveInput = { ...SEED, overrides: { provider: 'libvirt' } };
  const severity = (input: ResolveInput, explicit: boolean): unknown =>
    withTopologies(input, [], 16, explicit).document.problems.map(
      (problem) => `${problem.code} ${problem.severity}`,
    );
  t.strictSame(severity(SEED, false), ['host-too-small note']);
  t.strictSame(severity(SEED, true), ['host-too-small error']);
  t.strictSame(severity(real, false), ['host-too-small error']);
  const exact = planLabs({ labs: [SEED], hostMemoryMiB: 39936, hostMemoryExplicit: true });
  t.ok(exact.document.host.fits, 'to the last MiB');
});

t.test('a lab that cannot be resolved leaves its problems, and the others are planned', async (t) => {
  const wrong: ResolveInput = { text: 'name: UPPER\n', file: 'wrong.yaml' };
  const planned = planLabs({ labs: [wrong, SEED], hostMemoryMiB: 64 * GIB, hostMemoryExplicit: false });
  t.equal(planned.specs[0], null);
  t.equal(planned.document.labs.length, 1);
  t.match(planned.document.problems, [{ file: 'wrong.yaml', line: 1, column: 7 }]);
});
