/**
 * Programs that look all the time while an experiment runs, beside its faults: each run is one interval, good or not,
 * with the program's own words where it failed.
 */
import { CancelledError } from '../base/errors.js';
import { StepError, type StepContext } from '../engine/saga.js';
import { activeBackends, askBackends } from './backends.js';
import { ADMIN_CONF } from '../generate/paths.js';
import type { LabSpec } from '../model/lab.js';
import { UnreachableError, type Provider } from '../provider/provider.js';
import { run, type Ran } from '../sagas/remote.js';
import { durationOn } from './duration-sum.js';
import type { Interval } from './recorder.js';
import type { ChaosInput } from './plan.js';
import type { ProbeSpec, Scenario } from './scenario.js';

/** The object that a writing probe writes into. */
const WRITES = { namespace: 'default', name: 'homelab-chaos-writes' };
const WORDS = 120;

export interface Probing {
  readonly spec: ProbeSpec;
  /** The machine that it runs on. */
  readonly machine: string;
  /** Where a ping goes, or the server that HAProxy is asked for; null for any other. */
  readonly target: string | null;
}

/** All probes of a scenario, with the machines that were chosen for them. */
export function probesOf(
  lab: LabSpec,
  { probes }: Scenario,
  input: Pick<ChaosInput, 'probes' | 'targets'>,
): readonly Probe[] {
  return probes.map(
    (spec) =>
      new Probe(lab, {
        ...{ spec, machine: input.probes[spec.name] ?? '', target: input.targets[spec.name] ?? null },
      }),
  );
}

/** The runs of one probe so far. */
export class Probe {
  readonly name: string;
  readonly #lab: LabSpec;
  readonly #probing: Probing;
  readonly #runs: Interval[] = [];
  /** When the run that is under way was begun. */
  #begunMs: number | null = null;
  #written = 0;
  #acknowledged = 0;

  constructor(lab: LabSpec, probing: Probing) {
    this.name = probing.spec.name;
    this.#lab = lab;
    this.#probing = probing;
  }

  get runs(): readonly Interval[] {
    return this.#runs;
  }

  /**
   * The runs that were begun and ended in that time: one that is cut by its edges may have found either. What a run
   * found counts until the next one begins. One that is to last counts when it ends, or while it
   * goes on.
   */
  runsIn(fromMs: number, toMs: number): readonly Interval[] {
    const { lasts } = this.#probing.spec;
    const within = this.#runs.filter((one) => (lasts ? one.toMs : one.fromMs) >= fromMs && one.toMs <= toMs);
    if (lasts && this.#begunMs !== null && this.#begunMs < toMs)
      within.push({ fromMs: this.#begunMs, toMs, value: 'ok', good: true });
    return within.map((one, i) => ({ ...one, toMs: within[i + 1]?.fromMs ?? one.toMs }));
  }

  /** The number of the last write that was acknowledged; 0 for none, null for a probe that does not write. */
  get acknowledged(): number | null {
    return this.#probing.spec.what.kind === 'write' ? this.#acknowledged : null;
  }

  /**
   * False for one that cannot be asked before the method: what it writes into is not there yet, or it is to go on for
   * as long as it may.
   */
  get isGate(): boolean {
    return this.#probing.spec.what.kind !== 'write' && !this.#probing.spec.lasts;
  }

  /** Runs until the signal aborts. Rejects only with a bug. */
  async go(provider: Provider, signal: AbortSignal): Promise<void> {
    const everyMs = durationOn(this.#lab, this.#probing.spec.every);
    try {
      while (!signal.aborted) {
        const { fromMs } = await this.once(provider, signal);
        const leftMs = fromMs + everyMs - provider.clock.nowMs();
        await provider.clock.sleep(Math.max(1, leftMs), signal);
      }
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
    }
  }

  /** One run. Rejects with `CancelledError` when the signal aborts. */
  async once(provider: Provider, signal: AbortSignal): Promise<Interval> {
    const fromMs = provider.clock.nowMs();
    this.#begunMs = fromMs;
    const { value, good } = await this.#look(contextOf(provider, signal));
    this.#begunMs = null;
    const ran = { fromMs, toMs: Math.max(provider.clock.nowMs(), fromMs + 1), value, good };
    this.#runs.push(ran);
    return ran;
  }

  async #look(context: StepContext): Promise<{ readonly value: string; readonly good: boolean }> {
    const { spec, machine } = this.#probing;
    const number = this.#written + 1;
    if (spec.what.kind === 'write') this.#written = number;
    try {
      const timeoutMs = durationOn(this.#lab, spec.timeout);
      const ran = await run(context, machine, this.#argv(number), {
        // A ping counts the time itself, in whole seconds, and tells what was lost.
        timeoutMs: spec.what.kind === 'ping' ? 2 * timeoutMs + 1_000 : timeoutMs,
      });
      if (spec.lasts) return { value: `it ended: ${wordsOf(ran)}`, good: false };
      const good = this.#isGood(ran);
      if (good && spec.what.kind === 'write') this.#acknowledged = number;
      const isListed = spec.what.kind === 'backend' && ran.code === 0;
      return { value: good ? 'ok' : isListed ? 'not up' : wordsOf(ran), good };
    } catch (error) {
      if (error instanceof StepError && error.code === 'command-timed-out' && spec.lasts)
        return { value: 'ok', good: true };
      if (error instanceof StepError) return { value: lastLine(error.message), good: false };
      if (error instanceof UnreachableError) return { value: error.message, good: false };
      throw error;
    }
  }

  #isGood({ code, stdout }: Ran): boolean {
    const { spec, target } = this.#probing;
    if (code !== spec.exit) return false;
    if (spec.what.kind === 'backend') return activeBackends(stdout).includes(target ?? '');
    return spec.output === null || new RegExp(spec.output).test(stdout);
  }

  #argv(number: number): readonly string[] {
    const { spec, target } = this.#probing;
    if (spec.what.kind === 'backend') return askBackends(this.#lab) ?? [];
    if (spec.what.kind !== 'ping') return argvOf(spec.name, spec.what, number);
    const waitSeconds = Math.max(1, Math.round(durationOn(this.#lab, spec.timeout) / 1_000));
    return ['ping', '-n', '-q', '-c', '1', '-W', String(waitSeconds), target ?? ''];
  }
}

function argvOf(
  probe: string,
  what: Exclude<ProbeSpec['what'], { readonly kind: 'ping' | 'backend' }>,
  number: number,
): readonly string[] {
  if (what.kind === 'run') return what.argv;
  const kubectl = ['kubectl', '--kubeconfig', ADMIN_CONF];
  if (what.kind === 'kubectl') return [...kubectl, ...what.argv];
  const { namespace, name } = WRITES;
  const target = ['-n', namespace, 'annotate', 'configmap', name, '--overwrite'];
  return [...kubectl, '--request-timeout=5s', ...target, `${annotationOf(probe)}=${number}`];
}

/** The object of the writing probes is made before and taken away after. */
export const WRITES_MANIFEST = `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${WRITES.name}
  namespace: ${WRITES.namespace}
`;

function annotationOf(probe: string): string {
  return `homelab-write-${probe}`;
}

/** Arguments of kubectl that ask for the last number of a writing probe that was kept. */
export function readWrites(probe: string): readonly string[] {
  const output = `jsonpath={.metadata.annotations.${annotationOf(probe)}}`;
  return ['-n', WRITES.namespace, 'get', 'configmap', WRITES.name, '-o', output];
}

function wordsOf({ code, stdout, stderr }: Ran): string {
  const said = stderr.trim() === '' ? stdout : stderr;
  return `exit code ${code}: ${lastLine(said)}`;
}

function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').slice(0, WORDS);
}

/** For asking outside of a step. */
export function contextOf(provider: Provider, signal: AbortSignal): StepContext {
  return {
    provider,
    clock: provider.clock,
    signal,
    shell: (name) => provider.shell(name),
    log: () => undefined,
  };
}
