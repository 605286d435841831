/** SHA-256 of files of any size, and the one way in which work on bundles ends at a Ctrl-C. */
import { createHash } from 'node:crypto';
import { UserError } from '../../base/errors.js';
import { chunksOf } from '../files.js';

/** 64 hex digits. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(path)) hash.update(chunk);
  return hash.digest('hex');
}

export function stopWhenAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new UserError({
    ...{ code: 'cancelled', message: 'interrupted', exitCode: 130 },
    remedy: 'Type the same again; what has been fetched so far is kept.',
  });
}
