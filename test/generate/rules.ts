/** What must hold in the files of any lab, kubeadm's apart, where the golden files only show examples. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { must } from '../../lib/base/errors.js';
import { addonReleases } from '../../lib/generate/addons.js';
import { subnetAt } from '../../lib/generate/addresses.js';
import { outputPath, WHATS } from '../../lib/generate/file.js';
import { haproxyConfig } from '../../lib/generate/haproxy.js';
import { kubeVipManifest } from '../../lib/generate/kube-vip.js';
import { networkCommands, networkdDropIn } from '../../lib/generate/network.js';
import { nodeImageName } from '../../lib/generate/packer.js';
import { render } from '../../lib/generate/render.js';
import { boxName, vagrantfile } from '../../lib/generate/vagrantfile.js';
import { controlPlanes, loadBalancers, workers } from '../../lib/model/lab.js';
import { at, type Tree } from '../helpers/tree.js';
import { holds, makeLab } from '../helpers/labs.js';

void t.test('kube-vip: the variants differ in one path, and the lease is as resolved', (t) => {
  holds(t, (lab) => {
    fc.pre(lab.vip?.provider === 'kube-vip');
    const vip = must(lab.vip, 'no VIP');
    const bootstrap = kubeVipManifest(lab, 'bootstrap');
    const steady = kubeVipManifest(lab, 'steady');
    assert.notEqual(bootstrap, steady);
    assert.equal(
      bootstrap.replace('path: /etc/kubernetes/super-admin.conf', 'path: /etc/kubernetes/admin.conf'),
      steady,
    );
    const entries = at(parse(steady), 'spec', 'containers', 0, 'env') as { name: string; value: unknown }[];
    const env = new Map(entries.map(({ name, value }) => [name, value]));
    assert.ok(
      [...env].every(([name, value]) => typeof value === 'string' || name === 'vip_nodename'),
      'env is text',
    );
    const timers = ['vip_leaseduration', 'vip_renewdeadline', 'vip_retryperiod'].map((name) => env.get(name));
    const { durationSeconds, renewDeadlineSeconds, retryPeriodSeconds } = vip.lease;
    assert.deepEqual(timers, [durationSeconds, renewDeadlineSeconds, retryPeriodSeconds].map(String));
    assert.equal(env.get('address'), vip.address);
  });
  t.throws(() => kubeVipManifest(makeLab({ vip: 'haproxy' }), 'steady'), 'not with another provider');
  t.end();
});

void t.test('Vagrantfile: one definition for each machine with its own address', (t) => {
  holds(t, (lab) => {
    const text = vagrantfile(lab, boxName(lab, null));
    const all = (pattern: RegExp): readonly (string | undefined)[] =>
      [...text.matchAll(pattern)].map((m) => m[1]);
    assert.deepEqual(
      all(/define '(.*)' do/g),
      lab.machines.map(({ name }) => name),
    );
    assert.deepEqual(
      all(/^ {6}ip: '(.*)'/gm),
      lab.machines.map(({ address }) => address),
    );
    assert.deepEqual(
      all(/cpus = (\d+)/g).map(Number),
      lab.machines.map(({ cpus }) => cpus),
    );
    assert.deepEqual(
      all(/memory = (\d+)/g).map(Number),
      lab.machines.map(({ memoryMiB }) => memoryMiB),
    );
    assert.deepEqual(all(/\.driver = '(.*)'/g), lab.driver === 'auto' ? [] : [lab.driver]);
  });
  t.end();
});

void t.test(
  'the endpoint is somewhere: HAProxy knows every control plane, its machine carries the VIP',
  (t) => {
    holds(t, (lab) => {
      const vip = lab.vip?.provider === 'haproxy' ? [`${lab.vip.address}/32`] : [];
      for (const machine of lab.machines) {
        const carried = machine.role === 'load-balancer' ? vip : [];
        const commands = networkCommands(lab, machine).filter(([, object]) => object === 'address');
        assert.deepEqual(
          commands,
          carried.map((address) => ['ip', 'address', 'replace', address, 'dev', 'eth1']),
        );
        assert.deepEqual(
          [...networkdDropIn(lab, machine).matchAll(/^Address=(.*)$/gm)].map((m) => m[1]),
          carried,
        );
      }
      if (loadBalancers(lab).length === 0) return;
      const servers = [...haproxyConfig(lab).matchAll(/^ {2}server (\S+) (\S+)$/gm)].map((m) => [m[1], m[2]]);
      assert.deepEqual(
        servers,
        controlPlanes(lab).map(({ name, address }) => [name, `${address}:6443`]),
      );
    });
    t.end();
  },
);

void t.test('bridge: every node has a range of its own and a route to every other', (t) => {
  holds(t, (lab) => {
    const files = render(lab, 'cni');
    assert.equal(files.length > 0, lab.kubernetes.cni === 'bridge');
    const ranges = new Map(
      files.map((file) => [
        file.machine,
        at(JSON.parse(file.content), 'plugins', 0, 'ipam', 'ranges', 0, 0, 'subnet') as string,
      ]),
    );
    assert.equal(new Set(ranges.values()).size, files.length, 'no range twice');
    for (const machine of lab.machines) {
      const expected = new Map(
        lab.machines
          .filter(({ name }) => name !== machine.name && ranges.has(name) && ranges.has(machine.name))
          .map(({ name, address }) => [ranges.get(name), address]),
      );
      const routes = networkCommands(lab, machine).filter(([, object]) => object === 'route');
      assert.deepEqual(new Map(routes.map(([, , , to, , via]) => [to, via])), expected);
      const drop = networkdDropIn(lab, machine).matchAll(/Destination=(.*)\nGateway=(.*)/g);
      assert.deepEqual(new Map([...drop].map(([, to, via]) => [to, via])), expected);
    }
  });
  t.equal(subnetAt('10.62.0.0/20', 24, 15), '10.62.15.0/24');
  t.equal(subnetAt('10.244.128.0/17', 26, 5), '10.244.129.64/26');
  t.throws(() => subnetAt('10.62.0.0/20', 24, 16), 'the last range is the sixteenth');
  t.end();
});

void t.test('hosts: every machine by its lab address, the names of the API by the endpoint', (t) => {
  holds(t, (lab) => {
    const text = must(render(lab, 'hosts')[0], 'no hosts file').content;
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const byName = new Map(
      lines.flatMap((line) => {
        const [address, ...names] = line.split(' ');
        return names.filter((name) => !name.includes('localhost')).map((name) => [name, address] as const);
      }),
    );
    for (const { name, address } of lab.machines) assert.equal(byName.get(name), address);
    if (lab.apiName !== null) assert.equal(byName.get(lab.apiName), lab.endpoint.address);
    if (lab.endpoint.host !== lab.endpoint.address)
      assert.equal(byName.get(lab.endpoint.host), lab.endpoint.address);
  });
  t.end();
});

void t.test('add-ons ask for no more than the lab has', (t) => {
  holds(t, (lab) => {
    const values = new Map(
      addonReleases(lab).map((release) => [release.addon, parse(release.values) as Tree]),
    );
    assert.equal(values.has('longhorn'), lab.kubernetes.csi === 'longhorn');
    assert.equal(values.has('ingress-nginx'), lab.kubernetes.ingress === 'nginx');
    const nodes = controlPlanes(lab).length + workers(lab).length;
    const cilium = values.get('cilium');
    if (cilium !== undefined) {
      assert.equal(cilium['k8sServiceHost'], lab.vip?.address ?? lab.endpoint.address);
      assert.ok(Number(at(cilium, 'operator', 'replicas')) <= nodes);
    }
    const schedulable = workers(lab).length === 0 ? nodes : workers(lab).length;
    const longhorn = values.get('longhorn');
    if (longhorn !== undefined) {
      assert.equal(at(longhorn, 'persistence', 'defaultClassReplicaCount'), Math.min(3, schedulable));
    }
    assert.equal(render(lab, 'addons').length, lab.bundle === null ? values.size : 0);
  });
  t.end();
});

void t.test('the node image depends on versions and add-ons, not on a lab', (t) => {
  const lab = makeLab({ vip: 'kube-vip' });
  const name = nodeImageName(lab, null);
  t.equal(
    nodeImageName({ ...makeLab({ vip: 'kube-vip', workers: 1 }), name: 'other', timeScale: 10 }, null),
    name,
  );
  t.not(nodeImageName(makeLab({ vip: 'kube-vip', kubernetes: { version: 'v1.32.0' } }), null), name);
  t.not(nodeImageName(makeLab({ vip: 'kube-vip', kubernetes: { csi: 'none' } }), null), name);
  t.not(nodeImageName({ ...lab, image: { ...lab.image, checksum: `sha256:${'1'.repeat(64)}` } }, null), name);
  t.not(nodeImageName(lab, 'a'.repeat(64)), name, 'and on what a bundle holds');
  t.end();
});

void t.test('render: by name, one place for each file, and YAML that every reader reads alike', (t) => {
  holds(t, (lab) => {
    const files = render(lab);
    const places = files.map(outputPath);
    assert.equal(new Set(places).size, places.length, 'no two files in one place');
    assert.deepEqual(
      WHATS.flatMap((what) => render(lab, what)),
      files,
      'all is the sum of the names',
    );
    for (const file of files) {
      assert.doesNotMatch(file.content, /undefined|NaN|\[object/, `${file.path} has no hole`);
      assert.ok(file.content.endsWith('\n'), `${file.path} ends its last line`);
      if (!file.path.endsWith('.yaml')) continue;
      const read = (version: '1.1' | '1.2'): unknown =>
        parseAllDocuments(file.content, { version }).map((document) => document.toJS() as unknown);
      assert.deepEqual(read('1.1'), read('1.2'));
    }
  });
  t.end();
});
