/** What the command line is given of the process it runs in; tests give it something else. */
import type { PlayedWorld } from './still.js';

export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width of the terminal; 80 where there is none or where it says nothing. */
  readonly columns: number;
  /** The stream itself, for a live screen; null in tests. */
  readonly stream: NodeJS.WriteStream | null;
}

export interface Input {
  readonly stream: NodeJS.ReadableStream;
  readonly isTTY: boolean;
}

/** Node itself, to take stills and to show them: lib/cli/still.ts. */
export interface NodeProgram {
  /** Another one wherever Node could not read a still that this one took: its version, its switches, the processor. */
  tag(): Promise<string>;
  /** Runs this process's command line in one that begins with a still. Its exit code; null when Node refused it. */
  show(still: string): Promise<number | null>;
  /** Takes a still of `program` with the world of the lab in `folder`. Node's exit code; null when it was ended. */
  build(still: string, program: string, folder: string): Promise<number | null>;
  /** Starts homelab with other arguments in a process that is not waited for. */
  leave(args: readonly string[]): Promise<void>;
}

export interface Io {
  /** Arguments without node and the script. */
  readonly args: readonly string[];
  /** Absolute working directory. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** As Node names it: `linux`, `darwin`. */
  readonly platform: string;
  /** Version of Node without a leading v. */
  readonly nodeVersion: string;
  readonly stdout: Output;
  readonly stderr: Output;
  /** The world that this process began with; null when it was started as usual. */
  readonly played: PlayedWorld | null;
  /** Null where no other process is wanted. */
  readonly node: NodeProgram | null;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Milliseconds of a monotonic wall clock. */
  wallMs(): number;
  /** Whole memory of this computer in MiB. */
  hostMemoryMiB(): number;
  /** Memory in MiB that this process may still take, container limits included. */
  availableMemoryMiB(): number;
  /** Is there a process with this pid? */
  isAlive(pid: number): boolean;
  /** Waits in wall-clock time; returns early at the first Ctrl-C. */
  sleep(ms: number): Promise<void>;
  /** One line typed by a person, or null without a terminal or at its end. */
  ask(question: string): Promise<string | null>;
  /** Standard input, for a command that reads it line by line. */
  input(): Input;
  /** All of standard input. */
  readStdin(): Promise<Uint8Array>;
  /** Bytes that are passed on as they are, for remote programs. */
  writeBytes(to: 'stdout' | 'stderr', bytes: Uint8Array): void;
}
