/**
 * What stands in the way of real machines on this computer, and what will be missed: facts in, findings out. What
 * concerns names and addresses in libvirt is judged in host-check-libvirt.ts.
 */
import type { LabSpec } from '../../model/lab.js';
import { checkKvm } from './host-check-kvm.js';
import { checkLibvirt } from './host-check-libvirt.js';
import { checkProgram } from './host-check-program.js';
import type { HostFacts } from './host-facts.js';
import { amiss, fine, type HostFinding } from './host-finding.js';

/** What the host keeps for itself: its system, QEMU's own memory and homelab. */
const OVERHEAD_MIB = 3072;
/** QEMU's software emulation keeps up to this much translated code for each machine, unless the box bounds it. */
const TRANSLATION_MIB = 1024;
/** What a machine's disk grows by when a node runs on it: logs, etcd, images that the node image did not bring. */
const DISK_MIB = 4096;
/** Building a node image: the base image, its copy, the box, and Vagrant's copy of it. */
const IMAGE_MIB = 12_288;
/** Virtual CPUs for each of the host's; beyond it timers of a cluster begin to run out. */
const CPU_SHARE = 3;

/**
 * Everything that was looked at, in the order in which it is shown. `box` is what the machines are made from; null when
 * that cannot be told, because the lab's bundle cannot be read.
 */
export function checkHost(facts: HostFacts, lab: LabSpec, box: string | null): readonly HostFinding[] {
  return [
    checkPlatform(facts),
    ...checkVagrant(facts),
    ...checkLibvirt(facts.libvirt, facts.programs, lab),
    checkKvm(facts.kvm, lab),
    ...checkSize(facts, lab),
    ...checkImage(facts, lab, box),
    ...checkConveniences(facts),
  ];
}

function checkPlatform({ platform }: HostFacts): HostFinding {
  const details = { expected: 'linux', found: platform };
  return platform === 'linux'
    ? fine('platform', 'this computer runs Linux', details)
    : amiss(
        'platform',
        'error',
        'real machines need Linux with libvirt; this computer has another system',
        'Use the simulator: --provider sim',
        details,
      );
}

function checkVagrant({ programs, plugin }: HostFacts): readonly HostFinding[] {
  const vagrant = checkProgram(programs, 'vagrant', 'error', 'makes and destroys the machines', 'vagrant');
  if (programs.vagrant.state !== 'found') return [vagrant];
  return [vagrant, checkPlugin(plugin)];
}

function checkPlugin(plugin: HostFacts['plugin']): HostFinding {
  const code = 'vagrant-libvirt';
  const expected = "Vagrant's plugin vagrant-libvirt";
  if ('why' in plugin) {
    const message = `Vagrant does not list its plugins: ${plugin.why}`;
    return amiss(code, 'error', message, 'Find out why with: vagrant plugin list', { expected });
  }
  const { version } = plugin;
  if (version !== null) return fine(code, `plugin vagrant-libvirt ${version}`, { expected, found: version });
  const remedy =
    'On Debian and Ubuntu: apt install vagrant-libvirt; elsewhere: vagrant plugin install vagrant-libvirt';
  return amiss(code, 'error', 'Vagrant does not have the plugin vagrant-libvirt', remedy, { expected });
}

function checkSize(facts: HostFacts, lab: LabSpec): readonly HostFinding[] {
  return [checkMemory(facts, lab), checkCpus(facts, lab), checkDisk(facts, lab)].flat();
}

function checkMemory(facts: HostFacts, lab: LabSpec): readonly HostFinding[] {
  const { memoryMiB, freeMemoryMiB } = facts;
  const taken = sum(lab.machines.map((machine) => machine.memoryMiB));
  const required = taken + OVERHEAD_MIB;
  const remedy = 'See `homelab plan`; take fewer or smaller machines (--workers, --worker-memory).';
  const details = { expected: `at least ${gib(required)}`, found: gib(memoryMiB) };
  const needs = `the machines take ${gib(taken)} of memory and the host keeps ${gib(OVERHEAD_MIB)}`;
  if (required > memoryMiB)
    return [amiss('host-memory', 'error', `${needs}, and it has ${gib(memoryMiB)}`, remedy, details)];
  const cache = facts.kvm?.state === 'works' ? 0 : lab.machines.length * TRANSLATION_MIB;
  if (required + cache > memoryMiB) {
    const message = `${needs}; software emulation may take ${gib(cache)} more, and the host has ${gib(memoryMiB)}`;
    return [amiss('host-memory', 'warning', message, remedy, details)];
  }
  const good = fine('host-memory', `${needs}; it has ${gib(memoryMiB)}`, details);
  // Machines of this lab that run already have their memory: what is free says nothing then.
  const running = facts.libvirt.state === 'answers' && facts.libvirt.domains.length > 0;
  if (running || taken <= freeMemoryMiB) return [good];
  return [
    good,
    amiss(
      'free-memory',
      'warning',
      `the machines take ${gib(taken)} of memory, and ${gib(freeMemoryMiB)} are free now`,
      'Close something, or destroy another lab; the host swaps or kills machines otherwise.',
      { expected: `at least ${gib(taken)}`, found: gib(freeMemoryMiB) },
    ),
  ];
}

function checkCpus({ cpus }: HostFacts, lab: LabSpec): HostFinding {
  const wanted = sum(lab.machines.map((machine) => machine.cpus));
  const message = `the machines' ${wanted} virtual CPUs share the host's ${cpus}`;
  const details = { expected: `at least ${Math.ceil(wanted / CPU_SHARE)}`, found: String(cpus) };
  if (wanted <= cpus * CPU_SHARE) return fine('host-cpus', message, details);
  const remedy = 'Take fewer or smaller machines (--workers, --worker-cpus), or raise vos.time_scale.';
  return amiss('host-cpus', 'warning', message, remedy, details);
}

function checkDisk({ libvirt }: HostFacts, lab: LabSpec): readonly HostFinding[] {
  if (libvirt.state !== 'answers') return [];
  const { freeMiB, folder } = libvirt.pool;
  const required = lab.machines.length * DISK_MIB;
  const message = `${gib(freeMiB)} are free for disks in ${folder}`;
  const details = { expected: `at least ${gib(required)}`, found: gib(freeMiB) };
  if (freeMiB >= required) return [fine('disk', message, details)];
  return [
    amiss(
      'disk',
      freeMiB < required / 4 ? 'error' : 'warning',
      `${message}; ${lab.machines.length} machine(s) grow to some ${gib(required)}`,
      `Make room: unused images are shown by: virsh -c ${libvirt.uri} vol-list default`,
      details,
    ),
  ];
}

/** The box, and what is needed to build it when it is not there. */
function checkImage(facts: HostFacts, lab: LabSpec, name: string | null): readonly HostFinding[] {
  if (name === null) return [unknownBox(lab)];
  const { boxes, programs, folderFreeMiB } = facts;
  if (boxes === null) return [];
  const box = boxes.find((one) => one.name === name);
  if (box !== undefined) return [fine('box', `box ${name} is there`, { expected: name, found: name })];
  if (lab.box !== null) return [checkOwnBox(lab.box)];
  const message = `the node image ${name} is not there yet; homelab up builds it`;
  return [
    amiss('box', 'note', message, 'To build it now: homelab image build', { expected: name }),
    checkProgram(programs, 'packer', 'error', 'builds the node image', 'packer'),
    checkProgram(programs, 'qemu-img', 'error', "makes the node image's disk", 'qemu-utils'),
    folderFreeMiB >= IMAGE_MIB
      ? fine('image-disk', `${gib(folderFreeMiB)} are free for building the node image`)
      : amiss(
          'image-disk',
          'warning',
          `building the node image takes some ${gib(IMAGE_MIB)} beside the lab, and ${gib(folderFreeMiB)} are free`,
          'Make room, or keep the lab on a larger disk.',
          { expected: `at least ${gib(IMAGE_MIB)}`, found: gib(folderFreeMiB) },
        ),
  ];
}

function unknownBox({ bundle }: LabSpec): HostFinding {
  const remedy = `Look at it with: homelab bundle verify ${bundle ?? ''}`;
  return amiss(
    'box',
    'error',
    `the bundle ${bundle ?? ''}, which the node image is made from, cannot be read`,
    remedy,
  );
}

function checkOwnBox(name: string): HostFinding {
  const details = { expected: name };
  if (/^[^/]+\/[^/]+$/.test(name)) {
    const message = `box ${name} is not there yet; Vagrant will look for it in its catalogue`;
    return amiss(
      'box',
      'note',
      message,
      `To fetch it now: vagrant box add --provider libvirt ${name}`,
      details,
    );
  }
  const remedy = `Add it: vagrant box add --provider libvirt --name ${name} FILE; or leave vos.box out.`;
  return amiss('box', 'error', `Vagrant has no box ${name} for libvirt`, remedy, details);
}

function checkConveniences({ programs }: HostFacts): readonly HostFinding[] {
  return [
    checkProgram(programs, 'ssh', 'warning', 'opens `homelab ssh`', 'openssh-client'),
    checkProgram(
      programs,
      'kubectl',
      'note',
      'is only needed outside of `homelab kubectl`',
      'kubernetes-client',
    ),
    checkProgram(programs, 'haproxy', 'note', 'would check what `homelab render haproxy` prints', 'haproxy'),
  ];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function gib(mib: number): string {
  return `${Math.round((mib / 1024) * 10) / 10}GiB`;
}
