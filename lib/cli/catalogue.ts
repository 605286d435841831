/** Every command, in the order in which help lists them. A command's file is loaded when it is asked for. */
import type { Command } from 'commander';
import type { Perform } from './app.js';

export interface CommandModule {
  /** Gives a command its options, its examples and what it does. */
  define(command: Command, perform: Perform): void;
}

export interface CatalogueEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    name: 'init',
    summary: 'write a commented configuration to begin with',
    load: () => import('./commands/init.js'),
  },
  {
    name: 'plan',
    summary: 'show the machines of a lab and whether they fit',
    load: () => import('./commands/plan.js'),
  },
  {
    name: 'render',
    summary: 'print or write the files that homelab generates',
    load: () => import('./commands/render.js'),
  },
  {
    name: 'image',
    summary: 'build, list or remove the images of real machines',
    load: () => import('./commands/image.js'),
  },
  { name: 'up', summary: 'bring a lab up, or what is missing of it', load: () => import('./commands/up.js') },
  {
    name: 'status',
    summary: 'machines, nodes, etcd, the API and who holds its address',
    load: () => import('./commands/status.js'),
  },
  { name: 'exec', summary: 'run a program on a machine', load: () => import('./commands/exec.js') },
  {
    name: 'ssh',
    summary: 'a prompt on a machine',
    load: () => import('./commands/ssh.js'),
  },
  {
    name: 'kubectl',
    summary: 'run kubectl on a control plane of the lab',
    load: () => import('./commands/kubectl.js'),
  },
  {
    name: 'kubeconfig',
    summary: "print the lab's kubeconfig",
    load: () => import('./commands/kubeconfig.js'),
  },
  {
    name: 'machine',
    summary: 'halt, start, reboot, cut, pause, resume or slow a machine',
    load: () => import('./commands/machine.js'),
  },
  {
    name: 'k8s',
    summary: 'upgrade the cluster to another version of Kubernetes, or restore it',
    load: () => import('./commands/k8s.js'),
  },
  { name: 'etcd', summary: 'look at etcd, or copy it', load: () => import('./commands/etcd.js') },
  {
    name: 'quorum',
    summary: 'what a machine that goes down would cost etcd',
    load: () => import('./commands/quorum.js'),
  },
  {
    name: 'lint',
    summary: 'what is wrong with a cluster, or would stand in the way of an upgrade',
    load: () => import('./commands/lint.js'),
  },
  {
    name: 'wait',
    summary: 'let lab time pass, or wait for a condition',
    load: () => import('./commands/wait.js'),
  },
  {
    name: 'chaos',
    summary: 'scripted experiments: list, show, check and run them',
    load: () => import('./commands/chaos.js'),
  },
  {
    name: 'saga',
    summary: 'list, show or draw the operations of a lab',
    load: () => import('./commands/saga.js'),
  },
  {
    name: 'report',
    summary: 'list, show or open what is kept of operations',
    load: () => import('./commands/report.js'),
  },
  {
    name: 'sim',
    summary: 'events, past and other ways of a simulated lab',
    load: () => import('./commands/sim.js'),
  },
  {
    name: 'resume',
    summary: 'go on with an operation that was cut short',
    load: () => import('./commands/resume.js'),
  },
  {
    name: 'abort',
    summary: 'undo an operation that was cut short',
    load: () => import('./commands/abort.js'),
  },
  {
    name: 'down',
    summary: 'halt all machines of a lab and keep their disks',
    load: () => import('./commands/down.js'),
  },
  {
    name: 'destroy',
    summary: 'remove a lab with everything in it',
    load: () => import('./commands/destroy.js'),
  },
  { name: 'doctor', summary: 'check what this computer needs', load: () => import('./commands/doctor.js') },
  {
    name: 'bundle',
    summary: 'verify, list or fetch what labs need without a network',
    load: () => import('./commands/bundle.js'),
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    load: () => import('./commands/completion.js'),
  },
  { name: 'version', summary: 'print versions', load: () => import('./commands/version.js') },
];
