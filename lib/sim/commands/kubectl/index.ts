/**
 * `kubectl`: configuration, discovery and verbs over the simulated API server. Source of the texts: kubectl 1.31.
 * Tables are built here, not by the server. Not modelled: plugins, kustomize, edit, exec, port-forward, diff,
 * explain, autoscale, set, server-side apply and custom columns.
 */
import { Failure, program } from '../failure.js';
import { FlagProblem, type Flags, parseFlags, pflagText, type FlagSpec } from '../flags.js';
import type { Sim } from '../../task.js';
import { apply, APPLY_FLAGS } from './apply.js';
import { annotate, label, LABEL_FLAGS, patch, PATCH_FLAGS, scale, SCALE_FLAGS, taint } from './change.js';
import { create, CREATE_FLAGS } from './create.js';
import { remove, DELETE_FLAGS } from './delete.js';
import { describe, DESCRIBE_FLAGS } from './describe.js';
import { cordon, CORDON_FLAGS, drain, DRAIN_FLAGS, uncordon } from './drain.js';
import { get, GET_FLAGS } from './get.js';
import { clusterInfo, config, CONFIG_FLAGS, logs, LOGS_FLAGS, top, version, VERSION_FLAGS } from './info.js';
import { rollout, ROLLOUT_FLAGS } from './rollout.js';
import { wait, WAIT_FLAGS } from './wait.js';
import { GLOBAL_FLAGS, Session } from './session.js';

interface Verb {
  readonly flags: readonly FlagSpec[];
  readonly run: (session: Session, operands: readonly string[]) => Sim<number>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  annotate: { flags: LABEL_FLAGS, run: annotate },
  apply: { flags: APPLY_FLAGS, run: apply },
  'cluster-info': { flags: [], run: clusterInfo },
  config: { flags: CONFIG_FLAGS, run: config },
  cordon: { flags: CORDON_FLAGS, run: cordon },
  create: { flags: CREATE_FLAGS, run: create },
  delete: { flags: DELETE_FLAGS, run: remove },
  describe: { flags: DESCRIBE_FLAGS, run: describe },
  drain: { flags: DRAIN_FLAGS, run: drain },
  get: { flags: GET_FLAGS, run: get },
  label: { flags: LABEL_FLAGS, run: label },
  logs: { flags: LOGS_FLAGS, run: logs },
  patch: { flags: PATCH_FLAGS, run: patch },
  rollout: { flags: ROLLOUT_FLAGS, run: rollout },
  scale: { flags: SCALE_FLAGS, run: scale },
  taint: { flags: LABEL_FLAGS, run: taint },
  top: { flags: ['no-headers', 'all-namespaces|A', 'selector|l=', 'containers'], run: top },
  uncordon: { flags: CORDON_FLAGS, run: uncordon },
  version: { flags: VERSION_FLAGS, run: version },
  wait: { flags: WAIT_FLAGS, run: wait },
};

/** Verbs of the real program that the simulator does not have. */
const ABSENT = [
  ...['api-resources', 'api-versions', 'attach', 'auth', 'autoscale', 'certificate', 'completion', 'debug'],
  ...[
    'diff',
    'edit',
    'events',
    'exec',
    'explain',
    'expose',
    'kustomize',
    'options',
    'plugin',
    'port-forward',
  ],
  ...['proxy', 'replace', 'run', 'set', 'cp'],
];

export const kubectl = program('kubectlStart', function* run(call) {
  const at = call.args.findIndex((word, index) => !word.startsWith('-') && !isValue(call.args, index));
  const name = call.args[at];
  if (name === undefined) throw new Failure('kubectl controls the Kubernetes cluster manager.\n', 0);
  const verb = VERBS[name];
  if (verb === undefined) throw unknownVerb(name);
  const rest = [...call.args.slice(0, at), ...call.args.slice(at + 1)];
  const flags = readFlags(name, verb, rest);
  return yield* verb.run(new Session(call, flags), flags.operands);
});

/** Is this word the value of a global flag that stands before it? */
function isValue(args: readonly string[], index: number): boolean {
  const before = args[index - 1] ?? '';
  if (!before.startsWith('-') || before.includes('=')) return false;
  return GLOBAL_FLAGS.some((spec) => {
    const names = spec.replace(/[?=].*$/, '').split('|');
    return (
      spec.endsWith('=') && names.some((name) => before === (name.length === 1 ? `-${name}` : `--${name}`))
    );
  });
}

function readFlags(name: string, verb: Verb, args: readonly string[]): Flags {
  try {
    return parseFlags([...GLOBAL_FLAGS, ...verb.flags], args);
  } catch (error) {
    if (!(error instanceof FlagProblem)) throw error;
    throw new Failure(`error: ${pflagText(error)}\nSee 'kubectl ${name} --help' for usage.\n`);
  }
}

function unknownVerb(name: string): Failure {
  if (ABSENT.includes(name)) return new Failure(`error: the simulator does not model kubectl ${name}\n`);
  return new Failure(`error: unknown command "${name}" for "kubectl"\n`);
}
