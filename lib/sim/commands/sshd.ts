/** The unit behind the machine's shell: it only has to run. Sessions are the provider's. */
import type { Program } from '../process.js';
import { Signal, waitFor } from '../task.js';

export const sshd: Program = function* run(call) {
  const never = new Signal(`sshd of ${call.machine.name}`);
  for (;;) yield* waitFor([never]);
};
