/**
 * How long things take, in milliseconds of simulated time: shortest, most likely and longest normal duration on
 * machines with 2 vCPU, 4 GiB and an SSD. Drawn as a triangular distribution from the consumer's own stream and
 * multiplied by the lab's time scale. Estimates unless a source is named; protocol timers are not here, they come
 * from the files that the programs read.
 */
import type { Prng } from '../base/prng.js';

export interface Timing {
  readonly minMs: number;
  readonly typicalMs: number;
  readonly maxMs: number;
}

function timing(minMs: number, typicalMs: number, maxMs: number): Timing {
  return { minMs, typicalMs, maxMs };
}

export const TIMINGS = {
  /** Vagrant's own work for one machine until it is powered on: box clone, domain, networks. */
  machineCreate: timing(18_000, 30_000, 60_000),
  /** Power on until sshd answers, cloud image with cloud-init. */
  machineBoot: timing(12_000, 30_000, 60_000),
  /** Clean shutdown once every unit has stopped. */
  machineHalt: timing(2_000, 4_000, 10_000),
  machineDestroy: timing(1_000, 2_000, 4_000),
  /** Start and end of an ordinary short program, SSH included. */
  command: timing(20, 60, 200),
  /** A kubectl call's own start-up, before its first request. */
  kubectlStart: timing(60, 120, 300),
  /** One request inside the API server, etcd apart. */
  apiRequest: timing(2, 5, 20),
  /** Raft round and fsync of one write. */
  etcdCommit: timing(2, 5, 15),
  preflight: timing(500, 1_500, 4_000),
  certificates: timing(500, 2_000, 5_000),
  kubeletHealthy: timing(500, 1_000, 2_500),
  containerStart: timing(500, 1_200, 4_000),
  etcdStart: timing(1_500, 3_000, 8_000),
  /** Process start until the secure port is open. */
  apiserverListen: timing(4_000, 8_000, 14_000),
  /** Port open until RBAC is loaded; every request is answered 403 meanwhile. */
  apiserverForbidden: timing(1_500, 4_000, 10_000),
  /** RBAC loaded until the post-start hooks have passed and /livez is 200; the API is usable meanwhile. */
  apiserverHooks: timing(1_000, 3_000, 8_000),
  controllerStart: timing(2_000, 4_000, 10_000),
  imagePull: timing(2_000, 6_000, 20_000),
  /** One image out of an archive that is on the disk already. */
  imageUnpack: timing(1_000, 3_000, 10_000),
  /** A new member catches up with the leader until it may be promoted. */
  etcdLearnerSync: timing(1_000, 3_000, 10_000),
  /** A changed manifest: from the end of the old static pod until the kubelet starts the new one. */
  staticPodReplace: timing(9_000, 12_000, 16_000),
  /** Copying etcd's data folder, two preallocated logs and all. */
  etcdBackup: timing(300, 1_000, 4_000),
  /** Fetching the package lists of all sources. */
  aptUpdate: timing(2_000, 5_000, 15_000),
  /** Fetching and unpacking one package. */
  aptInstall: timing(2_000, 6_000, 25_000),
  kubeletBootstrap: timing(2_000, 4_000, 9_000),
  /** Unmounting, stopping sandboxes, deleting folders. */
  resetCleanup: timing(4_000, 10_000, 30_000),
  helmInstall: timing(2_000, 5_000, 15_000),
  cniAgentReady: timing(10_000, 25_000, 60_000),
  podReady: timing(1_000, 3_000, 8_000),
  longhornReady: timing(40_000, 110_000, 240_000),
  /** Started again where it was ready before: its engine's files and its resources are there. */
  longhornAgain: timing(5_000, 15_000, 45_000),
} as const satisfies Record<string, Timing>;

export type TimingName = keyof typeof TIMINGS;

/** What a lab says in place of entries of the table. */
export type Timings = { readonly [name in TimingName]?: Timing };

/** One draw, in whole milliseconds. `Math.sqrt` is exact by IEEE 754, so the draw is the same on every engine. */
export function drawTiming(name: TimingName, prng: Prng, timeScale: number, own: Timings = {}): number {
  const { minMs, typicalMs, maxMs } = own[name] ?? TIMINGS[name];
  const span = maxMs - minMs;
  const u = prng.int(0, 1_000_000) / 1_000_000;
  const knee = span === 0 ? 0 : (typicalMs - minMs) / span;
  const drawn =
    u < knee
      ? minMs + Math.sqrt(u * span * (typicalMs - minMs))
      : maxMs - Math.sqrt((1 - u) * span * (maxMs - typicalMs));
  return Math.round(drawn * timeScale);
}
