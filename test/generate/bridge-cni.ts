/**
 * The `bridge` CNI with the real plugins, on two nodes made of network namespaces: the generated configuration and the
 * generated routes must carry packets from pod to pod. Needs root and containernetworking-plugins, and says so.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bridgeConflist, podCidr } from '../../lib/generate/bridge.js';
import { networkCommands } from '../../lib/generate/network.js';
import { cniPluginNames } from '../../lib/bundle/needs.js';
import type { LabSpec, MachineSpec } from '../../lib/model/lab.js';
import { makeLab } from '../helpers/labs.js';

const FOLDERS = ['/opt/cni/bin', '/usr/lib/cni'];
const LAB = makeLab({
  ...{ controlPlanes: 1, workers: 1 },
  kubernetes: { cni: 'bridge', csi: 'none', ingress: 'none' },
});

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(argv: readonly string[], input = '', env: Readonly<Record<string, string>> = {}): Outcome {
  const [program = '', ...args] = argv;
  const options = { input, encoding: 'utf8', timeout: 30_000, env: { ...process.env, ...env } } as const;
  const { status, stdout, stderr } = spawnSync(program, args, options);
  return { code: status, stdout, stderr };
}

function mustRun(argv: readonly string[], input = '', env: Readonly<Record<string, string>> = {}): string {
  const ran = run(argv, input, env);
  if (ran.code === 0) return ran.stdout;
  throw new Error(`${argv.join(' ')}: ${ran.stdout}${ran.stderr}`);
}

const inside = (namespace: string, argv: readonly string[]): readonly string[] => [
  ...['ip', 'netns', 'exec', namespace],
  ...argv,
];

function plugins(): string | undefined {
  return FOLDERS.find((folder) => cniPluginNames(LAB).every((name) => existsSync(join(folder, name))));
}

/** What `skip` wants: false when everything is here, else the reason. */
function missing(): string | false {
  if (process.getuid?.() !== 0) return 'this is not root';
  if (plugins() === undefined) return `no CNI plugins in ${FOLDERS.join(' or ')}`;
  const name = `homelab-try-${process.pid}`;
  const added = run(['ip', 'netns', 'add', name]);
  run(['ip', 'netns', 'delete', name]);
  return added.code === 0 ? false : 'network namespaces cannot be made here';
}

/** A node: a namespace with the lab's interface, and one pod on it. */
class Node {
  readonly name: string;
  readonly pod: string;
  readonly machine: MachineSpec;
  readonly #state: string;

  constructor(machine: MachineSpec, state: string) {
    this.machine = machine;
    this.name = `homelab-${process.pid}-${machine.role}`;
    this.pod = `${this.name}-pod`;
    this.#state = state;
    mustRun(['ip', 'netns', 'add', this.name]);
    mustRun(['ip', 'netns', 'add', this.pod]);
  }

  /** The lab's network is one cable between the two nodes. */
  plug(lab: LabSpec, device: string): void {
    const { interface: name, prefixLength } = lab.network;
    mustRun(['ip', 'link', 'set', device, 'netns', this.name, 'name', name]);
    const address = `${this.machine.address}/${prefixLength}`;
    mustRun(inside(this.name, ['ip', 'address', 'add', address, 'dev', name]));
    for (const one of ['lo', name]) mustRun(inside(this.name, ['ip', 'link', 'set', one, 'up']));
    for (const argv of networkCommands(lab, this.machine)) mustRun(inside(this.name, argv));
  }

  /** As containerd does: loopback, then every plugin of the list, each with the result of the one before. */
  add(lab: LabSpec, hostPort: number): string {
    this.#call('ADD', { cniVersion: '1.0.0', name: 'lo', type: 'loopback' }, 'lo');
    let result: unknown = undefined;
    for (const config of this.#configs(lab, hostPort)) {
      result = JSON.parse(this.#call('ADD', { ...config, prevResult: result })) as unknown;
    }
    const { ips } = result as { readonly ips: readonly { readonly address: string }[] };
    return ips[0]?.address.split('/')[0] ?? '';
  }

  remove(lab: LabSpec, hostPort: number): void {
    for (const config of [...this.#configs(lab, hostPort)].reverse()) this.#call('DEL', config);
  }

  #configs(lab: LabSpec, hostPort: number): readonly object[] {
    const { cniVersion, name, plugins } = JSON.parse(bridgeConflist(lab, this.machine)) as Conflist;
    return plugins.map((plugin) => ({
      ...{ cniVersion, name, ...plugin },
      // The only thing that is not as on a node: host-local's memory must not meet that of this computer.
      ...(plugin.ipam === undefined ? {} : { ipam: { ...plugin.ipam, dataDir: this.#state } }),
      ...(plugin.capabilities?.portMappings === true
        ? { runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] } }
        : {}),
    }));
  }

  #call(command: 'ADD' | 'DEL', config: object, device = 'eth0'): string {
    const folder = plugins() ?? '';
    const { type } = config as { readonly type: string };
    return mustRun(inside(this.name, [join(folder, type)]), JSON.stringify(config), {
      ...{ CNI_COMMAND: command, CNI_CONTAINERID: this.pod, CNI_IFNAME: device, CNI_PATH: folder },
      CNI_NETNS: `/var/run/netns/${this.pod}`,
    });
  }
}

interface Conflist {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly {
    readonly type: string;
    readonly ipam?: object;
    readonly capabilities?: { readonly portMappings?: boolean };
  }[];
}

function pings(from: string, address: string): boolean {
  return run(inside(from, ['ping', '-c', '2', '-i', '0.2', '-W', '2', address])).code === 0;
}

/** A program in a pod that tells everyone who connects to port 80 by which address it sees them. */
async function serve(pod: string): Promise<ChildProcess> {
  const code = [
    `require('net').createServer((one) => one.end(one.remoteAddress))`,
    `.listen(80, '0.0.0.0', () => console.log('up'))`,
  ].join('');
  const [program = '', ...args] = inside(pod, [process.execPath, '-e', code]);
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => server.stdout.once('data', resolve));
  return server;
}

function ask(from: string, address: string, port: number): Outcome {
  const code = [
    `const socket = require('net').connect(${port}, '${address}')`,
    `socket.setTimeout(5000, () => socket.destroy(new Error('silence')))`,
    'socket.pipe(process.stdout)',
  ].join(';');
  return run(inside(from, [process.execPath, '-e', code]));
}

t.test(
  'pods of two nodes reach each other through the generated configuration',
  { skip: missing() },
  async (t) => {
    const [first, second] = LAB.machines;
    if (first === undefined || second === undefined) throw new Error('the lab has two machines');
    const a = new Node(first, t.testdir({ a: {}, b: {} }) + '/a');
    const b = new Node(second, t.testdirName + '/b');
    t.teardown(() => {
      for (const name of [a.pod, b.pod, a.name, b.name]) run(['ip', 'netns', 'delete', name]);
    });
    const cable = [`hl${process.pid}a`, `hl${process.pid}b`] as const;
    mustRun(['ip', 'link', 'add', cable[0], 'type', 'veth', 'peer', 'name', cable[1]]);
    a.plug(LAB, cable[0]);
    b.plug(LAB, cable[1]);
    t.ok(pings(a.name, second.address), 'the nodes see each other');

    const podA = a.add(LAB, 8080);
    const podB = b.add(LAB, 8080);
    t.ok(podA.startsWith(podCidr(LAB, first).replace(/\.0\/24$/, '.')), `${podA} is of its node's range`);
    t.ok(podB.startsWith(podCidr(LAB, second).replace(/\.0\/24$/, '.')), `${podB} is of its node's range`);
    t.ok(pings(a.pod, '127.0.0.1'), 'a pod has a loopback');
    t.ok(pings(a.pod, podB) && pings(b.pod, podA), 'pod to pod, both ways');
    t.ok(pings(a.name, podB) && pings(b.name, podA), 'node to pod, as the API server reaches webhooks');
    t.ok(pings(a.pod, second.address), 'pod to node');

    const server = await serve(a.pod);
    t.teardown(() => server.kill());
    t.strictSame(
      ask(b.pod, podA, 80).stdout,
      second.address,
      'another pod comes under the address of its node',
    );
    t.strictSame(ask(b.name, first.address, 8080).code, 0, 'a host port leads to the pod');
    t.not(ask(b.name, first.address, 8081).code, 0, 'and no other port does');
    t.strictSame(ask(a.pod, first.address, 8080).code, 0, 'also from the pod itself, through its hairpin');

    for (const { destination } of [{ destination: podCidr(LAB, second) }])
      mustRun(inside(a.name, ['ip', 'route', 'delete', destination]));
    t.notOk(pings(a.pod, podB), 'without the route there is no way');

    a.remove(LAB, 8080);
    t.notOk(pings(b.pod, podA), 'a removed pod is gone');
    t.notMatch(
      mustRun(inside(a.name, ['iptables', '-t', 'nat', '-S'])),
      /8080|CNI-[0-9a-f]{24}/,
      'with its rules',
    );
  },
);
