/**
 * `helm` 3 with a fixed catalogue of charts instead of repositories. Charts' notes, --set, rollbacks, templates, plugins
 * and the repositories' own traffic are not modelled.
 */
import { Failure, program } from '../failure.js';
import { FlagProblem, parseFlags, pflagText, type Flags } from '../flags.js';
import { Session } from '../kubectl/session.js';
import type { Sim } from '../../task.js';
import { list, status, uninstall } from './status.js';
import { install, upgrade } from './upgrade.js';

const VERSION = 'v3.18.6';
const FLAGS = [
  ...['kubeconfig=', 'namespace|n=', 'kube-context=', 'debug', 'install|i', 'repo=', 'version=', 'wait'],
  ...['create-namespace', 'values|f=', 'timeout=', 'set=', 'atomic', 'dry-run?=client', 'output|o=', 'short'],
  ...['all-namespaces|A', 'all|a', 'ignore-not-found', 'wait-for-jobs', 'reset-values', 'reuse-values'],
  ...['history-max=', 'keep-history', 'cleanup-on-fail', 'force', 'no-hooks', 'cascade='],
];

const VERBS: Readonly<Record<string, (session: Session, operands: readonly string[]) => Sim<number>>> = {
  install,
  upgrade,
  status,
  list,
  ls: list,
  uninstall,
  delete: uninstall,
};

export const helm = program('command', function* run(call) {
  const flags = readFlags(call.args);
  const [verb, ...operands] = flags.operands;
  if (verb === undefined) throw new Failure('The Kubernetes package manager\n', 0);
  if (verb === 'version') {
    call.print(
      flags.has('short')
        ? `${VERSION}\n`
        : `version.BuildInfo{Version:"${VERSION}", GitCommit:"", GitTreeState:"clean", GoVersion:"go1.24.6"}\n`,
    );
    return 0;
  }
  const perform = VERBS[verb];
  if (perform === undefined) {
    throw new Failure(`Error: unknown command "${verb}" for "helm"\nRun 'helm --help' for usage.\n`);
  }
  return yield* perform(new Session(call, flags), operands);
});

function readFlags(args: readonly string[]): Flags {
  try {
    return parseFlags(FLAGS, args);
  } catch (error) {
    if (!(error instanceof FlagProblem)) throw error;
    throw new Failure(`Error: ${pflagText(error)}\n`);
  }
}
