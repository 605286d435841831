/** A container's log file in the kubelet's format under /var/log/pods, bounded as its rotation bounds it. */
import type { Machine } from './machine.js';

/** Far less than the kubelet's 10 MiB a file, which nobody would read here. */
const KEPT_LINES = 200;

export const POD_LOGS = '/var/log/pods';

interface LoggedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export class ContainerLog {
  readonly #machine: Machine;
  readonly #path: string;
  #lines: string[] = [];

  constructor(machine: Machine, pod: LoggedPod, container: string, attempt: number) {
    const folder = logFolder(pod, container);
    machine.disk.makeDirectories(folder);
    this.#machine = machine;
    this.#path = `${folder}/${attempt}.log`;
  }

  write(stream: 'stdout' | 'stderr', text: string): void {
    const { disk } = this.#machine;
    const stamp = this.#machine.date(true);
    for (const line of text.replace(/\n$/, '').split('\n')) this.#lines.push(`${stamp} ${stream} F ${line}`);
    if (this.#lines.length > KEPT_LINES) this.#lines = this.#lines.slice(-KEPT_LINES);
    disk.write(this.#path, `${this.#lines.join('\n')}\n`);
  }
}

export function logFolder(pod: LoggedPod, container: string): string {
  return `${POD_LOGS}/${pod.namespace}_${pod.name}_${pod.uid}/${container}`;
}
