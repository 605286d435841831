/**
 * What this computer is like, as plain data, for host-check.ts to judge: programs, Vagrant's plugin and boxes, KVM,
 * memory, disk. What libvirt knows is asked in host-facts-libvirt.ts. Changes nothing; whatever a program does is an
 * answer.
 */
import { existsSync, readFileSync, realpathSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, platform, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import type { LabSpec } from '../../model/lab.js';
import { gatherLibvirtFacts, type LibvirtFacts } from './host-facts-libvirt.js';
import type { RunHostProgram } from './host-program.js';
import type { KvmAnswer } from './kvm.js';
import { libvirtBoxes, vagrantHome, type Env, type LibvirtBox } from './vagrant-boxes.js';

export type ProgramFact =
  /** `version` is the first line with a number in it. */
  | { readonly state: 'found'; readonly version: string }
  | { readonly state: 'missing' }
  /** Nothing depends on it now. */
  | { readonly state: 'unasked' }
  | { readonly state: 'broken'; readonly why: string };

export type HostProgramName = keyof typeof VERSION_OPTIONS;

/** How each program is asked for its version. */
const VERSION_OPTIONS = {
  vagrant: '--version',
  virsh: '--version',
  ssh: '-V',
  'qemu-img': '--version',
  'qemu-system-x86_64': '--version',
  dnsmasq: '--version',
  iptables: '--version',
  nft: '--version',
  packer: '--version',
  kubectl: 'version --client',
  haproxy: '-v',
} as const;

export interface HostFacts {
  readonly platform: string;
  readonly programs: Readonly<Record<HostProgramName, ProgramFact>>;
  /**
   * Version of the plugin vagrant-libvirt (empty when only its presence was asked), null when Vagrant does not have it,
   * or why that is not known.
   */
  readonly plugin: { readonly version: string | null } | { readonly why: string };
  /** Vagrant's boxes for libvirt; null where Vagrant does not run. */
  readonly boxes: readonly Pick<LibvirtBox, 'name' | 'version'>[] | null;
  /** Null when the lab does not want it, such as with `vos.driver: qemu`. */
  readonly kvm: KvmAnswer | null;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** What programs may still take without swapping. */
  readonly freeMemoryMiB: number;
  /** Free on the disk of the lab's folder, where a node image is built. */
  readonly folderFreeMiB: number;
  readonly libvirt: LibvirtFacts;
}

export interface HostQuestions {
  readonly run: RunHostProgram;
  readonly env: Env;
  readonly lab: LabSpec;
  /** The lab's folder, which need not be there. */
  readonly folder: string;
  /** Machines that the lab's own record says it has begun to make. */
  readonly begun: readonly string[];
  /** Null when the lab does not want it. */
  readonly kvm: KvmAnswer | null;
  /** `what-blocks` leaves out what is only good to know, because every `up` waits for the answers. */
  readonly depth: 'all' | 'what-blocks';
  readonly signal?: AbortSignal;
}

/** Without them nothing is amiss. */
const CONVENIENCES: readonly HostProgramName[] = ['kubectl', 'haproxy'];
/** Vagrant takes seconds to start on a slow disk, and several programs start at once. */
const TIMEOUT_MS = 60_000;
/** Programs that run at the same time. */
const AT_ONCE = 4;
const MIB = 1_048_576;

export type Ask = (argv: readonly string[]) => Promise<Answer>;
export type Answer =
  | { readonly state: 'answered'; readonly stdout: string; readonly stderr: string }
  | { readonly state: 'missing' }
  /** `why` is one line. */
  | { readonly state: 'broken'; readonly why: string };

export async function gatherHostFacts(questions: HostQuestions): Promise<HostFacts> {
  // Vagrant writes the path without symbolic links into its domains, by which they are known again.
  const folder = existsSync(questions.folder) ? realpathSync(questions.folder) : questions.folder;
  const ask = asker(questions);
  const names = Object.keys(VERSION_OPTIONS) as HostProgramName[];
  // Vagrant is asked first: it is the slowest by far, and the others are done while it starts.
  const [plugin, programs, libvirt] = await Promise.all([
    questions.depth === 'what-blocks' && hasPlugin(questions.env) ? { version: '' } : askPlugin(ask),
    Promise.all(
      names.map(async (name) => {
        const isAsked = questions.depth === 'all' || !CONVENIENCES.includes(name);
        return [name, isAsked ? await askVersion(ask, name) : UNASKED] as const;
      }),
    ),
    gatherLibvirtFacts(ask, { ...questions, folder }),
  ]);
  return {
    platform: platform(),
    programs: Object.fromEntries(programs) as Record<HostProgramName, ProgramFact>,
    ...{ plugin, libvirt },
    boxes: 'why' in plugin ? null : libvirtBoxes(questions.env),
    kvm: questions.kvm,
    cpus: availableParallelism(),
    memoryMiB: Math.round(totalmem() / MIB),
    freeMemoryMiB: Math.round(freemem() / MIB),
    folderFreeMiB: freeMiB(folder),
  };
}

/** Programs speak English to us, and Vagrant does not ask the internet for news. */
function asker({ run, env, signal }: HostQuestions): Ask {
  const limit = pLimit(AT_ONCE);
  return async (argv) => {
    const asked = {
      argv,
      // Away from any Vagrantfile; and dnsmasq, iptables and ip are where only root's PATH looks.
      cwd: tmpdir(),
      env: { LC_ALL: 'C', VAGRANT_CHECKPOINT_DISABLE: '1', PATH: `${env['PATH'] ?? ''}:/usr/sbin:/sbin` },
      timeoutMs: TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    };
    const end = await limit(() => run(asked));
    if (end.kind === 'missing') return { state: 'missing' };
    const [stdout, stderr] = [end.stdout, end.stderr].map((bytes) => new TextDecoder().decode(bytes));
    if (end.kind !== 'exited') return { state: 'broken', why: 'it does not answer' };
    if (end.code === 0) return { state: 'answered', stdout: stdout ?? '', stderr: stderr ?? '' };
    const said = (stderr ?? '').split('\n').find((line) => line.trim() !== '');
    return { state: 'broken', why: said?.trim() ?? `it ends with exit code ${end.code}` };
  };
}

const UNASKED = { state: 'unasked' } as const;

async function askVersion(ask: Ask, name: HostProgramName): Promise<ProgramFact> {
  const answer = await ask([name, ...VERSION_OPTIONS[name].split(' ')]);
  if (answer.state !== 'answered') return answer;
  // ssh says its version on standard error.
  const lines = `${answer.stdout}\n${answer.stderr}`.split('\n');
  const version = lines.find((line) => /\d+\.\d+/.test(line));
  return version === undefined
    ? { state: 'broken', why: 'it prints no version' }
    : { state: 'found', version: version.trim() };
}

/** By Vagrant's own records; a plugin that got there by another way is asked for. */
function hasPlugin(env: Env): boolean {
  return pluginRecords(env).some((path) => {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return text.includes('"vagrant-libvirt"');
  });
}

/** Of `vagrant plugin install`, and of Debian's package of the plugin. */
function pluginRecords(env: Env): readonly string[] {
  return [
    join(vagrantHome(env), 'plugins.json'),
    '/usr/share/vagrant-plugins/plugins.d/vagrant-libvirt.json',
  ];
}

/** Debian's own plugin is listed as `vagrant-libvirt (0.11.2, system)`, an installed one as `… (0.12.2, global)`. */
async function askPlugin(ask: Ask): Promise<HostFacts['plugin']> {
  const answer = await ask(['vagrant', 'plugin', 'list']);
  if (answer.state === 'missing') return { why: 'vagrant is not on PATH' };
  if (answer.state === 'broken') return { why: answer.why };
  return { version: /^vagrant-libvirt \(([^,)]+)/m.exec(answer.stdout)?.[1] ?? null };
}

/** Of a folder that is not there its nearest one above is asked. */
export function freeMiB(folder: string): number {
  if (!existsSync(folder) && dirname(folder) !== folder) return freeMiB(dirname(folder));
  const { bavail, bsize } = statfsSync(folder);
  return Math.floor((bavail * bsize) / MIB);
}
