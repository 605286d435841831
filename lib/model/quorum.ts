/** Quorum arithmetic of etcd: a majority of the voters must be up for anything to be written. */

/** Voters that must be up: floor(n/2) + 1. */
export function quorumSize(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** How many of `up` voters may still fail before `voters` lose quorum; negative when it is lost already. */
export function tolerance(voters: number, up: number): number {
  return up - quorumSize(voters);
}
