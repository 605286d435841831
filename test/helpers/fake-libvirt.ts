/**
 * The programs of a workstation with libvirt and Vagrant, as far as the provider asks them: virsh answers from a
 * few maps, `vagrant up` makes what the real one leaves behind, in the same order, and stops where a test says.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { escapeXml } from '../../lib/provider/libvirt/virsh.js';
import type { HostProgram, HostProgramEnd, RunHostProgram } from '../../lib/provider/libvirt/host-program.js';

export interface FakeDomain {
  state: string;
  readonly uuid: string;
  readonly description: string;
}

/**
 * Where a `vagrant up` of a machine stops: after its volume, after its domain, before or after its whole set-up.
 */
export type Stop = 'volume' | 'domain' | 'boot' | null;

export class FakeLibvirt {
  readonly domains = new Map<string, FakeDomain>();
  readonly networks = new Map<string, { active: boolean; xml: string }>();
  readonly volumes = new Map<string, number>();
  /** Every call as one line, in order. */
  readonly calls: string[] = [];
  /** By machine, where the next `vagrant up` stops. */
  readonly stops = new Map<string, Stop>();
  /** What `vagrant up` says when it stopped. */
  upError = '';
  #uuids = 0;

  readonly run: RunHostProgram = async (program) => {
    const [name = '', ...args] = program.argv;
    this.calls.push(program.argv.filter((word) => !['-q', '-c', 'test:///'].includes(word)).join(' '));
    program.onStart?.(2 ** 22 + 1); // No process has so large a number: it is gone when it is looked for.
    if (name === 'virsh') return this.#virsh(args.slice(3));
    if (name === 'vagrant') return this.#vagrant(args.slice(1), program);
    return { kind: 'missing', why: `no ${name}` };
  };

  /** Calls that begin with these words. */
  called(words: string): readonly string[] {
    return this.calls.filter((call) => call.startsWith(words));
  }

  addDomain(machine: string, description: string, state = 'running'): string {
    this.#uuids += 1;
    const uuid = `uuid-${this.#uuids}`;
    this.domains.set(`homelab_${machine}`, { state, uuid, description });
    return uuid;
  }

  #virsh([verb = '', ...args]: readonly string[]): HostProgramEnd {
    const [name = ''] = args;
    const domain = this.domains.get(name);
    const network = this.networks.get(name);
    switch (verb) {
      case 'list':
        return said([...this.domains].map(([domain, { state }]) => ` -   ${domain}   ${state}`));
      case 'dumpxml':
        return domain === undefined ? failed(`no domain ${name}`) : said(domainXml(domain));
      case 'start':
      case 'resume':
        return this.#turn(domain, 'running');
      case 'destroy':
        return this.#turn(domain, 'shut off');
      case 'suspend':
        return this.#turn(domain, 'paused');
      case 'undefine':
        return this.domains.delete(name) ? said([]) : failed('no such domain');
      case 'net-list':
        return said(
          [...this.networks].map(([net, { active }]) => ` ${net} ${active ? 'active' : 'inactive'} no yes`),
        );
      case 'net-dumpxml':
        return said([network?.xml ?? '']);
      case 'net-define': {
        const xml = readFileSync(name, 'utf8');
        this.networks.set(/<name>([^<]*)/.exec(xml)?.[1] ?? '', { active: false, xml });
        return said([]);
      }
      case 'net-start':
      case 'net-destroy':
        if (network === undefined) return failed('no such network');
        network.active = verb === 'net-start';
        return said([]);
      case 'net-undefine':
        return this.networks.delete(name) ? said([]) : failed('no such network');
      case 'net-dhcp-leases':
      case 'pool-refresh':
      case 'domif-setlink':
        return said([]);
      case 'pool-list':
        return said([' default   active   yes']);
      case 'vol-list':
        return said([...this.volumes.keys()].map((volume) => ` ${volume}   /pool/${volume}`));
      case 'vol-info':
        return said([`Name: ${name}`, `Physical:       ${this.volumes.get(name) ?? 0} bytes`]);
      case 'vol-delete':
        return this.volumes.delete(name) ? said([]) : failed('no such volume');
      default:
        return failed(`unknown verb ${verb}`);
    }
  }

  #turn(domain: FakeDomain | undefined, state: string): HostProgramEnd {
    if (domain === undefined) return failed('no such domain');
    domain.state = state;
    return said([]);
  }

  #vagrant([verb = '', ...args]: readonly string[], { cwd = '', onLine }: HostProgram): HostProgramEnd {
    const names = args.filter((word) => !word.startsWith('--'));
    switch (verb) {
      case 'up': {
        const stopped = names.filter((name) => this.#up(name, cwd));
        if (stopped.length === 0) return said([]);
        onLine?.(`1,,error-exit,Vagrant::Errors::BatchMultiError,${this.upError}`, 'stdout');
        return failed('');
      }
      case 'destroy':
        for (const name of names) this.#destroy(name, cwd);
        return said([]);
      case 'halt':
        for (const name of names) this.#turn(this.domains.get(`homelab_${name}`), 'shut off');
        return said([]);
      case 'ssh-config':
        return said(names.map((name) => `1,${name},ssh-config,Host ${name}\\n  HostName 192.0.2.1\\n`));
      default:
        return failed(`unknown command ${verb}`);
    }
  }

  /** True when it stopped half-way. */
  #up(name: string, folder: string): boolean {
    const stop = this.stops.get(name) ?? null;
    this.stops.delete(name);
    this.volumes.set(`homelab_${name}.img`, 1);
    if (stop === 'volume') return true;
    const uuid = this.addDomain(name, `Source: ${join(folder, 'Vagrantfile')}`);
    if (stop === 'domain') return true;
    const machine = machineFolder(folder, name);
    mkdirSync(machine, { recursive: true });
    writeFileSync(join(machine, 'id'), uuid);
    if (stop === 'boot') return true;
    writeFileSync(join(machine, 'action_provision'), `1.5:${uuid}`);
    return false;
  }

  /** Only what Vagrant has an id of, as the real one. */
  #destroy(name: string, folder: string): void {
    if (!existsSync(join(machineFolder(folder, name), 'id'))) return;
    this.domains.delete(`homelab_${name}`);
    this.volumes.delete(`homelab_${name}.img`);
    rmSync(machineFolder(folder, name), { recursive: true });
  }
}

function machineFolder(folder: string, name: string): string {
  return join(folder, '.vagrant', 'machines', name, 'libvirt');
}

function domainXml({ uuid, description }: FakeDomain): readonly string[] {
  return [
    "<domain type='qemu'>",
    `  <uuid>${uuid}</uuid>`,
    `  <description>${escapeXml(description)}</description>`,
    '  <devices>',
    "    <interface type='network'>",
    "      <mac address='52:54:00:00:00:01'/>",
    "      <source network='homelab-stage-mgmt' portid='x' bridge='virbr1'/>",
    '    </interface>',
    "    <interface type='network'>",
    "      <mac address='52:54:00:00:00:02'/>",
    "      <source network='homelab-stage' portid='y' bridge='virbr2'/>",
    '    </interface>',
    '  </devices>',
    '</domain>',
  ];
}

function said(lines: readonly string[]): HostProgramEnd {
  const stdout = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''));
  return { kind: 'exited', code: 0, signal: null, stdout, stderr: new Uint8Array() };
}

function failed(message: string): HostProgramEnd {
  const stderr = new TextEncoder().encode(`error: ${message}\n`);
  return { kind: 'exited', code: 1, signal: null, stdout: new Uint8Array(), stderr };
}
