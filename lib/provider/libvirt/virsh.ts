/**
 * libvirt through its command line: what Vagrant cannot do, and what must be asked of libvirt itself. Says
 * nothing of whose a domain or network is; ownership.ts judges that.
 */
import { UserError } from '../../base/errors.js';
import type { RunHostProgram } from './host-program.js';

/** As `virsh list` says it, without a domain that waits or runs being told apart. */
export type DomainState = 'running' | 'paused' | 'shutting-down' | 'off';

export interface Domain {
  readonly name: string;
  readonly state: DomainState;
}

export interface DomainDetails {
  readonly uuid: string;
  readonly description: string;
  /** Its network cards in order. */
  readonly cards: readonly { readonly network: string; readonly mac: string }[];
}

export interface Network {
  readonly name: string;
  readonly active: boolean;
}

/** vagrant-libvirt's pool, in which volumes of every lab and of other users lie. */
export const POOL = 'default';

const TIMEOUT_MS = 60_000;

export class Virsh {
  readonly #run: RunHostProgram;
  readonly #uri: string;

  constructor(run: RunHostProgram, uri: string) {
    this.#run = run;
    this.#uri = uri;
  }

  /** All of the host, whoever made them. */
  async domains(): Promise<readonly Domain[]> {
    return parseTable(await this.#ask(['list', '--all'])).map(([, name = '', ...state]) => ({
      name,
      state: domainState(state.join(' ')),
    }));
  }

  async details(domain: string): Promise<DomainDetails> {
    return parseDomain(await this.#ask(['dumpxml', domain]));
  }

  async start(domain: string): Promise<void> {
    await this.#ask(['start', domain]);
  }

  /** Pulls the plug; the disk stays. */
  async cut(domain: string): Promise<void> {
    await this.#ask(['destroy', domain]);
  }

  async suspend(domain: string): Promise<void> {
    await this.#ask(['suspend', domain]);
  }

  async resume(domain: string): Promise<void> {
    await this.#ask(['resume', domain]);
  }

  /** Forgets a domain that is off, with all that libvirt keeps of it but its disks. */
  async undefine(domain: string): Promise<void> {
    await this.#ask(['undefine', domain, '--managed-save', '--snapshots-metadata', '--nvram']);
  }

  /** For the domain as it runs, and for its next start: a pulled cable stays pulled through a power cut. */
  async setLink(domain: string, mac: string, state: 'up' | 'down', running: boolean): Promise<void> {
    if (running) await this.#ask(['domif-setlink', domain, mac, state]);
    await this.#ask(['domif-setlink', domain, mac, state, '--config']);
  }

  async networks(): Promise<readonly Network[]> {
    return parseTable(await this.#ask(['net-list', '--all'])).map(([name = '', state]) => ({
      name,
      active: state === 'active',
    }));
  }

  networkXml(name: string): Promise<string> {
    return this.#ask(['net-dumpxml', name]);
  }

  async defineNetwork(xmlFile: string): Promise<void> {
    await this.#ask(['net-define', xmlFile]);
  }

  async startNetwork(name: string): Promise<void> {
    await this.#ask(['net-start', name]);
  }

  async stopNetwork(name: string): Promise<void> {
    await this.#ask(['net-destroy', name]);
  }

  async undefineNetwork(name: string): Promise<void> {
    await this.#ask(['net-undefine', name]);
  }

  /** Hardware addresses that hold a DHCP lease of the network. */
  async leases(network: string): Promise<readonly string[]> {
    const text = await this.#ask(['net-dhcp-leases', network]);
    return [...text.matchAll(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g)].map(([mac]) => mac);
  }

  /** Names of the volumes in vagrant-libvirt's pool; none when nobody has made the pool yet. */
  async volumes(): Promise<readonly string[]> {
    const pools = parseTable(await this.#ask(['pool-list', '--all']));
    const pool = pools.find(([name]) => name === POOL);
    if (pool === undefined || pool[1] !== 'active') return [];
    // Without this libvirt does not know of a volume whose maker was killed before libvirt was told.
    await this.#ask(['pool-refresh', POOL]);
    return parseTable(await this.#ask(['vol-list', POOL])).map(([name = '']) => name);
  }

  /** Bytes that the volume's file holds. */
  async volumeBytes(volume: string): Promise<number> {
    const text = await this.#ask(['vol-info', volume, '--pool', POOL, '--bytes', '--physical']);
    return Number(/^Physical:\s+(\d+)/m.exec(text)?.[1] ?? NaN);
  }

  /** The last name of the file that this volume is a layer upon; null when it stands alone or is not there. */
  async backingFile(volume: string): Promise<string | null> {
    if (!(await this.volumes()).includes(volume)) return null;
    const xml = await this.#ask(['vol-dumpxml', volume, '--pool', POOL]);
    const path = /<backingStore>\s*<path>([^<]*)<\/path>/.exec(xml)?.[1];
    return path?.split('/').at(-1) ?? null;
  }

  async deleteVolume(volume: string): Promise<void> {
    await this.#ask(['vol-delete', volume, '--pool', POOL]);
  }

  async #ask(args: readonly string[]): Promise<string> {
    const end = await this.#run({ argv: ['virsh', '-q', '-c', this.#uri, ...args], timeoutMs: TIMEOUT_MS });
    if (end.kind === 'missing') {
      throw new UserError({
        code: 'program-missing',
        message: `virsh does not run: ${end.why}`,
        remedy: 'Install it; `homelab doctor --provider libvirt` says how.',
      });
    }
    const decoder = new TextDecoder();
    if (end.kind === 'exited' && end.code === 0) return decoder.decode(end.stdout);
    const said = decoder
      .decode(end.stderr)
      .trim()
      .replace(/^error: /gm, '');
    throw new UserError({
      code: 'virsh-failed',
      message: `virsh ${args.join(' ')}: ${end.kind === 'exited' ? said : 'it did not answer in a minute'}`,
      remedy: 'See what is wrong with libvirt: homelab doctor --provider libvirt',
    });
  }
}

/** Rows of a table that `virsh -q` prints, split at white space; the dashes of an empty column are kept. */
export function parseTable(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('---'))
    .map((line) => line.split(/\s+/));
}

/** `crashed` and `shut off` have no memory left; what sleeps (`pmsuspended`) answers nothing, as what is paused. */
function domainState(text: string): DomainState {
  switch (text) {
    case 'running':
    case 'idle':
    case 'blocked':
      return 'running';
    case 'paused':
    case 'pmsuspended':
      return 'paused';
    case 'in shutdown':
      return 'shutting-down';
    default:
      return 'off';
  }
}

/** libvirt writes its XML itself, always in the same shape; nothing of a user's own is in what is read here. */
export function parseDomain(xml: string): DomainDetails {
  const cards = [...xml.matchAll(/<interface [^>]*>(.*?)<\/interface>/gs)].map(([, card = '']) => ({
    network: unescapeXml(/<source [^>]*network='([^']*)'/.exec(card)?.[1] ?? ''),
    mac: /<mac address='([^']*)'/.exec(card)?.[1] ?? '',
  }));
  return {
    uuid: /<uuid>([^<]*)<\/uuid>/.exec(xml)?.[1] ?? '',
    description: unescapeXml(/<description>([^<]*)<\/description>/.exec(xml)?.[1] ?? ''),
    cards,
  };
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.codePointAt(0) ?? 0};`);
}

export function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi,
    (all, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      return named[name ?? ''] ?? all;
    },
  );
}
