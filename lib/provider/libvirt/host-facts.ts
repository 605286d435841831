/**
 * What this computer is like, as plain data, for host-check.ts to judge: programs, Vagrant's plugin and boxes, KVM,
 * memory, disk. What libvirt knows is asked in host-facts-libvirt.ts. Changes nothing; whatever a program does is an
 * answer.
 */
import { existsSync, realpathSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, platform, tmpdir, totalmem } from 'node:os';
import { dirname } from 'node:path';
import pLimit from 'p-limit';
import type { LabSpec } from '../../model/lab.js';
import { gatherLibvirtFacts, type LibvirtFacts } from './host-facts-libvirt.js';
import type { RunHostProgram } from './host-program.js';
import type { KvmAnswer } from './kvm.js';
import { libvirtBoxes, type LibvirtBox } from './vagrant-boxes.js';

export type ProgramFact =
  /** `version` is the first line with a number in it. */
  | { readonly state: 'found'; readonly version: string }
  | { readonly state: 'missing' }
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
  /** Version of the plugin vagrant-libvirt, null when Vagrant does not have it, or why that is not known. */
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
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly lab: LabSpec;
  /** The lab's folder, which need not be there. */
  readonly folder: string;
  /** Machines that the lab's own record says it has begun to make. */
  readonly begun: readonly string[];
  /** Null when the lab does not want it. */
  readonly kvm: KvmAnswer | null;
  readonly signal?: AbortSignal;
}

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
    askPlugin(ask),
    Promise.all(names.map(async (name) => [name, await askVersion(ask, name)] as const)),
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
