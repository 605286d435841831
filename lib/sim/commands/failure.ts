/**
 * How simulated programs end: a body that returns an exit code, or throws a `Failure` with words for stderr.
 */
import type { Invocation, Program } from '../process.js';
import { sleep, type Sim } from '../task.js';
import type { TimingName } from '../../model/timings.js';
import { FlagProblem, Flags, getoptText, parseFlags, type FlagSpec } from './flags.js';

/** The program ends with `code`, after `text` (with its newline) on stderr. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly text: string;
  readonly code: number;

  constructor(text: string, code = 1) {
    super(text.trimEnd());
    this.text = text;
    this.code = code;
  }
}

/** A program that takes `start` to come up, then runs `body`. */
export function program(start: TimingName, body: (call: Invocation) => Sim<number>): Program {
  return function* run(call) {
    yield* sleep(call.world.draw(start, call.prng));
    try {
      return yield* body(call);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      call.printError(error.text);
      return error.code;
    }
  };
}

/** A short program that does its work at one moment. */
export function shortProgram(body: (call: Invocation) => number): Program {
  return program('command', function* short(call) {
    yield* [];
    return body(call);
  });
}

/** The flags of a GNU program; ends it with `code` for one that it does not know. */
export function gnuFlags(name: string, specs: readonly FlagSpec[], args: readonly string[], code = 1): Flags {
  try {
    return parseFlags(specs, args);
  } catch (error) {
    if (!(error instanceof FlagProblem)) throw error;
    throw new Failure(getoptText(name, error), code);
  }
}

/** A real feature of the program that the simulator does not have. */
export function notModelled(name: string, what: string, code = 1): Failure {
  return new Failure(`${name}: the simulator does not model ${what}\n`, code);
}
