/** The provider contract on real virtual machines: made by Vagrant, powered by libvirt, reached over SSH. */
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Clock } from '../../base/clock.js';
import type { Problem } from '../../base/errors.js';
import type { OpenBundle } from '../../model/bundle.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import {
  HOST,
  type CreateOptions,
  type MachineReport,
  type MachineState,
  type NodeImage,
  type Observation,
  type Power,
  type PowerAction,
  type Provider,
  type Residue,
  type Shell,
  type Watching,
} from '../provider.js';
import { boxOf, type Context } from './context.js';
import { createMachines } from './create.js';
import { destroyMachines } from './destroy.js';
import { checkHost } from './host-check.js';
import { gatherHostFacts } from './host-facts.js';
import { libvirtUri } from './libvirt-uri.js';
import { problemsOf } from './host-finding.js';
import { hostPrograms, type RunHostProgram } from './host-program.js';
import { hostShell } from './host-shell.js';
import { askKvm, type KvmAnswer } from './kvm.js';
import { labFiles } from './lab-files.js';
import { LabStateFile } from './lab-state.js';
import { openNodeImage } from './node-image.js';
import { observeLab } from './observe.js';
import { changePower, machineStates, pauseMachine, resumeMachine, setLink } from './power.js';
import { residueOf } from './residue.js';
import { SshConnections } from './ssh-connections.js';
import { Vagrant } from './vagrant.js';
import { Virsh } from './virsh.js';
import { WallClock } from './wall-clock.js';
import { watchLab } from './watch.js';

export interface LibvirtProviderOptions {
  readonly lab: LabSpec;
  /** Absolute path of the lab's folder. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Opens the lab's bundle; needed only where the lab has one. */
  readonly bundle?: () => OpenBundle | null;
  /** Only looks: nothing is written, not even when the lab was made. */
  readonly look?: boolean;
  /** What starts programs; the computer's own unless a test says otherwise. */
  readonly run?: RunHostProgram;
}

const noBundle = (): null => null;

export class LibvirtProvider implements Provider {
  readonly name = 'libvirt';
  readonly supported: readonly Power[] = ['pause', 'link'];
  readonly clock: Clock;
  readonly image: NodeImage | null;
  readonly #context: Context;

  constructor(options: LibvirtProviderOptions) {
    const { lab, look = false } = options;
    const uri = libvirtUri(options.env);
    // One locale, because texts are read, and one libvirt, because virsh's own default depends on who asks.
    const env = { ...options.env, LC_ALL: 'C.UTF-8', LIBVIRT_DEFAULT_URI: uri };
    const run = options.run ?? hostPrograms(env);
    if (!look) mkdirSync(options.folder, { recursive: true });
    // Vagrant writes the path without symbolic links into its domains, by which they are known again.
    const files = labFiles(existsSync(options.folder) ? realpathSync(options.folder) : options.folder);
    const openedAtMs = Date.now();
    const state = new LabStateFile(files.state, openedAtMs);
    if (!look && !existsSync(files.state)) state.update({});
    const clock = new WallClock(state.now.madeAtMs);
    const { timeScale } = lab;
    this.clock = clock;
    let kvm: Promise<KvmAnswer> | undefined;
    const virsh = new Virsh(run, uri);
    const { bundle = noBundle } = options;
    this.image = openNodeImage({ lab, files, run, env, clock, virsh, bundle });
    this.#context = {
      ...{ lab, env, files, run, clock, state, virsh, image: this.image },
      vagrant: new Vagrant({ files, run, clock, state, timeScale }),
      ssh: new SshConnections({ files, timeScale }),
      kvm: () => (kvm ??= askKvm(run, tmpdir())),
    };
  }

  async preflight(_specs: readonly MachineSpec[]): Promise<readonly Problem[]> {
    const { run, env, lab, files, state } = this.#context;
    const begun = Object.keys(state.now.machines);
    // A lab keeps what its first machines were made for.
    const { kvm } = this.#context;
    const isSettled = lab.driver === 'qemu' || state.now.driver === 'qemu';
    const known = isSettled ? null : await kvm();
    const facts = await gatherHostFacts({
      ...{ run, env, lab, folder: files.folder, begun, kvm: known, depth: 'what-blocks' },
    });
    return problemsOf(checkHost(facts, lab, boxOf(this.#context)));
  }

  create(specs: readonly MachineSpec[], options: CreateOptions): Promise<readonly MachineReport[]> {
    return createMachines(this.#context, specs, options);
  }

  machines(): Promise<readonly MachineState[]> {
    return machineStates(this.#context);
  }

  power(name: string, action: PowerAction, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return changePower(this.#context, name, action, options);
  }

  pause(name: string): Promise<void> {
    return pauseMachine(this.#context, name);
  }

  resume(name: string): Promise<void> {
    return resumeMachine(this.#context, name);
  }

  link(name: string, state: 'up' | 'down'): Promise<void> {
    return setLink(this.#context, name, state);
  }

  destroy(names: readonly string[]): Promise<void> {
    return destroyMachines(this.#context, names);
  }

  shell(machine: string): Shell {
    return machine === HOST ? hostShell(this.#context.run) : this.#context.ssh.shell(machine);
  }

  observe(): Promise<Observation> {
    return observeLab(this.#context);
  }

  watch(onChange: (seen: Observation) => void): Watching {
    return watchLab(this.#context, onChange);
  }

  residue(): Promise<readonly Residue[]> {
    return residueOf(this.#context);
  }

  async close(): Promise<void> {
    this.#context.ssh.close();
  }
}
