/**
 * What must never happen and cannot be seen from outside: judged by the ground truth of an all-seeing observer, which
 * only the simulator has. Told of every change, and noted when it happened.
 */
import { printDuration } from '../base/duration.js';
import { controlPlanes, type LabSpec } from '../model/lab.js';
import { quorumSize } from '../model/quorum.js';
import { parseVersion } from '../model/version.js';
import type { GroundTruth, Observation } from '../provider/provider.js';
import type { InvariantName } from './invariant-names.js';
import type { InvariantResult } from './invariants.js';

/** Faults took a machine away, or may have, from and until. */
export interface Taken {
  readonly machine: string;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Found {
  readonly machine: string;
  readonly observed: string;
  readonly atMs: number;
}

type Broken = Omit<Found, 'atMs'>;

type Voters = GroundTruth['voters'];

const EXPECTED: Readonly<Partial<Record<InvariantName, string>>> = {
  'one-leader-per-term': 'in each of its terms at most one member of etcd leads',
  'kubelet-not-newer': 'no kubelet is of a newer minor version than its API server',
  'super-admin-not-mounted': 'no container mounts super-admin.conf',
  'quorum-not-given-up': 'what nobody took away on purpose leaves a quorum of voters',
};

export class Truths {
  readonly #lab: LabSpec;
  readonly #fromMs: number;
  /** What was true just before the experiment began. */
  #before: Observation | null = null;
  #isSeen = false;
  readonly #found = new Map<InvariantName, Found>();
  /** Who led in a term of a cluster. */
  readonly #leaders = new Map<string, string>();
  /** The voters, each time that they changed. */
  readonly #voters: { readonly atMs: number; readonly voters: Voters }[] = [];

  /** What was earlier is history: a bootstrap mounts super-admin.conf and has to. */
  constructor(lab: LabSpec, fromMs: number) {
    this.#lab = lab;
    this.#fromMs = fromMs;
  }

  see(seen: Observation): void {
    if (seen.atMs < this.#fromMs) {
      this.#before = seen;
      return;
    }
    const before = this.#before;
    this.#before = null;
    if (before !== null && before.truth !== null) this.#look(this.#fromMs, before.truth);
    if (seen.truth !== null) this.#look(seen.atMs, seen.truth);
  }

  /** Empty where nobody saw the truth: nothing is claimed then. */
  judge(endedMs: number, taken: readonly Taken[]): readonly InvariantResult[] {
    if (!this.#isSeen) return [];
    const lost = this.#givenUp(endedMs, taken);
    if (lost !== null) this.#found.set('quorum-not-given-up', lost);
    return (Object.keys(EXPECTED) as InvariantName[]).map((name) => {
      const found = this.#found.get(name);
      return {
        ...{ name, ok: found === undefined, expected: EXPECTED[name] ?? '' },
        observed: found?.observed ?? 'never otherwise',
        ...{ atMs: found?.atMs ?? null, machine: found?.machine ?? null },
      };
    });
  }

  #look(atMs: number, truth: GroundTruth): void {
    this.#isSeen = true;
    this.#note('one-leader-per-term', atMs, this.#rival(truth));
    this.#note('kubelet-not-newer', atMs, newerKubelet(this.#lab, truth));
    const [machine] = truth.superAdmin;
    const mounted =
      machine === undefined ? null : { machine, observed: `a container of ${machine} mounts it` };
    this.#note('super-admin-not-mounted', atMs, mounted);
    if (this.#voters.at(-1)?.voters !== truth.voters) this.#voters.push({ atMs, voters: truth.voters });
  }

  /** Only the first time is told. */
  #note(name: InvariantName, atMs: number, broken: Broken | null): void {
    if (broken !== null && !this.#found.has(name)) this.#found.set(name, { ...broken, atMs });
  }

  #rival({ leaders }: GroundTruth): Broken | null {
    for (const { cluster, machine, term } of leaders) {
      const key = `${cluster} ${term}`;
      const other = this.#leaders.get(key) ?? machine;
      this.#leaders.set(key, other);
      if (other !== machine) return { machine, observed: `${other} and ${machine} both led in term ${term}` };
    }
    return null;
  }

  /**
   * A time without a quorum that there would not have been without the voters whom no fault had taken: an operation
   * took them away, or they fell by themselves.
   */
  #givenUp(endedMs: number, taken: readonly Taken[]): Found | null {
    const away = new Map<string, number>();
    for (const [index, { atMs, voters }] of this.#voters.entries()) {
      const toMs = this.#voters[index + 1]?.atMs ?? endedMs;
      const dead = voters.filter(({ live }) => !live).map(({ machine }) => machine);
      for (const machine of [...away.keys()]) if (!dead.includes(machine)) away.delete(machine);
      for (const machine of dead) if (!away.has(machine)) away.set(machine, atMs);
      const isTaken = (machine: string): boolean =>
        taken.some(
          (one) => one.machine === machine && one.fromMs <= toMs && one.toMs >= (away.get(machine) ?? atMs),
        );
      const own = dead.filter((machine) => !isTaken(machine));
      const [live, needed] = [voters.length - dead.length, quorumSize(voters.length)];
      if (toMs <= atMs || live >= needed || live + own.length < needed) continue;
      const lasted = printDuration(toMs - atMs);
      const which = own.join(', ');
      const observed = `${live} of ${voters.length} voters for ${lasted}: no fault took ${which}`;
      return { machine: own[0] ?? '', observed, atMs };
    }
    return null;
  }
}

/**
 * A control plane's kubelet is upgraded while the other API servers are old: the one beside it counts. A worker's
 * kubelet may be answered by any of them.
 */
function newerKubelet(lab: LabSpec, { kubelets, apiServers }: GroundTruth): Broken | null {
  const planes = controlPlanes(lab).map(({ name }) => name);
  for (const [machine, version] of Object.entries(kubelets)) {
    const beside = planes.includes(machine) ? [apiServers[machine]] : Object.values(apiServers);
    const older = beside.find((server) => server !== undefined && minorOf(server) < minorOf(version));
    if (older !== undefined)
      return { machine, observed: `${machine} ran a kubelet ${version} with an API server ${older}` };
  }
  return null;
}

function minorOf(version: string): number {
  return parseVersion(version)?.minor ?? 0;
}
