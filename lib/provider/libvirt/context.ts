/** What every part of the libvirt provider is given: the lab, its files, and the programs that act on it. */
import type { Clock } from '../../base/clock.js';
import { must } from '../../base/errors.js';
import type { LabSpec } from '../../model/lab.js';
import type { NodeImage } from '../provider.js';
import type { RunHostProgram } from './host-program.js';
import type { KvmAnswer } from './kvm.js';
import type { LabFiles } from './lab-files.js';
import type { LabStateFile } from './lab-state.js';
import type { SshConnections } from './ssh-connections.js';
import type { Vagrant } from './vagrant.js';
import type { Virsh } from './virsh.js';

/** What the provider asks of its SSH connections. */
export type Ssh = Pick<
  SshConnections,
  'shell' | 'forget' | 'waitUntilUp' | 'answers' | 'knows' | 'writeConfig' | 'forgetKeys' | 'close'
>;

export interface Context {
  readonly lab: LabSpec;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: LabFiles;
  readonly run: RunHostProgram;
  readonly clock: Clock;
  readonly state: LabStateFile;
  readonly virsh: Virsh;
  readonly vagrant: Vagrant;
  readonly ssh: Ssh;
  /** Asked once: where guests hang, an answer takes seconds. */
  readonly kvm: () => Promise<KvmAnswer>;
  /** Null when the lab names a box of its own. */
  readonly image: NodeImage | null;
}

/** What machines are made from now. */
export function boxOf({ lab, image }: Pick<Context, 'lab' | 'image'>): string {
  return lab.box ?? must(image, `the lab ${lab.name} has neither a box nor an image`).name;
}

/** Wall-clock milliseconds, stretched by how slow the lab's machines are. */
export function scaled(lab: LabSpec, seconds: number): number {
  return Math.round(seconds * 1_000 * lab.timeScale);
}
