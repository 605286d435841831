/**
 * `arping` of iputils: asks the segment who has an address (also for duplicate address detection with -D), or
 * announces one (-U, -A). One probe a second. Answers come from every machine that holds the address.
 */
import type { Machine } from '../machine.js';
import type { Invocation } from '../process.js';
import { sleep, type Sim } from '../task.js';
import { Failure, program } from './failure.js';
import { FlagProblem, parseFlags, type Flags } from './flags.js';

const FLAGS = ['c=', 'w=', 'I=', 's=', 'i=', 'D', 'U', 'A', 'q', 'f', 'b'];
const REPLY_MS = 1;

export const arping = program('command', function* run(call) {
  const flags = readFlags(call);
  const target = flags.operands[0];
  if (target === undefined || flags.operands.length > 1) throw new Failure(USAGE, 2);
  const device = flags.get('I') ?? 'eth0';
  const { machine } = call;
  if (device !== machine.labNic.name) throw new Failure(`arping: Device ${device} not available.\n`, 2);
  const say = (text: string): void => {
    if (!flags.has('q')) call.print(text);
  };
  const announces = flags.has('U') || flags.has('A');
  if (announces && !machine.hasAddress(target)) {
    throw new Failure('arping: bind: Cannot assign requested address\n', 2);
  }
  const own = [...machine.labNic.addresses.keys()][0] ?? '0.0.0.0';
  const source = announces ? target : (flags.get('s') ?? (flags.has('D') ? '0.0.0.0' : own));
  say(`ARPING ${target} from ${source} ${device}\n`);
  const tally = announces ? yield* announce(call, flags, target) : yield* probe(call, flags, target, say);
  say(`Sent ${tally.sent} probes (${tally.broadcasts} broadcast(s))\n`);
  say(`Received ${tally.received} response(s)\n`);
  if (flags.has('D')) return tally.received > 0 ? 1 : 0;
  return announces || tally.received > 0 ? 0 : 1;
});

interface Tally {
  sent: number;
  broadcasts: number;
  received: number;
}

function* announce(call: Invocation, flags: Flags, address: string): Sim<Tally> {
  const count = Number(flags.get('c') ?? '1');
  for (let sent = 1; ; sent += 1) {
    call.world.network.announce(call.machine, address);
    if (sent >= count) return { sent, broadcasts: sent, received: 0 };
    yield* sleep(1_000);
  }
}

/** Ends after `-c` probes and a second, after `-w` seconds, or at the first answer with -D or -f. */
function* probe(call: Invocation, flags: Flags, address: string, say: (text: string) => void): Sim<Tally> {
  const count = flags.get('c') === null ? Infinity : Number(flags.get('c'));
  const deadlineMs =
    flags.get('w') === null ? Infinity : call.world.nowMs + Math.round(Number(flags.get('w')) * 1_000);
  const tally: Tally = { sent: 0, broadcasts: 0, received: 0 };
  let known: Machine | null = null;
  while (tally.sent < count && call.world.nowMs < deadlineMs) {
    tally.sent += 1;
    if (known === null || flags.has('b')) tally.broadcasts += 1;
    const owners = call.world.network.owners(call.machine, address).filter((one) => one !== call.machine);
    yield* sleep(REPLY_MS);
    const answering: Machine[] = known !== null && owners.includes(known) ? [known] : owners;
    for (const owner of answering) {
      tally.received += 1;
      say(`Unicast reply from ${address} [${owner.labNic.mac.toUpperCase()}]  1.000ms\n`);
      known ??= owner;
    }
    if (tally.received > 0 && (flags.has('D') || flags.has('f'))) return tally;
    yield* sleep(Math.min(1_000, deadlineMs - call.world.nowMs) - REPLY_MS);
  }
  return tally;
}

function readFlags(call: Invocation): Flags {
  try {
    return parseFlags(FLAGS, call.args);
  } catch (error) {
    if (!(error instanceof FlagProblem)) throw error;
    const reason = error.kind === 'needs-value' ? 'option requires an argument' : 'invalid option';
    throw new Failure(`arping: ${reason} -- '${error.flag.replace(/^-+/, '').charAt(0)}'\n${USAGE}`, 2);
  }
}

const USAGE = `
Usage:
  arping [options] <destination>

Options:
  -f            quit on first reply
  -q            be quiet
  -b            keep on broadcasting, do not unicast
  -D            duplicate address detection mode
  -U            unsolicited ARP mode, update your neighbours
  -A            ARP answer mode, update your neighbours
  -V            print version and exit
  -c <count>    how many packets to send
  -w <timeout>  how long to wait for a reply
  -i <interval> set interval between packets (default: 1 second)
  -I <device>   which ethernet device to use
  -s <source>   source IP address
  <destination> DNS name or IP address

For more details see arping(8).
`;
