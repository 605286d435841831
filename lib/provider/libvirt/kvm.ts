/**
 * Does KVM really run guests here? Opening /dev/kvm proves nothing: on a virtual machine whose own hypervisor nests
 * badly it opens, and guests hang at their first instruction. So a guest of one sector is run, and must switch itself
 * off.
 */
import { accessSync, constants, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import type { RunHostProgram } from './host-program.js';

const DEVICE = '/dev/kvm';
/** The guest needs some 0.1 s; one that hangs never ends. */
const TIMEOUT_MS = 5_000;
const SECTOR_BYTES = 512;
/** mov dx, 0xf4; mov al, 0x31; out dx, al; hlt */
const PROGRAM = [0xba, 0xf4, 0x00, 0xb0, 0x31, 0xee, 0xf4];
/** What a BIOS wants to see at the end of a sector before it runs it. */
const BOOT_SIGNATURE = [0x55, 0xaa];
/** isa-debug-exit ends QEMU with twice the byte written to it plus one. */
const EXIT_CODE = 0x31 * 2 + 1;

/** `foreign-host`: not an x86-64 computer; machines are, so only software emulation runs them there. */
export type KvmState = 'works' | 'foreign-host' | 'absent' | 'not-yours' | 'no-qemu' | 'hangs' | 'fails';

export interface KvmAnswer {
  readonly state: KvmState;
  /** Of `fails` and `no-qemu`: what was said; otherwise empty. */
  readonly why: string;
}

/** Is KVM what a guest should be run with? */
export async function kvmWorks(run: RunHostProgram, scratchFolder: string): Promise<boolean> {
  return (await askKvm(run, scratchFolder)).state === 'works';
}

/** `scratchFolder` must be there; nothing stays in it. */
export async function askKvm(run: RunHostProgram, scratchFolder: string): Promise<KvmAnswer> {
  const device = lookAtDevice();
  return device === null ? runSector(run, scratchFolder, 'kvm') : { state: device, why: '' };
}

/** Why there is no need to try, or null. */
function lookAtDevice(): KvmState | null {
  if (arch() !== 'x64') return 'foreign-host';
  if (!existsSync(DEVICE)) return 'absent';
  try {
    accessSync(DEVICE, constants.R_OK | constants.W_OK);
    return null;
  } catch {
    return 'not-yours';
  }
}

/** Runs the guest; with the accelerator `tcg` it works wherever there is QEMU. */
export async function runSector(
  run: RunHostProgram,
  scratchFolder: string,
  accelerator: 'kvm' | 'tcg',
): Promise<KvmAnswer> {
  const folder = mkdtempSync(join(scratchFolder, 'kvm-'));
  try {
    const image = join(folder, 'sector.img');
    writeFileSync(image, bootSector());
    const end = await run({ argv: qemu(image, accelerator), timeoutMs: TIMEOUT_MS, graceMs: 1_000 });
    if (end.kind === 'missing') return { state: 'no-qemu', why: end.why };
    if (end.kind !== 'exited') return { state: 'hangs', why: '' };
    if (end.code === EXIT_CODE) return { state: 'works', why: '' };
    return { state: 'fails', why: new TextDecoder().decode(end.stderr).trim() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function bootSector(): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  sector.set(PROGRAM);
  sector.set(BOOT_SIGNATURE, SECTOR_BYTES - BOOT_SIGNATURE.length);
  return sector;
}

/**
 * With the processor that libvirt's guests get, which is the host's. QEMU's own plain one asks so little that one
 * sector may run where every real guest ends at once (`failed to set MSR`) or hangs.
 */
function qemu(image: string, accelerator: 'kvm' | 'tcg'): readonly string[] {
  const processor = accelerator === 'kvm' ? 'host' : 'max';
  return [
    ...['qemu-system-x86_64', '-accel', accelerator, '-cpu', processor, '-machine', 'q35'],
    ...['-display', 'none', '-nodefaults', '-m', '16'],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=1'],
    // A comma in a path would begin the next option; QEMU wants it doubled.
    ...['-drive', `file=${image.replaceAll(',', ',,')},format=raw,if=floppy`],
  ];
}
