// The bootstrap as it should go, on the simulator: what it makes, in which order, and what it finds done already.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import type { Overrides } from '../../lib/config/flags.js';
import { KUBE_VIP_MANIFEST } from '../../lib/generate/paths.js';
import { controlPlanes, type LabSpec } from '../../lib/model/lab.js';
import type { SimProvider } from '../../lib/provider/sim/sim-provider.js';
import { downSaga } from '../../lib/sagas/lifecycle.js';
import { commandsOf, mostAtOnce, runBootstrap, writesOf, type Ran } from '../helpers/bootstrap-runs.js';
import { SMALL } from '../helpers/bootstrap-sweep.js';
import { leaks, secretsOf } from '../helpers/secrets.js';
import { labOf, runOnSim } from '../helpers/sim-lab.js';

t.setTimeout(180_000);

const TOPOLOGIES: readonly Overrides[] = [
  { topology: 'k8s-single' },
  { topology: 'k8s-multi' },
  { topology: 'k8s-ha' },
  { topology: 'k8s-ha', 'vip-provider': 'haproxy' },
  { topology: 'k8s-ha', cni: 'flannel', 'control-planes': '5', 'vos-memory': '50GiB' },
  { topology: 'k8s-ha', cni: 'bridge', csi: 'none', ingress: 'none', 'kubernetes-version': 'v1.30.8' },
];

void t.test('every topology with either provider of the address comes up', async (t) => {
  for (const overrides of TOPOLOGIES) {
    const lab = labOf(overrides);
    const { provider, result, files, said, log } = await runBootstrap(lab);
    const name = Object.values(overrides).join(' ');
    t.match(result, { outcome: 'completed', error: null }, name);
    const seen = await provider.observe();
    const nodes = lab.machines.filter(({ role }) => role !== 'load-balancer').map((one) => one.name);
    t.strictSame(seen.nodes?.map((node) => node.name).sort(), [...nodes].sort(), `${name}: the nodes`);
    t.ok(
      seen.nodes?.every((node) => node.ready && node.version === lab.kubernetes.version),
      `${name}: Ready`,
    );
    t.equal(seen.etcd.members?.filter((member) => member.healthy).length, controlPlanes(lab).length, name);
    t.equal(seen.api.endpoint, true, `${name}: the API answers`);
    if (lab.vip !== null) t.equal(seen.vipHolders?.length, 1, `${name}: one holder`);
    const server = `server: https://${lab.endpoint.host}:${lab.endpoint.port}\n`;
    t.match(files.get('kubeconfig'), server, `${name}: the kubeconfig points at the endpoint`);
    t.strictSame(leaks(said, secretsOf(provider.world, log)), [], `${name}: no secret was said`);
  }
});

void t.test('the search for secrets finds them where they are', async (t) => {
  const { provider, log, files } = await runBootstrap(labOf(SMALL));
  const secrets = secretsOf(provider.world, log);
  t.ok(
    [...secrets].some((text) => /^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(text)),
    'tokens',
  );
  t.ok(
    [...secrets].some((text) => /^[0-9a-f]{64}$/.test(text)),
    'certificate keys',
  );
  const key = must(
    provider.world.machine('stage-cp-1').disk.read('/etc/kubernetes/pki/ca.key'),
    'there is one',
  );
  t.not(leaks(key, secrets).length, 0, 'private keys');
  t.not(leaks(must(files.get('kubeconfig'), 'there is one'), secrets).length, 0, 'kubeconfigs');
  const joins = writesOf(log).filter(({ path }) => path.endsWith('kubeadm-join.yaml'));
  t.equal(joins.length, 3);
  for (const { machine, text } of joins) t.not(leaks(text, secrets).length, 0, `the join of ${machine}`);
});

void t.test(
  'super-admin.conf is mounted on the first control plane only, and only until init is over',
  async (t) => {
    const lab = labOf({ ...SMALL, 'control-planes': '5' });
    const { provider, log } = await runBootstrap(lab);
    const manifests = writesOf(log).filter(({ text }) => text.includes('name: kube-vip'));
    const [first, ...others] = controlPlanes(lab).map(({ name }) => name);
    const steady = manifests.findIndex(({ text }) => !text.includes('/super-admin.conf'));
    const machines = (list: typeof manifests) => [...new Set(list.map(({ machine }) => machine))];
    t.strictSame(machines(manifests.slice(0, steady)), [first], 'it begins with super-admin.conf');
    t.strictSame(machines(manifests.slice(steady)), [first, ...others]);
    t.strictSame(
      manifests.slice(steady).filter(({ text }) => text.includes('super-admin')),
      [],
    );
    for (const { name } of controlPlanes(lab)) {
      t.notMatch(provider.world.machine(name).disk.read(KUBE_VIP_MANIFEST), /super-admin/, name);
    }
    const written = writesOf(log).filter(({ path }) => path.startsWith('/etc/kubernetes/manifests/'));
    t.strictSame(written, [], 'manifests are renamed into their folder, never written in it');
  },
);

void t.test('control planes join one at a time, workers at most parallel_joins at once', async (t) => {
  const lab = labOf({
    ...SMALL,
    'control-planes': '5',
    workers: '5',
    'worker-memory': '2GiB',
    'vos-memory': '60GiB',
    'vos-cpus': '24',
    'parallel-joins': '2',
  });
  const { log, result } = await runBootstrap(lab);
  t.equal(result.outcome, 'completed');
  const joins = commandsOf(log, 'kubeadm', 'join');
  const names = controlPlanes(lab).map(({ name }) => name);
  const further = joins.filter(({ machine }) => names.includes(machine));
  const joined = joins.filter(({ machine }) => !names.includes(machine));
  t.strictSame(
    further.map(({ machine }) => machine),
    names.slice(1),
    'in order',
  );
  t.equal(mostAtOnce(further), 1);
  t.equal(joined.length, 5);
  t.equal(mostAtOnce(joined), 2);
  t.ok(
    Math.min(...joined.map(({ atMs }) => atMs)) >
      Math.max(...further.map(({ doneAtMs }) => doneAtMs ?? Infinity)),
  );
  const keys = writesOf(log).flatMap(({ text }) => /certificateKey: "?(\w{64})/.exec(text)?.[1] ?? []);
  t.equal(keys.length, 4);
  t.equal(new Set(keys).size, 4, 'a fresh certificate key for each');
});

void t.test('a second run finds every step done', async (t) => {
  for (const overrides of [{}, { ...SMALL, 'vip-provider': 'haproxy' }]) {
    const lab = labOf(overrides);
    const again = await repeat(lab, await bootstrapped(lab));
    t.equal(again.result.outcome, 'completed');
    const undone = again.result.steps.filter(({ outcome }) => outcome !== 'skipped').map(({ key }) => key);
    t.strictSame(undone, []);
  }
});

void t.test('a lab whose machines are off is started, not made again', async (t) => {
  const ways: Record<string, (provider: SimProvider, lab: LabSpec) => Promise<void>> = {
    'after down': async (provider, lab) => {
      t.equal((await runOnSim(downSaga(lab), { provider })).outcome, 'completed');
    },
    'after a power failure of all': async (provider, lab) => {
      for (const { name } of lab.machines) await provider.power(name, 'cut');
    },
    'after one control plane and one worker were cut': async (provider) => {
      for (const name of ['stage-cp-1', 'stage-w-1']) await provider.power(name, 'cut');
      await provider.clock.sleep(400_000);
    },
    'after everything but the first control plane was cut': async (provider) => {
      for (const name of ['stage-cp-2', 'stage-cp-3', 'stage-w-1']) await provider.power(name, 'cut');
    },
  };
  for (const overrides of [{ ...SMALL }, { ...SMALL, 'vip-provider': 'haproxy' }]) {
    const lab = labOf(overrides);
    for (const [name, way] of Object.entries(ways)) {
      const before = await bootstrapped(lab);
      await way(before.provider, lab);
      const commands = commandsOf(before.log, 'kubeadm').length;
      const { result, provider, log } = await repeat(lab, before);
      t.match(result, { outcome: 'completed', error: null }, name);
      const sent = commandsOf(log, 'kubeadm').slice(commands);
      t.strictSame(
        sent.map(({ op }) => (op.kind === 'run' ? op.argv.join(' ') : '')),
        [],
        `${name}: no kubeadm`,
      );
      t.ok(
        (await provider.machines()).every(({ state }) => state === 'running'),
        name,
      );
      t.ok(
        (await provider.observe()).nodes?.every(({ ready }) => ready),
        `${name}: every node is Ready`,
      );
    }
  }
});

async function bootstrapped(lab: LabSpec): Promise<Ran> {
  const ran = await runBootstrap(lab);
  if (ran.result.outcome !== 'completed') throw new Error(`the lab did not come up: ${ran.result.outcome}`);
  return ran;
}

/** What `homelab up` does on a lab that was brought up before. */
function repeat(lab: LabSpec, world: Ran): Promise<Ran> {
  return runBootstrap(lab, {
    world,
    input: { existing: lab.machines.map(({ name }) => name), initialized: true },
  });
}
