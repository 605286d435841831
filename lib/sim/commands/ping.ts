/** `ping` of iputils. An address that nobody answers for is a lost packet; ICMP errors are not printed. */
import type { Invocation } from '../process.js';
import { sleep, type Sim } from '../task.js';
import { Failure, program } from './failure.js';
import { FlagProblem, parseFlags, type Flags } from './flags.js';

const FLAGS = ['c=', 'W=', 'i=', 'w=', 'I=', 'q', 'n', '4', 's=', 'D'];

export const ping = program('command', function* run(call) {
  const flags = readFlags(call);
  const host = flags.operands[0];
  if (host === undefined) throw new Failure('ping: usage error: Destination address required\n', 1);
  const address = call.machine.lookup(host);
  if (address === null) throw new Failure(`ping: ${host}: Name or service not known\n`, 2);
  if (flags.get('c') === null && flags.get('w') === null) {
    throw new Failure('ping: the simulator needs -c or -w: nobody is there to press Ctrl-C\n', 2);
  }
  call.print(`PING ${host} (${address}) 56(84) bytes of data.\n`);
  const startMs = call.world.nowMs;
  const times = yield* send(call, flags, address);
  report(call, host, times, call.world.nowMs - startMs);
  return times.some((time) => time !== null) ? 0 : 1;
});

/** One round trip, or null, for each packet. */
function* send(call: Invocation, flags: Flags, address: string): Sim<(number | null)[]> {
  const { network } = call.world;
  const count = flags.get('c') === null ? Infinity : Number(flags.get('c'));
  const waitMs = seconds(flags.get('W') ?? '10');
  const intervalMs = seconds(flags.get('i') ?? '1');
  const deadlineMs = flags.get('w') === null ? Infinity : call.world.nowMs + seconds(flags.get('w') ?? '0');
  const times: (number | null)[] = [];
  while (times.length < count && call.world.nowMs < deadlineMs) {
    const sentMs = call.world.nowMs;
    const last = times.length + 1 >= count;
    // Between packets it listens for the interval; only after the last does the time-out count.
    const listenMs = Math.min(last ? waitMs : intervalMs, deadlineMs - sentMs);
    const time = yield* network.ping(call.machine, address, listenMs);
    times.push(time);
    if (time !== null && !flags.has('q')) {
      call.print(`64 bytes from ${address}: icmp_seq=${times.length} ttl=64 time=${decimals(time)} ms\n`);
    }
    if (!last) yield* sleep(Math.max(0, sentMs + intervalMs - call.world.nowMs));
  }
  return times;
}

function report(call: Invocation, host: string, times: readonly (number | null)[], elapsedMs: number): void {
  const got = times.filter((time) => time !== null);
  const sent = times.length;
  const lost = Math.floor(((sent - got.length) * 100) / Math.max(1, sent));
  call.print(`\n--- ${host} ping statistics ---\n`);
  const counts = `${sent} packets transmitted, ${got.length} received, ${lost}% packet loss`;
  call.print(`${counts}, time ${elapsedMs}ms\n`);
  if (got.length === 0) {
    call.print('\n');
    return;
  }
  const sum = got.reduce((total, time) => total + time, 0);
  const mean = sum / got.length;
  const deviation = Math.sqrt(got.reduce((total, time) => total + (time - mean) ** 2, 0) / got.length);
  const figures = [Math.min(...got), mean, Math.max(...got), deviation].map((one) => one.toFixed(3));
  call.print(`rtt min/avg/max/mdev = ${figures.join('/')} ms\n`);
}

/** iputils prints three significant digits. */
function decimals(ms: number): string {
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
}

function seconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Failure(`ping: invalid argument: '${text}'\n`, 1);
  return Math.round(Number(text) * 1_000);
}

function readFlags(call: Invocation): Flags {
  try {
    return parseFlags(FLAGS, call.args);
  } catch (error) {
    if (!(error instanceof FlagProblem)) throw error;
    const reason = error.kind === 'needs-value' ? 'option requires an argument' : 'invalid option';
    throw new Failure(`ping: ${reason} -- '${error.flag.replace(/^-+/, '').charAt(0)}'\n`, 2);
  }
}
