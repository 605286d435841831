// The simulated kubeadm prints what the real one printed, but for a short list of differences with their reasons.
import t from 'tap';
import type { Test } from 'tap';
import { must } from '../../lib/base/errors.js';
import type { Machine } from '../../lib/sim/machine.js';
import type { Process } from '../../lib/sim/process.js';
import { waitFor } from '../../lib/sim/task.js';
import { KEY, KubeadmLab, TOKEN, kubeVipManifest, type Result } from '../helpers/kubeadm-lab.js';
import { transcript } from '../helpers/transcripts.js';

/** Texts of a transcript that the simulator says otherwise, and why. */
const DIFFERENCES: Readonly<Record<string, readonly (readonly [string, string, string])[]>> = {
  '003-images-list': [
    [
      'etcd:3.5.24-0',
      'etcd:3.5.15-0',
      'the build that was recorded pins another etcd than the release v1.31.4',
    ],
  ],
};

/** What differs from run to run; blanks and everything else count. */
const PLACEHOLDERS: readonly [RegExp, string][] = [
  [/\b[0-9a-f]{64}\b|<64hex>/g, '<64hex>'],
  [/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, '<token>'],
  [/(healthy after) [\dmsh.]+/g, '$1 <took>'],
  [/^ {2}(resourceVersion|uid): .*$/gm, '  $1: <of its own>'],
  [/^W\d{4} [\d:.]+ +\d+ /gm, 'W<stamp> '],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<date>'],
  [/[A-Z][a-z]{2} \d\d, \d{4} \d\d:\d\d UTC/g, '<day>'],
  // The noise of a promotion that is tried again and again, a line of the etcd library for each try.
  [/^\{"level":"warn".*\n/gm, ''],
];

function scrub(text: string): string {
  return PLACEHOLDERS.reduce((scrubbed, [pattern, word]) => scrubbed.replace(pattern, word), text);
}

/** Runs the very command of a transcript on the machine that it ran on, and compares all that it said. */
function replay(t: Test, lab: KubeadmLab, name: string): Result {
  const real = transcript(name);
  const result = lab.exec(real.machine, real.argv);
  const listed = DIFFERENCES[name] ?? [];
  for (const [from] of listed) t.ok((real.stdout + real.stderr).includes(from), `${name} differs by ${from}`);
  const adapt = (text: string): string =>
    scrub(listed.reduce((changed, [from, to]) => changed.replaceAll(from, to), text));
  t.equal(scrub(result.stdout), adapt(real.stdout), `${name}: stdout`);
  t.equal(scrub(result.stderr), adapt(real.stderr), `${name}: stderr`);
  t.equal(result.code, real.exitCode, `${name}: exit code`);
  return result;
}

/** Writes the file that a transcript's `--config` names. */
function writeConfig(lab: KubeadmLab, name: string, text: string): void {
  const { machine, argv } = transcript(name);
  lab.write(machine, must(argv[argv.indexOf('--config') + 1], `${name} has no --config`), text);
}

/** The recorded machines had no crictl, so every run there begins with a warning. */
function recordedLab(): KubeadmLab {
  const lab = new KubeadmLab({ controlPlanes: 2, workers: 1 });
  for (const machine of lab.world.machines.values()) machine.disk.remove('/usr/bin/crictl');
  return lab;
}

const TIMEOUTS = 'timeouts: {kubeletHealthCheck: 15m0s, controlPlaneComponentHealthCheck: 20m0s}\n';

function recordedInit(name: string, vip: string, timeouts: string): string {
  const elect = `
  extraArgs:
  - {name: leader-elect-lease-duration, value: 60s}
  - {name: leader-elect-renew-deadline, value: 40s}
  - {name: leader-elect-retry-period, value: 10s}`;
  const address = `192.168.62.1${name.slice(-1)}`;
  return `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
certificateKey: "${KEY}"
bootstrapTokens: [{token: ${TOKEN}}]
localAPIEndpoint: {advertiseAddress: ${address}}
nodeRegistration: {name: ${name}, kubeletExtraArgs: [{name: node-ip, value: ${address}}]}
${timeouts}---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.31.4
controlPlaneEndpoint: "${vip}:6443"
encryptionAlgorithm: ECDSA-P256
networking: {podSubnet: 10.244.0.0/16}
apiServer:
  certSANs: ["${vip}"]
  extraArgs: [{name: profiling, value: "false"}]
  extraEnvs: [{name: GOGC, value: "300"}]
controllerManager:${elect}
scheduler:${elect}
etcd:
  local:
    extraArgs:
    - {name: heartbeat-interval, value: "1000"}
    - {name: election-timeout, value: "10000"}
`;
}

/** What preflight stumbles over, and how to take it away again. */
function spoil(lab: KubeadmLab, machine: Machine): () => void {
  const files = {
    '/proc/swaps': 'Filename Type Size Used Priority\n/swapfile file 1048572 0 -2\n',
    '/proc/sys/net/ipv4/ip_forward': '0\n',
    '/var/lib/etcd/leftover': '',
    '/etc/kubernetes/manifests/kube-apiserver.yaml': '',
  };
  for (const [path, text] of Object.entries(files)) lab.write(machine.name, path, text);
  const server: Process = machine.run(
    'python3',
    function* serve(call) {
      const listener = { port: 6_443, address: null, certificate: () => null };
      call.process.listen({
        ...listener,
        *serve() {
          yield* [];
          return 'reset';
        },
      });
      for (;;) yield* waitFor([call.process.terminate]);
    },
    [],
  );
  lab.pass(1_000);
  return () => {
    server.kill('SIGKILL');
    for (const path of Object.keys(files)) machine.disk.remove(path);
  };
}

t.test('one cluster, from a refused init to a full one, as it was recorded', async (t) => {
  const lab = recordedLab();
  writeConfig(lab, '005-init-superadmin', recordedInit('cp-1', '192.168.62.5', TIMEOUTS));
  const mend = spoil(lab, lab.machine('cp-1'));
  replay(t, lab, '001-init-preflight-fails');
  mend();
  replay(t, lab, '003-images-list');
  replay(t, lab, '004-kubeadm-version');
  lab.placeKubeVip('cp-1', '/etc/kubernetes/super-admin.conf');
  replay(t, lab, '005-init-superadmin');
  lab.placeKubeVip('cp-1', '/etc/kubernetes/admin.conf');
  lab.pass(60_000);
  lab.kubeadm('cp-1', 'token', 'create', '--kubeconfig', '/etc/kubernetes/admin.conf');
  const uploaded = replay(t, lab, '015-upload-certs');
  replay(t, lab, '016-upload-certs-noflag');
  // Tokens are listed in the order of their random ids.
  const real = transcript('017-token-list');
  const rows = (text: string): string[] => scrub(text).trimEnd().split('\n').sort();
  t.strictSame(rows(lab.exec('cp-1', real.argv).stdout), rows(real.stdout), '017-token-list: rows');

  const key = /\n([0-9a-f]{64})\n/.exec(uploaded.stdout)?.[1] ?? '';
  t.not(key, KEY, 'a new key each time');
  const join = (name: string, changes: object = {}): string =>
    lab.joinConfig(name, { key, ...changes }) + TIMEOUTS;
  writeConfig(lab, '020-join-wrong-hash', join('worker-1', { hash: `sha256:${'0'.repeat(64)}` }));
  replay(t, lab, '020-join-wrong-hash');
  writeConfig(lab, '021-join-wrong-key', join('cp-2', { key: '1'.repeat(64) }));
  replay(t, lab, '021-join-wrong-key');
  t.notOk(lab.machine('cp-2').disk.exists('/etc/kubernetes/pki/ca.crt'), 'a refused join leaves nothing');
  replay(t, lab, '023-join-bad-token');

  lab.placeKubeVip('cp-2', '/etc/kubernetes/admin.conf');
  writeConfig(lab, '024-join-cp-2', join('cp-2'));
  const joined = replay(t, lab, '024-join-cp-2');
  t.match(joined.stderr, /can only promote a learner member which is in sync with leader/);
  writeConfig(lab, '027-join-worker', join('worker-1'));
  for (const name of ['027-join-worker', '028-join-again', '029-join-again-cp']) replay(t, lab, name);
  for (const name of ['047-certs-check', '048-certs-check-cp2', '049-cm-kubeadm-config'])
    replay(t, lab, name);
});

t.test('an init whose floating address never comes, and resets without an API', async (t) => {
  const lab = recordedLab();
  const vip = '192.168.62.6';
  const config = recordedInit('cp-2', vip, TIMEOUTS.replace('20m0s', '2m0s'));
  writeConfig(lab, '100-init-kube-vip-admin-conf', config);
  // kube-vip may not touch its Lease with admin.conf before init is past the very wait that needs the address.
  const manifest = kubeVipManifest('/etc/kubernetes/admin.conf', vip);
  lab.write('cp-2', '/etc/kubernetes/manifests/kube-vip.yaml', manifest);
  const failed = replay(t, lab, '100-init-kube-vip-admin-conf');
  t.ok(failed.tookMs > 120_000 && failed.tookMs < 140_000, `it took ${failed.tookMs} ms`);
  const reset = replay(t, lab, '103-reset-api-unreachable');
  t.ok(reset.tookMs < 40_000, `reset took ${reset.tookMs} ms`);
  const { disk } = lab.machine('cp-2');
  t.strictSame(disk.list('/etc/kubernetes').sort(), ['manifests', 'pki']);
  t.strictSame(disk.list('/etc/kubernetes/manifests'), []);
  t.equal(lab.machine('cp-2').containers.containers.length, 0);

  // A worker that never joined prints the same as one that did: reset looks at no cluster there.
  replay(t, lab, '105-reset-worker-api-down');
});
