/** What cards, neighbours, requests and listeners of the lab network are made of. */
import type { Machine } from './machine.js';
import type { Certificate } from './pki.js';
import type { Process } from './process.js';
import type { Signal, Sim } from './task.js';

export interface Nic {
  readonly name: string;
  readonly mac: string;
  /** False while somebody pulled the cable. */
  linked: boolean;
  /** Addresses with their prefix lengths, in the order they were added: `192.168.62.11` → 24. */
  readonly addresses: Map<string, number>;
}

export interface ArpEntry {
  mac: string;
  /** When the owner was last known to answer. */
  confirmedMs: number;
  /** When a stale entry that is in use will be probed; null while nobody has used it. */
  probeDueMs: number | null;
}

/** One request over a TCP connection: HTTP for the API server, the same shape for etcd's gRPC. */
export interface Request {
  readonly method: string;
  /** Path with query, such as `/api/v1/nodes?limit=500` or `/etcdserverpb.Cluster/MemberList`. */
  readonly path: string;
  readonly body?: unknown;
  readonly clientCertificate?: Certificate;
  readonly bearerToken?: string;
  /** Whose clock the times in the body are from; the machine of the client, also behind a load balancer. */
  readonly sender?: Machine;
  /** The process whose renewals an open request stands for; see api/watch.ts. */
  readonly holder?: Process;
  /** Sends a part of an answer that has no end, such as an event of a watch; filled in by the network. */
  readonly push?: (body: unknown) => void;
}

export interface Response {
  readonly status: number;
  readonly body: unknown;
  /** The certificate the server showed; filled in by the network from the listener when absent. */
  readonly certificate?: Certificate | null;
}

export interface Listener {
  readonly port: number;
  /** Null listens on every address. */
  readonly address: string | null;
  readonly process: Process;
  readonly certificate: () => Certificate | null;
  /** Fires when the answer to a health check may have changed; whoever probes parks on it. Absent: it never changes. */
  readonly healthChanged?: Signal;
  /** May one answer to a health check differ from the next although nothing changed? Then nobody parks. */
  readonly varies?: () => boolean;
  /** Would /readyz be answered with 200 now? For onlookers: reads only. Absent: ask the API server of the machine. */
  readonly answersReady?: () => boolean;
  /** Answers one request in the server's own process; 'reset' closes the connection without an answer. */
  readonly serve: (request: Request, from: Machine) => Sim<Response | 'reset'>;
}

export type Outcome =
  | ({ readonly kind: 'response'; readonly certificate: Certificate | null } & Omit<Response, 'certificate'>)
  | { readonly kind: 'no-host' | 'refused' | 'no-route' | 'dial-timeout' | 'timeout' | 'reset' };
