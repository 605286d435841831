/** `kubeadm join` and `kubeadm reset`: flags and dispatch. */
import type { Sim } from '../task.js';
import { ignoredChecks, prune } from './command-init.js';
import { loadJoin, loadReset, refuse } from './config-load.js';
import { noteFlavour, type Kubeadm } from './context.js';
import { listOf, readArguments, refuseMixedFlags, refuseUnmodelledFlags, type Arguments } from './flags.js';
import { join } from './join.js';
import { reset } from './reset.js';
import type { Tree } from '../tree.js';

const JOIN_FLAGS = [
  'apiserver-advertise-address=',
  'apiserver-bind-port=',
  'certificate-key=',
  'config=',
  'control-plane',
  'cri-socket=',
  'discovery-file=',
  'discovery-token=',
  'discovery-token-ca-cert-hash=',
  'discovery-token-unsafe-skip-ca-verification',
  'dry-run',
  'ignore-preflight-errors=',
  'node-name=',
  'patches=',
  'skip-phases=',
  'tls-bootstrap-token=',
  'token=',
];

export function* joinCommand(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  const parsed = readArguments(args, JOIN_FLAGS);
  const { flags } = parsed;
  refuseMixedFlags(parsed);
  refuseUnmodelledFlags(kubeadm, parsed, ['discovery-file', 'dry-run', 'patches']);
  const config = loadJoin(kubeadm, flags.get('config'), joinTree(parsed));
  const name = flags.get('node-name');
  const named = name === null ? config : { ...config, node: { ...config.node, name } };
  noteFlavour(kubeadm);
  yield* join(kubeadm, named, {
    ignored: ignoredChecks(parsed, config.node.ignorePreflightErrors),
    skipPhases: new Set([...config.skipPhases, ...listOf(flags, 'skip-phases')]),
    trustsAdminConf: flags.has('control-plane'),
  });
}

function joinTree({ flags, operands }: Arguments): Tree {
  const token = flags.get('discovery-token') ?? flags.get('token') ?? '';
  const port = flags.get('apiserver-bind-port');
  const hashes = flags.list('discovery-token-ca-cert-hash');
  for (const hash of hashes) checkHash(hash);
  return prune({
    discovery: prune({
      bootstrapToken: {
        token,
        apiServerEndpoint: operands[0] ?? '',
        caCertHashes: hashes,
        unsafeSkipCAVerification: flags.has('discovery-token-unsafe-skip-ca-verification'),
      },
      tlsBootstrapToken: flags.get('tls-bootstrap-token') ?? token,
    }),
    nodeRegistration: prune({ criSocket: flags.get('cri-socket'), name: flags.get('node-name') }),
    controlPlane: flags.has('control-plane')
      ? prune({
          certificateKey: flags.get('certificate-key'),
          localAPIEndpoint: prune({
            advertiseAddress: flags.get('apiserver-advertise-address'),
            bindPort: port === null ? null : Number(port),
          }),
        })
      : null,
  });
}

/** Only the format's name is looked at this early; a short digest fails when it does not fit any key. */
function checkHash(hash: string): void {
  if (!hash.startsWith('sha256:')) {
    refuse([
      `discovery.bootstrapToken.caCertHashes: Invalid value: "${hash}": ` +
        'invalid public key hash, expected "format:hex-value"',
    ]);
  }
}

const RESET_FLAGS = [
  'cert-dir=',
  'cleanup-tmp-dir',
  'config=',
  'cri-socket=',
  'dry-run',
  'force|f',
  'ignore-preflight-errors=',
  'kubeconfig=',
  'skip-phases=',
];

export function* resetCommand(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  const parsed = readArguments(args, RESET_FLAGS);
  const { flags } = parsed;
  refuseMixedFlags(parsed);
  refuseUnmodelledFlags(kubeadm, parsed, ['dry-run', 'kubeconfig']);
  const config = loadReset(kubeadm, flags.get('config'));
  const skipped = new Set([...config.skipPhases, ...listOf(flags, 'skip-phases')]);
  yield* reset(
    kubeadm,
    {
      ...config,
      force: config.force || flags.has('force'),
      cleanupTmpDir: config.cleanupTmpDir || flags.has('cleanup-tmp-dir'),
      certificatesDir: flags.get('cert-dir') ?? config.certificatesDir,
    },
    skipped,
  );
}
