/** What the libvirt provider asks of this computer, and what it makes of the answers. No machine is made here. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { resolve } from '../../lib/config/resolve.js';
import type { LabSpec } from '../../lib/model/lab.js';
import { checkHost } from '../../lib/provider/libvirt/host-check.js';
import { parseNetwork, parseRoutes } from '../../lib/provider/libvirt/host-facts-libvirt.js';
import {
  gatherHostFacts,
  type HostFacts,
  type HostProgramName,
} from '../../lib/provider/libvirt/host-facts.js';
import { problemsOf, type HostFinding } from '../../lib/provider/libvirt/host-finding.js';
import {
  hostPrograms,
  type HostProgramEnd,
  type RunHostProgram,
} from '../../lib/provider/libvirt/host-program.js';
import { runSector } from '../../lib/provider/libvirt/kvm.js';

const EMPTY = new Uint8Array();

function exited(code: number, stderr = ''): HostProgramEnd {
  return { kind: 'exited', code, signal: null, stdout: EMPTY, stderr: new TextEncoder().encode(stderr) };
}

t.test('KVM works when the guest switches itself off, and only then', async (t) => {
  const folder = t.testdir({});
  const asked: string[][] = [];
  const ending =
    (end: HostProgramEnd): RunHostProgram =>
    async ({ argv }) => {
      asked.push([...argv]);
      const drive = argv.at(-1) ?? '';
      const sector = readFileSync(/file=([^,]+)/.exec(drive)?.[1] ?? '');
      t.equal(sector.length, 512);
      t.strictSame([...sector.subarray(510)], [0x55, 0xaa], 'a BIOS would boot it');
      return end;
    };
  const state = async (end: HostProgramEnd): Promise<unknown> => runSector(ending(end), folder, 'kvm');
  t.strictSame(await state(exited(99)), { state: 'works', why: '' });
  t.strictSame(await state(exited(1, 'failed to initialize kvm\n')), {
    state: 'fails',
    why: 'failed to initialize kvm',
  });
  t.strictSame(await state({ kind: 'timedOut', stdout: EMPTY, stderr: EMPTY }), { state: 'hangs', why: '' });
  t.match(await state({ kind: 'missing', why: 'ENOENT' }), { state: 'no-qemu' });
  t.match(asked[0], ['qemu-system-x86_64', '-accel', 'kvm', '-cpu', 'host']);
  t.strictSame(readdirSync(folder), [], 'nothing stays');
});

const QEMU = 'qemu-system-x86_64';
const noQemu = spawnSync(QEMU, ['--version']).status === 0 ? false : `${QEMU} is not installed`;

t.test('the guest really switches itself off', { skip: noQemu }, async (t) => {
  const answer = await runSector(hostPrograms(process.env), t.testdir({}), 'tcg');
  t.equal(answer.state, 'works', answer.why);
});

/** A computer on which nothing is amiss for the lab `stage` of one machine. */
const GOOD: HostFacts = {
  platform: 'linux',
  programs: Object.fromEntries(
    [
      ...['vagrant', 'virsh', 'ssh', 'qemu-img', 'qemu-system-x86_64', 'dnsmasq', 'iptables'],
      ...['nft', 'packer', 'kubectl', 'haproxy'],
    ].map((name) => [name, { state: 'found', version: '1.0' }]),
  ) as HostFacts['programs'],
  plugin: { version: '0.11.2' },
  boxes: [{ name: 'debian12', version: '0' }],
  kvm: { state: 'works', why: '' },
  cpus: 8,
  memoryMiB: 65_536,
  freeMemoryMiB: 60_000,
  folderFreeMiB: 100_000,
  libvirt: {
    state: 'answers',
    uri: 'qemu:///system',
    routes: [{ cidr: '10.1.0.0/16', device: 'eth0' }],
    libvirt: '9.0.0',
    hypervisor: 'QEMU 7.2.22',
    pool: { state: 'active', folder: '/pool', freeMiB: 100_000, volumes: [] },
    networks: [],
    domains: [],
    begun: [],
  },
};

function labOf(vos = '', rest = ''): LabSpec {
  const text = `provider: libvirt\nk8s:\n  topology: k8s-single\nvos:\n  box: debian12\n${vos}${rest}`;
  const { spec, problems } = resolve({ text, file: 'c.yaml' });
  if (spec === null) throw new Error(problems.map((problem) => problem.message).join('\n'));
  return spec;
}

/** What is not all right, by code. */
function complaints(facts: HostFacts, lab = labOf()): Record<string, HostFinding> {
  const findings = checkHost(facts, lab, lab.box ?? 'homelab/node');
  return Object.fromEntries(
    findings.filter(({ severity }) => severity !== 'ok').map((finding) => [finding.code, finding]),
  );
}

function libvirt(change: object): HostFacts {
  return { ...GOOD, libvirt: { ...GOOD.libvirt, ...change } };
}

t.test('a good host has nothing to complain of', async (t) => {
  t.strictSame(complaints(GOOD), {});
  t.ok(checkHost(GOOD, labOf(), 'debian12').every(({ remedy }) => remedy === null));
});

t.test('programs, plugin and libvirt', async (t) => {
  const without = (name: HostProgramName): HostFacts => ({
    ...GOOD,
    programs: { ...GOOD.programs, [name]: { state: 'missing' } },
  });
  const severity = (name: HostProgramName, code: string = name): string | undefined =>
    complaints(without(name))[code]?.severity;
  t.equal(severity('vagrant'), 'error');
  t.equal(severity('virsh'), 'error');
  t.equal(severity('dnsmasq'), 'error');
  t.equal(severity('ssh'), 'warning');
  t.equal(severity('kubectl'), 'note');
  t.equal(severity('packer'), undefined, 'not needed with a box of the user');
  t.equal(severity('iptables'), undefined, 'nft does as well');
  t.match(complaints(without('vagrant'))['vagrant'], { remedy: /apt install vagrant/ });
  t.match(complaints({ ...GOOD, plugin: { version: null } }), {
    'vagrant-libvirt': { severity: 'error', remedy: /vagrant plugin install vagrant-libvirt/ },
  });
  const silent = (why: string): HostFacts => libvirt({ state: 'silent', why });
  t.match(complaints(silent('Permission denied'))['libvirt'], {
    severity: 'error',
    remedy: /usermod -aG libvirt/,
  });
  t.match(complaints(silent('Connection refused'))['libvirt'], { severity: 'error', remedy: /systemctl/ });
  t.match(complaints(libvirt({ uri: 'qemu+ssh://far/system' }))['libvirt-uri'], {
    severity: 'error',
    remedy: /unset LIBVIRT_DEFAULT_URI/,
  });
  t.match(complaints({ ...GOOD, platform: 'darwin' })['platform'], { severity: 'error' });
});

t.test('KVM stands in the way only of a lab that insists on it', async (t) => {
  const hangs: HostFacts = { ...GOOD, kvm: { state: 'hangs', why: '' } };
  t.match(complaints(hangs)['kvm'], { severity: 'warning', remedy: /--time-scale 10/ });
  t.match(complaints(hangs, labOf('  time_scale: 10\n'))['kvm'], {
    severity: 'warning',
    message: /allows for/,
  });
  t.match(complaints(hangs, labOf('  driver: kvm\n'))['kvm'], {
    severity: 'error',
    remedy: /vos.driver: auto/,
  });
  const chosen: HostFacts = { ...GOOD, kvm: null };
  t.strictSame(complaints(chosen, labOf('  driver: qemu\n  time_scale: 10\n')), {});
});

t.test('memory, processors and disk against the plan', async (t) => {
  const lab = labOf();
  const [machine] = lab.machines;
  const memory = (machine?.memoryMiB ?? 0) + 3072;
  t.match(complaints({ ...GOOD, memoryMiB: memory - 1 }, lab)['host-memory'], { severity: 'error' });
  t.strictSame(complaints({ ...GOOD, memoryMiB: memory }, lab), {}, 'it just fits');
  const slow: HostFacts = { ...GOOD, memoryMiB: memory, kvm: { state: 'hangs', why: '' } };
  t.match(complaints(slow, lab)['host-memory'], { severity: 'warning', message: /software emulation/ });
  t.match(complaints({ ...GOOD, freeMemoryMiB: 1000 }, lab)['free-memory'], { severity: 'warning' });
  t.match(complaints({ ...GOOD, cpus: 1 }, lab)['host-cpus'], { severity: 'warning' });
  const disk = (freeMiB: number): HostFacts =>
    libvirt({ pool: { state: 'active', folder: '/pool', freeMiB, volumes: [] } });
  t.match(complaints(disk(3000), lab)['disk'], { severity: 'warning' });
  t.match(complaints(disk(500), lab)['disk'], { severity: 'error', remedy: /vol-list/ });
});

t.test('names that somebody else has', async (t) => {
  const domain = { name: 'homelab_stage-cp-1', own: false };
  const foreign = complaints(libvirt({ domains: [domain] }));
  t.match(foreign['domains'], { severity: 'error', remedy: /--lab NAME.*virsh .* desc homelab_stage-cp-1/ });
  t.strictSame(complaints(libvirt({ domains: [{ ...domain, own: true }] })), {});
  const pool = { state: 'active', folder: '/p', freeMiB: 99_999, volumes: ['homelab_stage-cp-1.img'] };
  t.match(complaints(libvirt({ pool }))['volumes'], { severity: 'error', remedy: /vol-delete/ });
  t.strictSame(complaints(libvirt({ pool, begun: ['stage-cp-1'] })), {}, 'the rest of an interrupted up');
  const network = { name: 'homelab-stage', bridge: 'virbr7', cidrs: ['192.168.62.0/24'], own: false };
  t.match(complaints(libvirt({ networks: [network] }))['lab-network'], {
    severity: 'error',
    remedy: /net-dumpxml/,
  });
  const routes = [{ cidr: '192.168.62.0/24', device: 'virbr7' }];
  t.strictSame(complaints(libvirt({ networks: [{ ...network, own: true }], routes })), {}, 'its own, in use');
});

t.test('ranges that somebody else uses', async (t) => {
  const routed = (cidr: string): unknown =>
    complaints(libvirt({ routes: [{ cidr, device: 'tun0' }] }))['lab-network'];
  t.match(routed('192.168.62.128/25'), {
    severity: 'error',
    message: /tun0/,
    remedy: /--subnet 192.168.63.0\/24/,
  });
  t.match(routed('192.168.0.0/16'), { severity: 'warning', remedy: /--subnet 192.169.0.0\/24/ });
  const networks = [{ name: 'other', bridge: 'virbr9', cidrs: ['192.168.62.0/24'], own: false }];
  t.match(complaints(libvirt({ networks }))['lab-network'], { severity: 'error', message: /network other/ });
});

t.test('boxes', async (t) => {
  const own = complaints({ ...GOOD, boxes: [] });
  t.match(own['box'], { severity: 'error', remedy: /vagrant box add --provider libvirt --name debian12/ });
  const node = { ...labOf(), box: null };
  t.match(complaints(GOOD, node), { box: { severity: 'note', remedy: /homelab image build/ } });
  const noPacker = { ...GOOD, programs: { ...GOOD.programs, packer: { state: 'missing' } } } as HostFacts;
  t.match(complaints(noPacker, node)['packer'], { severity: 'error' }, 'now it is needed');
  t.match(complaints({ ...GOOD, folderFreeMiB: 100 }, node)['image-disk'], { severity: 'warning' });
  const catalogued = { ...labOf(), box: 'debian/bookworm64' };
  t.match(complaints(GOOD, catalogued)['box'], { severity: 'note', remedy: /vagrant box add/ });
});

t.test('what programs print becomes facts', async (t) => {
  const routes = JSON.stringify([
    { dst: 'default', gateway: '192.0.2.1', dev: 'eth0' },
    { dst: '192.0.2.0/24', dev: 'eth0' },
    { dst: '10.9.9.9', dev: 'wg0' },
  ]);
  t.strictSame(parseRoutes(routes), [
    { cidr: '192.0.2.0/24', device: 'eth0' },
    { cidr: '10.9.9.9/32', device: 'wg0' },
  ]);
  const xml = `<network><name>n</name><bridge name='virbr1' stp='on' delay='0'/>
    <ip address='10.0.0.1' netmask='255.255.240.0'/><ip family='ipv6' address='fd00::1' prefix='64'/>
    <ip address='10.1.0.1' prefix='24'/></network>`;
  t.strictSame(parseNetwork('n', xml, '/lab'), {
    name: 'n',
    bridge: 'virbr1',
    cidrs: ['10.0.0.0/20', '10.1.0.0/24'],
    own: false,
  });
});

t.test('facts of this computer are gathered whatever is installed', async (t) => {
  const run: RunHostProgram = async ({ argv }) =>
    argv[0] === 'ip' ? exited(1, 'no\n') : { kind: 'missing', why: 'ENOENT' };
  const folder = join(t.testdir({}), 'not', 'there');
  const asked = { run, env: {}, lab: labOf(), folder, begun: [], kvm: null } as const;
  const facts = await gatherHostFacts({ ...asked, depth: 'all' });
  t.match(facts, {
    programs: { vagrant: { state: 'missing' } },
    plugin: { why: /not on PATH/ },
    boxes: null,
    libvirt: { state: 'silent', uri: 'qemu:///system', routes: null },
  });
  t.ok(facts.memoryMiB > 0 && facts.cpus > 0 && facts.folderFreeMiB > 0);
  t.equal(
    problemsOf(checkHost(facts, labOf(), 'debian12')).some(({ code }) => code === 'vagrant'),
    true,
  );
});

t.test('what every `up` waits for is what could block it', async (t) => {
  const asked: string[] = [];
  const run: RunHostProgram = async ({ argv }) => {
    asked.push(argv.join(' '));
    return { kind: 'missing', why: 'ENOENT' };
  };
  const folder = t.testdir({
    'plugins.json': '{"installed": {"vagrant-libvirt": {"gem_version": "0.12.2"}}}',
  });
  const questions = { run, lab: labOf(), folder, begun: [], kvm: null, depth: 'what-blocks' } as const;
  const { plugin, programs } = await gatherHostFacts({ ...questions, env: { VAGRANT_HOME: folder } });
  t.strictSame(plugin, { version: '' });
  t.strictSame(programs.kubectl, { state: 'unasked' });
  t.notOk(asked.some((line) => /plugin|kubectl|haproxy/.test(line)));
});
