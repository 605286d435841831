/**
 * A node image built for real by Packer upon the tests' box and without a network, and a machine made from it: all of
 * it but Kubernetes, whose programs in the bundle only tell their version.
 */
import { join } from 'node:path';
import t from 'tap';
import { boxNames, sha256Of, boxImage, vagrantKeyFile } from './helpers/box.js';
import { makeLabOf, notPrepared } from './helpers/lab.js';
import { virsh } from './helpers/programs.js';
import { type } from './helpers/show.js';
import { imageNames, writeStubBundle } from './helpers/stub-bundle.js';

t.setTimeout(60 * 60_000);

const VERSION = 'v1.31.4';
const NAME = 'ti';

function configuration(): string {
  const box = boxImage(process.env['HOMELAB_TEST_BOX'] ?? '');
  return [
    ...[`name: ${NAME}`, 'provider: libvirt', 'bundle: ./bundle', 'k8s:', '  topology: k8s-single'],
    ...[`  version: ${VERSION}`, '  cni: bridge', '  csi: none', '  ingress: none'],
    ...['  control_planes: { count: 1, cpus: 2, memory: 1700MiB }'],
    ...['vos:', '  subnet: 192.168.88', '  time_scale: 10'],
    ...['image:', `  base: ${box}`, `  checksum: sha256:${sha256Of(box)}`],
    ...['  ssh_user: vagrant', `  ssh_key: ${vagrantKeyFile()}`, ''],
  ].join('\n');
}

void t.test(
  'Packer builds a node image, and a machine is made from it',
  { skip: notPrepared() },
  async (t) => {
    const lab = makeLabOf(t, NAME, configuration());
    writeStubBundle(join(lab.folder, 'bundle'), VERSION);
    await type(t, lab, 'bundle index bundle --architecture amd64', 0);
    await type(t, lab, 'bundle verify bundle', 0);
    const built = JSON.parse((await type(t, lab, 'image build -o json', 0)).stdout) as { image: string };
    t.ok(boxNames().includes(built.image), 'Vagrant has it');
    const again = await type(t, lab, 'image build -o json', 0);
    t.match(JSON.parse(again.stdout), { image: built.image, changed: false }, 'and it is not built again');

    const up = await type(t, lab, 'up --until prepare -o json', 0);
    t.match(JSON.parse(up.stdout), { outcome: 'partial' });
    const shows = async (command: string, wanted: RegExp | string): Promise<void> => {
      const { stdout } = await lab.homelab(`exec ${NAME}-cp-1 -- ${command}`);
      t.match(stdout, wanted, command);
    };
    await shows('systemctl is-active containerd', /^active/);
    await shows('cat /etc/containerd/config.toml', /SystemdCgroup = true/);
    for (const name of imageNames(VERSION)) await shows('ctr -n k8s.io images list -q', name);
    await shows('ls /opt/cni/bin', /bridge\nloopback|bridge[^]*loopback/);
    await shows('sysctl -n net.ipv4.ip_forward', /^1$/m);
    await shows('swapon --show', /^$/);
    await shows('kubeadm version -o short', VERSION);

    await type(t, lab, 'destroy -y', 0);
    t.strictSame(lab.leftovers(), []);
    await type(t, lab, `image remove ${built.image}`, 0);
    t.notOk(boxNames().includes(built.image), 'the image is gone');
    const volume = built.image.replaceAll('/', '-VAGRANTSLASH-');
    t.notOk(
      virsh('vol-list', 'default').stdout.includes(volume),
      'and so is the volume that disks are built upon',
    );
  },
);
