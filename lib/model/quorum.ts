/** Quorum arithmetic of etcd: a majority of the voters must be up for anything to be written. */

/** Voters that must be up: floor(n/2) + 1. */
export function quorumSize(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** How many of `up` voters may still fail before `voters` lose quorum; negative when it is lost already. */
export function tolerance(voters: number, up: number): number {
  return up - quorumSize(voters);
}

export interface Voter {
  readonly name: string;
  readonly up: boolean;
}

/** What etcd is left with when machines go down. */
export interface QuorumForecast {
  readonly voters: number;
  readonly quorum: number;
  readonly upBefore: number;
  readonly upAfter: number;
  /** May still fail afterwards; negative when quorum is lost. */
  readonly toleranceAfter: number;
  readonly hadQuorum: boolean;
  readonly keepsQuorum: boolean;
}

/** A machine that is down already, or that carries no voter, costs nothing. */
export function forecastQuorum(voters: readonly Voter[], goingDown: readonly string[]): QuorumForecast {
  const upBefore = voters.filter(({ up }) => up).length;
  const upAfter = voters.filter(({ name, up }) => up && !goingDown.includes(name)).length;
  return {
    voters: voters.length,
    quorum: quorumSize(voters.length),
    upBefore,
    upAfter,
    toleranceAfter: tolerance(voters.length, upAfter),
    hadQuorum: tolerance(voters.length, upBefore) >= 0,
    keepsQuorum: tolerance(voters.length, upAfter) >= 0,
  };
}

/** The arithmetic in words: `etcd has 3 voters, 2 of them up; without stage-cp-2 1 is up, and 2 are a quorum`. */
export function quorumText(forecast: QuorumForecast, goingDown: readonly string[]): string {
  const { voters, upBefore, upAfter, quorum } = forecast;
  return (
    `etcd has ${voters} ${voters === 1 ? 'voter' : 'voters'}, ${upBefore} of them up; without ` +
    `${goingDown.join(' and ')} ${upAfter} ${upAfter === 1 ? 'is' : 'are'} up, and ${quorum} ` +
    `${quorum === 1 ? 'is' : 'are'} a quorum`
  );
}
