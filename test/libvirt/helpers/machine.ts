/** Programs and files on test machines, whatever goes wrong said with the program's own words; and steps of sagas. */
import type { StepContext } from '../../../lib/engine/saga.js';
import type { Provider } from '../../../lib/provider/provider.js';

const TIMEOUT_MS = 120_000;

/** Standard output of a program that must succeed. */
export async function on(provider: Provider, machine: string, ...argv: readonly string[]): Promise<string> {
  const ended = await provider.shell(machine).run({ argv, timeoutMs: TIMEOUT_MS });
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  if (ended.kind === 'exited' && ended.code === 0) return text(ended.stdout);
  const how = ended.kind === 'exited' ? `exit code ${ended.code}` : ended.kind;
  throw new Error(`${machine}: ${argv.join(' ')}: ${how}: ${text(ended.stderr)}`);
}

export async function put(
  provider: Provider,
  machine: string,
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  await provider.shell(machine).writeFile(path, content, { mode, timeoutMs: TIMEOUT_MS });
}

/** What a step of a saga is given, without the saga. */
export function stepContext(provider: Provider): StepContext {
  return {
    provider,
    clock: provider.clock,
    signal: new AbortController().signal,
    shell: (machine) => provider.shell(machine),
    log: () => undefined,
  };
}
