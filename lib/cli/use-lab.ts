/**
 * A lab in use for a short while. What is done to a simulated lab is written into its log and takes lab time, one thing
 * at a time; real machines take commands from several people at once, also while an operation runs.
 */
import type { Provider } from '../provider/provider.js';
import { lockLab, type Lab } from './labs.js';
import { openProvider } from './providers.js';
import type { Session } from './session.js';

export async function useLab<T>(
  { io }: Session,
  lab: Lab,
  work: (provider: Provider) => Promise<T>,
): Promise<T> {
  const isReal = lab.record.spec.provider === 'libvirt';
  const lock = isReal ? null : lockLab(io, lab);
  try {
    const provider = await openProvider(io, lab, isReal ? 'look' : 'operate');
    try {
      return await work(provider);
    } finally {
      await provider.close();
    }
  } finally {
    lock?.release();
  }
}
