/**
 * Durations of the generated files, stretched by the lab's `timeScale` so that a machine ten times slower
 * gets ten times as long. Idle time-outs of connections are no measure of speed and are not stretched. The
 * VIP's lease is stretched where the configuration is resolved, because there an explicit value can be told
 * from a default.
 */
import type { LabSpec } from '../model/lab.js';

/** Whole seconds, at least 1. */
export function scaledSeconds(lab: LabSpec, seconds: number): number {
  return Math.max(1, Math.round(seconds * lab.timeScale));
}

/** The way Go prints a duration: `4m0s`, `1h30m0s`, `15s`. */
export function goDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

/** `goDuration` of stretched seconds. */
export function scaledDuration(lab: LabSpec, seconds: number): string {
  return goDuration(scaledSeconds(lab, seconds));
}

/** etcd refuses to start with an election time-out above this (its constant `maxElectionMs`). */
const MAX_ELECTION_MS = 50_000;

/** etcd's two timers in milliseconds: 100 and 1000 by default; the election stays ten heartbeats. */
export function etcdTimers(lab: LabSpec): { readonly heartbeatMs: number; readonly electionMs: number } {
  const heartbeatMs = Math.min(Math.round(100 * lab.timeScale), MAX_ELECTION_MS / 10);
  return { heartbeatMs, electionMs: heartbeatMs * 10 };
}
