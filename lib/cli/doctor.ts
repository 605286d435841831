/** What `homelab doctor` makes of what it found: facts in, findings out. commands/doctor.ts gathers the facts. */
import { satisfies } from 'semver';
import type { HostPlan } from '../config/plan.js';
import { printMemory } from '../config/size.js';
import type { ProviderName } from '../model/lab.js';
import type { ProgramAnswer } from './programs.js';

/** One thing that was looked at. Codes name what was looked at, whatever came of it. */
export interface DoctorFinding {
  readonly code: string;
  /** `error` stands in the way of `homelab up`; `warning` does not, but something will be missed. */
  readonly severity: 'ok' | 'warning' | 'error';
  readonly message: string;
  /** What to do; null when all is well. */
  readonly remedy: string | null;
  readonly expected: string | null;
  readonly found: string | null;
}

/** The JSON document of `homelab doctor -o json`. */
export interface DoctorDocument {
  readonly provider: ProviderName;
  readonly findings: readonly DoctorFinding[];
  /** True when no finding is an error. */
  readonly ok: boolean;
}

/** As `engines` in package.json. */
export const NODE_RANGE = '>=20.19';
/** `up` of a k8s-ha lab takes about 90 MiB with Node itself; replaying a lab with a long past takes more. */
const SIM_MEMORY_MIB = 256;

export function checkNode(version: string): DoctorFinding {
  const good = satisfies(version, NODE_RANGE);
  return finding('node', good ? 'ok' : 'error', {
    message: good ? `Node ${version}` : `Node ${version} is too old`,
    remedy: 'Install Node 20.19 or later.',
    expected: NODE_RANGE,
    found: version,
  });
}

export function checkFolder(folder: string, writable: boolean): DoctorFinding {
  return finding('folder', writable ? 'ok' : 'error', {
    message: `labs ${writable ? 'are' : 'cannot be'} kept in ${folder}`,
    remedy: `Give yourself the right to write to ${folder}, or go to another folder.`,
    expected: 'a folder that you may write to',
    found: folder,
  });
}

export function checkSimMemory(availableMiB: number): DoctorFinding {
  const good = availableMiB >= SIM_MEMORY_MIB;
  return finding('memory', good ? 'ok' : 'warning', {
    message: `${availableMiB} MiB of memory are free for homelab itself`,
    remedy: 'Close something, or give this container more memory.',
    expected: `at least ${SIM_MEMORY_MIB} MiB`,
    found: `${availableMiB} MiB`,
  });
}

/** A program of the libvirt provider and what it is for. */
export interface NeededProgram {
  readonly name: string;
  readonly args: readonly string[];
  readonly for: string;
  /** `warning` when labs come up without it. */
  readonly severity: 'warning' | 'error';
  /** How Debian and Ubuntu call its package. */
  readonly aptPackage: string;
}

export const LIBVIRT_PROGRAMS: readonly NeededProgram[] = [
  {
    name: 'vagrant',
    args: ['--version'],
    for: 'making machines',
    severity: 'error',
    aptPackage: 'vagrant-libvirt',
  },
  {
    name: 'virsh',
    args: ['--version'],
    for: 'cutting power',
    severity: 'error',
    aptPackage: 'libvirt-clients',
  },
  {
    name: 'ssh',
    args: ['-V'],
    for: 'reaching machines by hand',
    severity: 'error',
    aptPackage: 'openssh-client',
  },
  {
    name: 'packer',
    args: ['--version'],
    for: 'building the node image',
    severity: 'warning',
    aptPackage: 'packer',
  },
];

export function checkProgram(program: NeededProgram, answer: ProgramAnswer): DoctorFinding {
  const { name, args } = program;
  const { message, found } = describe(program, answer);
  return finding(name, answer.state === 'found' ? 'ok' : program.severity, {
    message,
    remedy:
      answer.state === 'missing'
        ? `Install ${name}; on Debian and Ubuntu: apt install ${program.aptPackage}`
        : `Find out why with: ${[name, ...args].join(' ')}`,
    expected: `${name} on PATH`,
    found,
  });
}

function describe(program: NeededProgram, answer: ProgramAnswer): { message: string; found: string | null } {
  const { name } = program;
  switch (answer.state) {
    case 'found':
      return { message: `${name}: ${answer.line}`, found: answer.line };
    case 'missing':
      return { message: `${name} is not on PATH; it is needed for ${program.for}`, found: null };
    case 'broken':
      return { message: `${name} does not tell its version: ${answer.why}`, found: answer.why };
  }
}

export function checkKvm(usable: boolean): DoctorFinding {
  return finding('kvm', usable ? 'ok' : 'error', {
    message: usable ? '/dev/kvm is usable' : '/dev/kvm is not there or not yours to use',
    remedy: 'Turn virtualization on in the firmware, and join the group of /dev/kvm: usermod -aG kvm $USER',
    expected: 'to read and write /dev/kvm',
    found: null,
  });
}

export function checkHostMemory({ fits, memoryMiB, requiredMiB }: HostPlan): DoctorFinding {
  const [required, has] = [printMemory(requiredMiB), printMemory(memoryMiB)];
  return finding('host-memory', fits ? 'ok' : 'error', {
    message: `the lab needs ${required} of memory with the host's own part, and the host has ${has}`,
    remedy: 'See `homelab plan`; take fewer or smaller machines (--workers, --worker-memory).',
    expected: `at least ${required}`,
    found: has,
  });
}

/** What there is to say of the provider itself, so that nobody installs programs in vain. */
export function noLibvirtYet(): DoctorFinding {
  return finding('libvirt-provider', 'error', {
    message: 'the libvirt provider is not part of this version of homelab: it runs simulated labs only',
    remedy: 'Use the simulator: --provider sim',
    expected: null,
    found: null,
  });
}

export function doctorDocument(provider: ProviderName, findings: readonly DoctorFinding[]): DoctorDocument {
  return { provider, findings, ok: findings.every(({ severity }) => severity !== 'error') };
}

function finding(
  code: string,
  severity: DoctorFinding['severity'],
  rest: Omit<DoctorFinding, 'code' | 'severity'>,
): DoctorFinding {
  return { code, severity, ...rest, remedy: severity === 'ok' ? null : rest.remedy };
}
