/** A generated text and where it belongs. Leaves out who writes it there: a saga, or the command line. */

/** The groups of files that `homelab render` knows by name, in the order in which it prints them. */
export const WHATS = [
  'vagrantfile',
  'packer',
  'hosts',
  'network',
  'haproxy',
  'kubeadm',
  'kube-vip',
  'cni',
  'addons',
] as const;
export type What = (typeof WHATS)[number];

export interface GeneratedFile {
  readonly what: What;
  /** The machine that the file is written to; null for the lab's own folder on the workstation. */
  readonly machine: string | null;
  /** Absolute on a machine, relative to the lab's folder otherwise. */
  readonly path: string;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  readonly content: string;
}

/** Where `homelab render --out DIR` puts a file: one tree for each machine, so that no two files meet. */
export function outputPath(file: GeneratedFile): string {
  return file.machine === null ? file.path : `${file.machine}${file.path}`;
}
