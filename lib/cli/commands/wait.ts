/** `homelab wait`: lets lab time pass, or waits for a condition. A simulated clock moves only while something runs. */
import { Argument, Option, type Command } from 'commander';
import { printDuration } from '../../base/duration.js';
import { CancelledError, UserError } from '../../base/errors.js';
import type { LabSpec } from '../../model/lab.js';
import type { Observation, Provider } from '../../provider/provider.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { durationOption } from '../duration-option.js';
import { mustFindLab } from '../labs.js';
import { aboutLab, examples } from '../options.js';
import type { Session } from '../session.js';
import { useLab } from '../use-lab.js';

type Condition = 'api' | 'ready' | 'quorum' | 'vip';

const CONDITIONS: readonly Condition[] = ['api', 'ready', 'quorum', 'vip'];
const DEFAULT_TIMEOUT_MS = 300_000;
const EVERY_MS = 500;

export function define(command: Command, perform: Perform): void {
  aboutLab(command)
    .addArgument(new Argument('[time]', 'such as 30s or 5m').argParser(durationOption))
    .addOption(new Option('--for <condition>', 'what to wait for').choices(CONDITIONS))
    .option(
      '--timeout <time>',
      'give up after this lab time, exit code 1 (default: 5m times vos.time_scale)',
      durationOption,
    )
    .action((time: number | undefined) => perform(command, (session) => wait(session, time)));
  examples(command, [
    ['homelab wait 30s', 'thirty seconds of lab time'],
    ['homelab wait --for vip --timeout 30s', 'until exactly one machine holds the API address'],
    ['homelab wait --for ready', 'until every node of the lab is Ready'],
  ]);
}

async function wait(session: Session, time: number | undefined): Promise<number> {
  const condition = session.options['for'] as Condition | undefined;
  if ((time === undefined) === (condition === undefined)) throw usage();
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const { spec } = lab.record;
  const timeoutMs =
    time ?? (session.options['timeout'] as number | undefined) ?? DEFAULT_TIMEOUT_MS * spec.timeScale;
  try {
    return await useLab(session, lab, async (provider) => {
      const startedMs = provider.clock.nowMs();
      const met = await waitFor(provider, spec, condition ?? null, timeoutMs, session.io.signal);
      const nowMs = provider.clock.nowMs();
      const waitedMs = nowMs - startedMs;
      const document = { lab: lab.name, condition: condition ?? null, met, waitedMs, nowMs };
      const what =
        condition === undefined ? 'waited' : met ? `${condition}: yes, after` : `${condition}: not within`;
      session.result(document, `${what} ${printDuration(waitedMs)} (lab time ${printDuration(nowMs)})\n`);
      return met ? 0 : 1;
    });
  } catch (error) {
    if (error instanceof CancelledError) return 130;
    throw error;
  }
}

/** Without a condition lets all of `timeoutMs` pass. */
async function waitFor(
  provider: Provider,
  spec: LabSpec,
  condition: Condition | null,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock } = provider;
  if (condition === null) {
    await clock.sleep(timeoutMs, signal);
    return true;
  }
  const deadlineMs = clock.nowMs() + timeoutMs;
  for (;;) {
    if (holds(condition, spec, await provider.observe())) return true;
    const leftMs = deadlineMs - clock.nowMs();
    if (leftMs <= 0) return false;
    await clock.sleep(Math.min(EVERY_MS, leftMs), signal);
  }
}

function holds(condition: Condition, spec: LabSpec, seen: Observation): boolean {
  switch (condition) {
    case 'api':
      return seen.api.endpoint;
    case 'quorum':
      return seen.etcd.quorum;
    case 'vip':
      return seen.vipHolders?.length === 1;
    case 'ready': {
      const ready = new Set((seen.nodes ?? []).filter((node) => node.ready).map((node) => node.name));
      return spec.machines.every(({ name, role }) => role === 'load-balancer' || ready.has(name));
    }
  }
}

function usage(): UserError {
  return new UserError({
    code: 'usage',
    message: 'wait needs either a time or --for',
    remedy: 'Such as: homelab wait 30s, or: homelab wait --for api --timeout 5m',
  });
}
