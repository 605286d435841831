/** What the command line is given of the process it runs in; tests give it something else. */

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
