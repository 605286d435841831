/** kubeadm's command-line flags: those of every command, and which may stand beside `--config`. */
import { FlagProblem, parseFlags, pflagText, type Flags, type FlagSpec } from '../commands/flags.js';
import { KubeadmFailure, type Kubeadm } from './context.js';

const EVERYWHERE: readonly FlagSpec[] = ['v=', 'v|v=', 'rootfs=', 'skip-headers', 'help|h'];

export interface Arguments {
  readonly flags: Flags;
  readonly operands: readonly string[];
  /** Names of the flags that were given, in alphabetical order. */
  readonly given: readonly string[];
}

/** Throws a `KubeadmFailure` for an unknown flag, or one without its value. */
export function readArguments(args: readonly string[], specs: readonly FlagSpec[]): Arguments {
  const all = [...EVERYWHERE, ...specs];
  try {
    const flags = parseFlags(all, args);
    const names = new Set(all.map((spec) => /^[^|?=]+/.exec(spec)?.[0] ?? ''));
    return {
      flags,
      operands: flags.operands,
      given: [...names].filter((name) => flags.get(name) !== null).sort(),
    };
  } catch (error) {
    if (error instanceof FlagProblem) throw new KubeadmFailure(pflagText(error));
    throw error;
  }
}

/** The values of a flag that takes a comma-separated list and may be given again. */
export function listOf(flags: Flags, name: string): readonly string[] {
  return flags.list(name).flatMap((value) => value.split(',').filter((item) => item !== ''));
}

/** Everything else belongs into the file. */
const BESIDE_CONFIG = new Set([
  'config',
  'dry-run',
  'feature-gates',
  'force',
  'help',
  'ignore-preflight-errors',
  'kubeconfig',
  'kubeconfig-dir',
  'node-name',
  'output',
  'print-join-command',
  'rootfs',
  'upload-certs',
  'v',
  'yes',
]);

export function refuseMixedFlags({ flags, given }: Arguments): void {
  if (flags.get('config') === null) return;
  const mixed = given.filter((name) => !BESIDE_CONFIG.has(name) && !name.startsWith('skip-'));
  if (mixed.length > 0) {
    throw new KubeadmFailure(`can not mix '--config' with arguments [${mixed.join(',')}]`);
  }
}

/** What the real program can do and the simulated one cannot: said on stderr, with the exit code of bad usage. */
export function notModelled(kubeadm: Kubeadm, what: string): KubeadmFailure {
  return new KubeadmFailure(`${what} is not modelled by the simulated kubeadm ${kubeadm.versionText}`);
}

export function refuseUnmodelledFlags(
  kubeadm: Kubeadm,
  { given }: Arguments,
  names: readonly string[],
): void {
  const found = given.find((name) => names.includes(name));
  if (found !== undefined) throw notModelled(kubeadm, `the flag --${found}`);
}
