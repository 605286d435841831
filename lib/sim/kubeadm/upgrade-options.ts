/**
 * Flags and UpgradeConfiguration of `kubeadm upgrade`. Dry runs, patches, feature gates and `printConfig` are left
 * out and refused.
 */
import { at, mapAt, textAt, textsAt, type Tree } from '../tree.js';
import { ignoredChecks } from './command-init.js';
import { loadDocuments } from './config-load.js';
import type { Timeouts } from './config-model.js';
import { readTimeouts } from './config-read.js';
import { KubeadmFailure, type Kubeadm } from './context.js';
import { listOf, readArguments, refuseMixedFlags, refuseUnmodelledFlags } from './flags.js';

export type UpgradeCommand = 'plan' | 'apply' | 'node';

export interface UpgradeOptions {
  /** As written; null when it was not said. */
  readonly version: string | null;
  readonly ignored: ReadonlySet<string>;
  readonly renewCertificates: boolean;
  readonly upgradeEtcd: boolean;
  readonly force: boolean;
  readonly yes: boolean;
  readonly skipPhases: ReadonlySet<string>;
  readonly pullImages: boolean;
  readonly json: boolean;
  readonly kubeconfig: string | null;
  readonly timeouts: Timeouts;
}

const COMMON = ['config=', 'dry-run', 'ignore-preflight-errors=', 'kubeconfig=', 'patches='];
const FLAGS: Readonly<Record<UpgradeCommand, readonly string[]>> = {
  plan: [
    ...COMMON,
    ...['allow-experimental-upgrades', 'allow-release-candidate-upgrades', 'etcd-upgrade'],
    ...['feature-gates=', 'output|o=', 'print-config', 'show-managed-fields'],
  ],
  apply: [
    ...COMMON,
    ...['allow-experimental-upgrades', 'allow-release-candidate-upgrades', 'etcd-upgrade'],
    ...['certificate-renewal', 'feature-gates=', 'force|f', 'yes|y', 'print-config', 'skip-phases='],
  ],
  node: [...COMMON, 'certificate-renewal', 'etcd-upgrade', 'skip-phases='],
};

export function readUpgradeOptions(
  kubeadm: Kubeadm,
  command: UpgradeCommand,
  args: readonly string[],
): UpgradeOptions {
  // `apply` has no phases to skip before 1.32.
  const specs = FLAGS[command].filter(
    (spec) => !(spec === 'skip-phases=' && command === 'apply' && kubeadm.flavour === 31),
  );
  const parsed = readArguments(args, specs);
  const { flags, operands } = parsed;
  refuseMixedFlags(parsed);
  refuseUnmodelledFlags(kubeadm, parsed, ['dry-run', 'patches', 'feature-gates', 'print-config']);
  const output = flags.get('output');
  if (output !== null && output !== 'text' && output !== 'json') {
    throw new KubeadmFailure(`the simulated kubeadm prints no --output=${output}`);
  }
  const tree = configTree(kubeadm, flags.get('config'));
  const own = mapAt(tree, command);
  const flag = (name: string, field: string): boolean =>
    flags.get(name) === null ? at(own, field) !== false : flags.has(name);
  return {
    version: operands[0] ?? textAt(own, 'kubernetesVersion'),
    ignored: ignoredChecks(parsed, textsAt(own, 'ignorePreflightErrors')),
    renewCertificates: flag('certificate-renewal', 'certificateRenewal'),
    upgradeEtcd: flag('etcd-upgrade', 'etcdUpgrade'),
    force: flags.has('force') || at(own, 'forceUpgrade') === true,
    yes: flags.has('yes') || flags.has('force') || at(own, 'forceUpgrade') === true,
    skipPhases: new Set([...listOf(flags, 'skip-phases'), ...textsAt(own, 'skipPhases')]),
    pullImages: textAt(own, 'imagePullPolicy') !== 'Never',
    json: output === 'json',
    kubeconfig: flags.get('kubeconfig'),
    timeouts: readTimeouts(tree, {}),
  };
}

function configTree(kubeadm: Kubeadm, path: string | null): Tree {
  if (path === null) return {};
  const documents = loadDocuments(kubeadm, path, ['UpgradeConfiguration']);
  const tree = documents.get('UpgradeConfiguration')?.tree ?? {};
  for (const [section, field] of [
    ['apply', 'dryRun'],
    ['node', 'dryRun'],
    ['apply', 'patches'],
    ['node', 'patches'],
    ['apply', 'printConfig'],
    ['plan', 'printConfig'],
  ] as const) {
    const asked = at(tree, section, field);
    if (asked !== undefined && asked !== false) {
      throw new KubeadmFailure(`UpgradeConfiguration: the simulator does not model ${section}.${field}`);
    }
  }
  return tree;
}
