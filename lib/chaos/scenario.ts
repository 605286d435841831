/** A scenario as it was read: checked, with defaults filled in, and with nothing yet that depends on a lab. */
import type { TopologyKind, VipProvider } from '../model/lab.js';
import type { DurationSum } from './duration-sum.js';
import type { FaultName } from './fault-kinds.js';
import type { InvariantName } from './invariant-names.js';
import type { Selector } from './selector.js';
import type { Subject } from './subject.js';

export interface Needs {
  readonly kind: TopologyKind | null;
  readonly controlPlanes: number;
  readonly workers: number;
  readonly vip: VipProvider | null;
}

export interface Setting {
  readonly name: string;
  /** As it was written. */
  readonly default: string;
  readonly description: string;
}

export interface ProbeSpec {
  readonly name: string;
  readonly what:
    | { readonly kind: 'run' | 'kubectl'; readonly argv: readonly string[] }
    | { readonly kind: 'write' }
    /** One packet each time; null for the floating address. */
    | { readonly kind: 'ping'; readonly to: Selector | null }
    /** Whether HAProxy's checks have a control plane up. */
    | { readonly kind: 'backend'; readonly to: Selector };
  /** Null for the workstation, or for the control plane that kubectl takes. */
  readonly on: Selector | null;
  readonly every: DurationSum;
  readonly timeout: DurationSum;
  readonly exit: number;
  /** A run is to go on until its timeout. */
  readonly lasts: boolean;
  /** Source of a regular expression. */
  readonly output: string | null;
}

export interface SteadySpec {
  readonly subject: Subject;
  readonly up: boolean;
}

export const OPERATIONS = ['upgrade', 'rejoin'] as const;

/** A saga that runs while the faults come. */
export interface OperationSpec {
  readonly saga: (typeof OPERATIONS)[number];
  /** Of an upgrade: the version to go to; null for the newest patch of the next minor. */
  readonly to: string | null;
  /** Of a rejoin: who leaves and joins again. */
  readonly machines: Selector | null;
  /** How long it may take, faults included. */
  readonly within: DurationSum;
}

export interface FaultSpec {
  readonly name: string;
  readonly fault: FaultName;
  readonly machines: Selector;
  /** The step of the operation with whose beginning `at` begins to count; null for the beginning of the method. */
  readonly when: string | null;
  readonly at: DurationSum;
  /** Null for the end of the method. */
  readonly lasts: DurationSum | null;
  readonly from: Selector | null;
  readonly unit: string | null;
  readonly manifest: string | null;
  readonly process: string | null;
  /** Such as `30%`. */
  readonly loss: string | null;
  readonly delay: DurationSum | null;
  readonly latency: DurationSum | null;
  readonly skew: DurationSum | null;
  /** As `kubeadm certs renew` calls it. */
  readonly certificate: string | null;
  readonly names: readonly string[];
}

export type Demand =
  | {
      readonly kind: 'becomes';
      readonly up: boolean;
      readonly within: DurationSum;
      readonly notBefore: DurationSum | null;
    }
  | { readonly kind: 'stays'; readonly up: boolean }
  | { readonly kind: 'outage'; readonly atLeast: DurationSum | null; readonly atMost: DurationSum | null }
  | { readonly kind: 'changes'; readonly expected: boolean }
  | {
      readonly kind: 'failures';
      readonly atLeast: number | null;
      readonly atMost: number | null;
      /** Source of a regular expression that the words of a failure must match to be counted; null for all. */
      readonly saying: string | null;
    };

export interface ExpectationSpec {
  readonly name: string;
  readonly subject: Subject;
  /** The window; null for the whole run from the first fault on. */
  readonly window: { readonly kind: 'while' | 'after'; readonly fault: string } | null;
  readonly skip: DurationSum | null;
  readonly demand: Demand;
}

export interface Scenario {
  readonly name: string;
  readonly description: string;
  readonly needs: Needs;
  readonly settings: readonly Setting[];
  readonly workload: string | null;
  readonly probes: readonly ProbeSpec[];
  /** Null for what every lab of its kind is judged by. */
  readonly steadyState: readonly SteadySpec[] | null;
  /** Null for when the last fault has come or gone. */
  readonly lasts: DurationSum | null;
  readonly operation: OperationSpec | null;
  readonly method: readonly FaultSpec[];
  readonly during: readonly ExpectationSpec[];
  readonly recovery: DurationSum;
  /** Null for all that the provider can watch. */
  readonly invariants: readonly InvariantName[] | null;
}
