/**
 * What the controller manager and the scheduler have in common: flags, a kubeconfig, a health port, and one
 * leader among several that does the work. A leader that lost its Lease exits and is started again.
 */
import { ApiClient } from './api-client.js';
import { flagsOf, readAs } from './container.js';
import { parseKubeconfig } from './kubeconfig.js';
import { klogLine } from './klog.js';
import { LeaderElector } from './leader-election.js';
import type { Invocation } from './process.js';
import { sleep, waitFor, type Signal, type Sim } from './task.js';

export interface ControlPlaneProgram {
  readonly name: string;
  /** Name of the Lease in kube-system. */
  readonly leaseName: string;
  readonly healthPort: number;
  /** Starts the work of a leader; its tasks belong to the process. */
  readonly lead: (leader: Leader) => void;
}

export interface Leader {
  readonly call: Invocation;
  readonly client: ApiClient;
  readonly flags: ReadonlyMap<string, string>;
}

const DEFAULT_LEASE_MS = 15_000;
const DEFAULT_RENEW_MS = 10_000;
const DEFAULT_RETRY_MS = 2_000;

export function* runControlPlaneProgram(call: Invocation, program: ControlPlaneProgram): Sim<number> {
  const { world, process } = call;
  const flags = flagsOf(call.args);
  yield* sleep(world.draw('controllerStart', call.prng));
  const path = flags.get('kubeconfig') ?? '';
  const text = readAs(call, path);
  const config = text === null ? null : parseKubeconfig(world.documents, text, (file) => readAs(call, file));
  if (config === null) {
    call.printError(
      klogLine(
        call.machine,
        'E',
        'run.go:72',
        `"command failed" err="stat ${path}: no such file or directory"`,
      ),
    );
    return 1;
  }
  serveHealth(call, program.healthPort);
  const client = new ApiClient({ machine: call.machine, config, container: call.container });
  const minor = Number(/:v1\.(\d+)/.exec(call.container?.image ?? '')?.[1] ?? '0');
  const elector = new LeaderElector({
    ...{ client, process, prng: call.prng.fork('election') },
    ...{ namespace: 'kube-system', name: program.leaseName },
    identity: `${call.machine.name}_${uuid(call)}`,
    leaseMs: duration(flags.get('leader-elect-lease-duration')) ?? DEFAULT_LEASE_MS,
    renewDeadlineMs: duration(flags.get('leader-elect-renew-deadline')) ?? DEFAULT_RENEW_MS,
    retryMs: duration(flags.get('leader-elect-retry-period')) ?? DEFAULT_RETRY_MS,
    // client-go gives an election's requests half the renew deadline.
    requestTimeoutMs: (duration(flags.get('leader-elect-renew-deadline')) ?? DEFAULT_RENEW_MS) / 2,
    log: (level, line, text) => {
      // The file grew by three lines at its beginning in 1.32.
      const at = minor < 32 && line < 290 ? line - 3 : line;
      call.printError(klogLine(call.machine, level, `leaderelection.go:${at}`, text));
    },
  });
  yield* elector.acquire();
  world.emit(call.machine.name, program.name, 'leader', {});
  program.lead({ call, client, flags });
  yield* elector.renew();
  call.printError(klogLine(call.machine, 'E', 'run.go:72', '"leaderelection lost"'));
  world.emit(call.machine.name, program.name, 'leadership lost', {});
  return 1;
}

function serveHealth(call: Invocation, port: number): void {
  call.process.listen({
    port,
    address: '127.0.0.1',
    certificate: () => null,
    serve: function* healthz() {
      yield* [];
      return { status: 200, body: 'ok' };
    },
  });
}

function uuid(call: Invocation): string {
  const hex = call.prng.fork('identity').hex(32);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Go's durations as flags have them: `15s`, `1m30s`, `5m0s`; null for none. */
export function duration(text: string | undefined): number | null {
  const match = /^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?$/.exec(text ?? '');
  if (match === null || text === undefined || text === '') return null;
  const [hours, minutes, seconds, ms] = match.slice(1).map((part: string | undefined) => Number(part ?? 0));
  return Math.round((hours ?? 0) * 3_600_000 + (minutes ?? 0) * 60_000 + (seconds ?? 0) * 1_000 + (ms ?? 0));
}

const RETRY_MS = 5_000;

/**
 * Runs `reconcile` at the start and whenever one of `informers` has changed, never twice at a time. Changes of
 * one moment are handled together. It is run again after a while when it says that it could not do all.
 */
export function* onChange(
  informers: readonly { readonly changed: Signal }[],
  settleMs: number,
  reconcile: () => Sim<boolean>,
): Sim<never> {
  const signals = informers.map((one) => one.changed);
  const count = (): number => signals.reduce((sum, signal) => sum + signal.count, 0);
  for (;;) {
    const before = count();
    if (!(yield* reconcile())) yield* sleep(RETRY_MS);
    else if (count() === before) yield* waitFor(signals);
    yield* sleep(settleMs);
  }
}
