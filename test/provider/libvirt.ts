/** The libvirt provider's decisions on a made-up workstation: what it makes, keeps, clears away and refuses. */
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Clock } from '../../lib/base/clock.js';
import { CancelledError } from '../../lib/base/errors.js';
import { settle } from '../../lib/base/settle.js';
import { boxImages, mendBaseVolumes } from '../../lib/provider/libvirt/base-volume.js';
import type { Ssh } from '../../lib/provider/libvirt/context.js';
import { createMachines } from '../../lib/provider/libvirt/create.js';
import { destroyMachines } from '../../lib/provider/libvirt/destroy.js';
import type { RunHostProgram } from '../../lib/provider/libvirt/host-program.js';
import { LabStateFile } from '../../lib/provider/libvirt/lab-state.js';
import { labNetwork } from '../../lib/provider/libvirt/networks.js';
import { changePower, machineStates, setLink } from '../../lib/provider/libvirt/power.js';
import { residueOf } from '../../lib/provider/libvirt/residue.js';
import { Virsh } from '../../lib/provider/libvirt/virsh.js';
import { watchLab } from '../../lib/provider/libvirt/watch.js';
import type { CommandResult, Observation } from '../../lib/provider/provider.js';
import type { FakeLibvirt } from '../helpers/fake-libvirt.js';
import { bench, LAB, type Bench } from '../helpers/libvirt-bench.js';

const [CP = '', W = ''] = LAB.machines.map(({ name }) => name);

const create = ({ context }: Bench): ReturnType<typeof createMachines> =>
  createMachines(context, LAB.machines, {});

t.test('machines are made once, kept, and removed without a trace', async (t) => {
  const rig = bench(t);
  const { host, context, sent } = rig;
  t.strictSame(await machineStates(context), []);
  const reports = await create(rig);
  t.strictSame(
    reports.map(({ created, error }) => [created, error]),
    [
      [true, null],
      [true, null],
    ],
  );
  t.strictSame(
    [...host.networks.values()].map(({ active }) => active),
    [true, true],
  );
  t.ok(
    sent.every((line) => line.includes('homelab-carrier.conf')) && sent.length === 2,
    'told to keep their addresses',
  );
  t.strictSame(
    (await machineStates(context)).map(({ state }) => state),
    ['running', 'running'],
  );
  host.domains.set(`homelab_${W}`, { ...must(host, W), state: 'shut off' });
  const again = await create(rig);
  t.ok(again.every(({ created, error }) => !created && error === null));
  t.strictSame(host.called('vagrant --machine-readable up').length, 1);
  t.strictSame(host.called('virsh start'), [`virsh start homelab_${W}`], 'what is off is started');
  t.ok((await residueOf(context)).length > 0);
  await destroyMachines(context, [CP]);
  t.equal(host.networks.size, 2, 'networks stay while a machine is there');
  await destroyMachines(context, [W]);
  await destroyMachines(context, [CP, W]);
  t.strictSame(await residueOf(context), []);
  t.strictSame([host.domains.size, host.volumes.size, host.networks.size], [0, 0, 0]);
  t.notOk(existsSync(context.files.vagrantfile));
});

function must(host: FakeLibvirt, machine: string): { state: string; uuid: string; description: string } {
  const domain = host.domains.get(`homelab_${machine}`);
  if (domain === undefined) throw new Error(`${machine} is not there`);
  return domain;
}

for (const stop of ['volume', 'domain', 'boot'] as const) {
  t.test(`a creation that stopped after the ${stop} is cleared away and made anew`, async (t) => {
    const rig = bench(t);
    const { host, context } = rig;
    host.stops.set(W, stop);
    host.upError = `An error occurred while executing the action on the '${W}'\\nmachine. It fell over.`;
    const [first, second] = await create(rig);
    t.match(first, { created: true, error: null });
    t.match(second, { created: false, error: /It fell over/ });
    if (stop !== 'volume') {
      const states = await machineStates(context);
      t.equal(states.find(({ name }) => name === W)?.state, 'booting', 'never taken for complete');
    }
    const [kept, made] = await create(rig);
    t.match(
      [kept, made],
      [
        { created: false, error: null },
        { created: true, error: null },
      ],
    );
    t.strictSame(
      (await machineStates(context)).map(({ state }) => state),
      ['running', 'running'],
    );
    await destroyMachines(context, [CP, W]);
    t.strictSame(await residueOf(context), []);
  });

  t.test(`a creation that stopped after the ${stop} leaves nothing after a destroy`, async (t) => {
    const rig = bench(t);
    rig.host.stops.set(CP, stop).set(W, stop);
    await create(rig);
    await destroyMachines(rig.context, [CP, W]);
    t.strictSame(await residueOf(rig.context), []);
    t.strictSame([rig.host.domains.size, rig.host.volumes.size, rig.host.networks.size], [0, 0, 0]);
  });
}

t.test("what is somebody else's is never touched", async (t) => {
  const rig = bench(t);
  const { host, context } = rig;
  host.addDomain(CP, 'Source: /elsewhere/Vagrantfile');
  host.volumes.set(`homelab_${CP}.img`, 1).set(`homelab_${W}.img`, 1);
  const reports = await create(rig);
  t.match(reports, [
    { created: false, error: /not of this lab/ },
    { created: false, error: /did not make/ },
  ]);
  t.strictSame(await machineStates(context), []);
  await t.rejects(changePower(context, CP, 'cut', {}), { code: 'no-such-machine' });
  await destroyMachines(context, [CP, W]);
  t.strictSame([...host.domains.keys()], [`homelab_${CP}`]);
  t.strictSame([...host.volumes.keys()], [`homelab_${CP}.img`, `homelab_${W}.img`]);
  t.strictSame(host.called('vagrant'), []);
  t.strictSame(await residueOf(context), []);
});

t.test('a network of another lab stops the creation before anything is made', async (t) => {
  const rig = bench(t);
  const { name, xml } = labNetwork(LAB, '/elsewhere');
  rig.host.networks.set(name, { active: true, xml });
  await t.rejects(create(rig), { code: 'foreign-network' });
  t.strictSame(rig.host.called('vagrant'), []);
  await destroyMachines(rig.context, [CP, W]);
  t.ok(rig.host.networks.has(name));
});

t.test('power and cables', async (t) => {
  const rig = bench(t);
  const { host, context, sent } = rig;
  await create(rig);
  await changePower(context, W, 'cut', {});
  t.ok(sent.includes(`${W}: forget`), 'what ran there is lost at once');
  t.equal((await machineStates(context))[1]?.state, 'off');
  await setLink(context, W, 'down');
  await changePower(context, W, 'start', {});
  await setLink(context, W, 'up');
  t.strictSame(host.called('virsh domif-setlink'), [
    `virsh domif-setlink homelab_${W} 52:54:00:00:00:02 down --config`,
    `virsh domif-setlink homelab_${W} 52:54:00:00:00:02 up`,
    `virsh domif-setlink homelab_${W} 52:54:00:00:00:02 up --config`,
  ]);
  await changePower(context, W, 'halt', {});
  await changePower(context, W, 'halt', {});
  t.equal(host.called('vagrant --machine-readable halt').length, 1, 'what is off is not halted again');
});

t.test('a machine that hangs in its boot is switched off and on once', async (t) => {
  const rig = bench(t);
  const { host, context, hangs } = rig;
  await create(rig);
  await changePower(context, W, 'cut', {});
  hangs.set(W, 1);
  await changePower(context, W, 'start', {});
  t.strictSame(host.called('virsh start').length, 2);
  t.strictSame(host.called('virsh destroy').length, 2);
  await changePower(context, W, 'cut', {});
  hangs.set(W, 2);
  await t.rejects(changePower(context, W, 'start', {}), { name: 'UnreachableError' });
  t.strictSame(host.called('virsh start').length, 4, 'and only once');
});

t.test("the box's image in the pool", async (t) => {
  const { host, context } = bench(t);
  const { virsh, state, clock, env } = context;
  const folder = join(env['HOME'] ?? '', '.vagrant.d/boxes/me-VAGRANTSLASH-box/0/libvirt');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'metadata.json'), '{"provider":"libvirt","format":"qcow2","virtual_size":4}');
  writeFileSync(join(folder, 'box.img'), 'x'.repeat(1_000));
  utimesSync(join(folder, 'box.img'), 1_700_000_000, 1_700_000_000);
  const volume = 'me-VAGRANTSLASH-box_vagrant_box_image_0_1700000000_box.img';
  const images = boxImages(env, 'me/box');
  t.strictSame(images, [{ volume, bytes: 1_000 }]);
  t.strictSame(boxImages(env, 'no/box'), []);
  host.volumes.set(volume, 1_000);
  await mendBaseVolumes(virsh, state, clock, images);
  t.ok(host.volumes.has(volume), 'a whole one is used');
  host.volumes.set(volume, 400);
  await t.rejects(mendBaseVolumes(virsh, state, clock, images), {
    code: 'half-an-image',
    remedy: /vol-delete/,
  });
  t.ok(host.volumes.has(volume), 'what this lab did not begin is not removed');
  state.update({ uploading: true });
  await mendBaseVolumes(virsh, state, clock, images);
  t.notOk(host.volumes.has(volume), 'its own half is');
  t.equal(state.now.uploading, false);
});

t.test('a state that cannot be read is said so', async (t) => {
  const { context } = bench(t);
  context.state.setProgress([CP], 'begun');
  t.strictSame(new LabStateFile(context.files.state, 5).now, context.state.now);
  writeFileSync(context.files.state, '{"version":1');
  t.throws(() => new LabStateFile(context.files.state, 5), { code: 'lab-unreadable' });
});

t.test(
  'who watches real machines is told what changed between two looks, and where a look failed',
  async (t) => {
    const rig = bench(t);
    const { host, context } = rig;
    let nowMs = 0;
    let isDown = false;
    const pauses: (() => void)[] = [];
    const clock: Clock = {
      nowMs: () => nowMs,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(new CancelledError());
          });
          pauses.push(() => {
            nowMs += ms;
            resolve();
          });
        }),
    };
    const run: RunHostProgram = async (program) => {
      if (isDown) throw new Error('libvirt is away');
      return host.run(program);
    };
    const refusing: Ssh = {
      ...context.ssh,
      shell: (name) => ({ ...context.ssh.shell(name), run: async () => ({ ...REFUSED }) }),
    };
    const told: Observation[] = [];
    const watching = watchLab(
      { ...context, clock, run, virsh: new Virsh(run, 'test:///'), ssh: refusing },
      (seen) => told.push(seen),
    );
    const look = async (): Promise<string | undefined> => {
      pauses.shift()?.();
      while (pauses.length === 0) await settle();
      return told
        .at(-1)
        ?.machines.map(({ state }) => state)
        .join();
    };
    t.equal(await look(), '', 'told at once of a lab without machines');
    await create(rig);
    t.equal(await look(), 'running,running');
    t.match(told.at(-1), { nodes: null, api: { endpoint: false }, reasons: [/kubectl on .*: no/, /^etcd/] });
    must(host, W).state = 'shut off';
    t.equal(await look(), 'running,off');
    const count = told.length;
    await look();
    isDown = true;
    await look();
    isDown = false;
    await look();
    t.equal(told.length, count, 'nothing is told where nothing changed');
    t.match(watching.gaps, [/^at 8 s: libvirt is away/]);
    t.equal(watching.exact, false);
    await watching.stop();
    await watching.stop();
  },
);

const REFUSED: CommandResult = {
  ...{ kind: 'exited', code: 1, signal: null },
  ...{ stdout: new Uint8Array(), stderr: new TextEncoder().encode('no') },
};
