/** Making, starting, stopping and destroying simulated machines, as the hypervisor does it. */
import type { Machine, MachineOptions } from './machine.js';
import { installNode, type NodeImage } from './image.js';
import { applyNetworkFiles } from './networkd.js';
import { join, sleep, waitFor, type Sim } from './task.js';
import type { World } from './world.js';

/**
 * Clones the image, defines the machine and boots it. True when this call made it; one that exists is only started,
 * and one that somebody else is making is waited for.
 */
export function* createMachine(world: World, options: MachineOptions, image: NodeImage): Sim<boolean> {
  const existing = world.machines.get(options.name);
  if (existing !== undefined) {
    while (!existing.defined && world.machines.get(options.name) === existing)
      yield* waitFor([existing.powerChanged]);
    if (existing.defined) yield* startMachine(existing);
    return false;
  }
  const machine = world.addMachine(options);
  yield* sleep(world.draw('machineCreate', machine.prng));
  // It may have been destroyed while it was being made.
  if (world.machines.get(options.name) !== machine) return false;
  installNode(machine, image);
  machine.defined = true;
  machine.powerChanged.fire();
  yield* startMachine(machine);
  return true;
}

/** Boots a machine that is off, and returns once its shell answers. Waits for a boot that is under way. */
export function* startMachine(machine: Machine): Sim<void> {
  if (machine.power === 'off') {
    machine.boots += 1;
    machine.bootedMs = machine.world.nowMs;
    machine.setPower('booting');
    machine.world.scheduler.spawn(machine.group, `${machine.name}: boot`, boot(machine));
  }
  while (machine.power === 'booting') yield* waitFor([machine.powerChanged]);
}

function* boot(machine: Machine): Sim<void> {
  const { world, options } = machine;
  const bootMs = world.draw('machineBoot', machine.prng);
  // The kernel brings the network up some seconds before sshd and the other units answer.
  const networkMs = Math.round(bootMs * 0.6);
  yield* sleep(networkMs);
  world.network.addAddress(machine, options.address, options.prefixLength);
  world.network.announce(machine, options.address);
  applyNetworkFiles(machine);
  yield* sleep(bootMs - networkMs);
  for (const unit of machine.units.enabled()) machine.units.start(unit);
  machine.setPower('running');
}

/** A clean shutdown: units stop in reverse order, containers get their SIGTERM, then the power goes. */
export function* haltMachine(machine: Machine): Sim<void> {
  if (machine.power === 'paused') machine.group.thaw();
  if (machine.power === 'off') return;
  const task = machine.world.scheduler.spawn(machine.group, `${machine.name}: shutdown`, shutdown(machine));
  yield* join(task);
  machine.losePower();
}

function* shutdown(machine: Machine): Sim<void> {
  for (const unit of machine.units.enabled().reverse()) yield* machine.units.stop(unit);
  for (const process of [...machine.processes.values()].reverse()) process.kill('SIGTERM');
  yield* sleep(machine.world.draw('machineHalt', machine.prng));
}

/** Pulls the plug. */
export function cutMachine(machine: Machine): void {
  if (machine.power !== 'off') machine.losePower();
}

export function* destroyMachine(world: World, machine: Machine): Sim<void> {
  cutMachine(machine);
  yield* sleep(world.draw('machineDestroy', machine.prng));
  world.removeMachine(machine);
  machine.powerChanged.fire();
  world.network.changed.fire();
}

/** Suspends the machine: it keeps its memory and answers nothing. */
export function pauseMachine(machine: Machine): void {
  if (machine.power !== 'running') return;
  machine.group.freeze();
  machine.setPower('paused');
}

export function resumeMachine(machine: Machine): void {
  if (machine.power !== 'paused') return;
  machine.setPower('running');
  machine.group.thaw();
}

/** Makes every flush of the machine's disk take so much longer than usual, as a worn or shared disk does. */
export function slowDisk(machine: Machine, flushMs: number): void {
  if (machine.disk.flushMs === flushMs) return;
  machine.disk.flushMs = flushMs;
  machine.world.emit(machine.name, 'disk', flushMs === 0 ? 'as quick as usual' : 'slow', { flushMs });
  for (const cluster of machine.world.etcdClusters.values()) cluster.changed.fire();
}
