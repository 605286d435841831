/** The fields of kubeadm's configuration kinds, by API version. Source: k8s.io/kubernetes cmd/kubeadm/app/apis. */
import { any, bool, duration, int, list, stringMap, struct, text, texts, type Schema } from './schema.js';

export type ConfigApi = 'v1beta3' | 'v1beta4';

const taints = list('[]v1.Taint', struct('Taint', { key: text, value: text, effect: text, timeAdded: text }));
const endpoint = struct('APIEndpoint', { advertiseAddress: text, bindPort: int });
const patches = struct('Patches', { directory: text });
const volumes = list(
  '[]v1beta4.HostPathMount',
  struct('HostPathMount', { name: text, hostPath: text, mountPath: text, readOnly: bool, pathType: text }),
);
const envs = list('[]v1beta4.EnvVar', struct('EnvVar', { name: text, value: text, valueFrom: any }));
const image = { imageRepository: text, imageTag: text };
const tokens = list(
  '[]v1.BootstrapToken',
  struct('BootstrapToken', {
    token: text,
    description: text,
    ttl: duration,
    expires: text,
    usages: texts,
    groups: texts,
  }),
);
const timeouts = struct('Timeouts', {
  controlPlaneComponentHealthCheck: duration,
  kubeletHealthCheck: duration,
  kubernetesAPICall: duration,
  etcdAPICall: duration,
  tlsBootstrap: duration,
  discovery: duration,
  upgradeManifests: duration,
});

function args(api: ConfigApi): Schema {
  return api === 'v1beta3' ? stringMap : list('[]v1beta4.Arg', struct('Arg', { name: text, value: text }));
}

function component(api: ConfigApi): Readonly<Record<string, Schema>> {
  return {
    extraArgs: args(api),
    extraVolumes: volumes,
    ...(api === 'v1beta4' ? { extraEnvs: envs } : {}),
  };
}

function nodeRegistration(api: ConfigApi): Schema {
  return struct('NodeRegistrationOptions', {
    name: text,
    criSocket: text,
    taints,
    kubeletExtraArgs: args(api),
    ignorePreflightErrors: texts,
    imagePullPolicy: text,
    ...(api === 'v1beta4' ? { imagePullSerial: bool } : {}),
  });
}

function cluster(api: ConfigApi): Schema {
  const localEtcd = struct('LocalEtcd', {
    ...image,
    dataDir: text,
    extraArgs: args(api),
    ...(api === 'v1beta4' ? { extraEnvs: envs } : {}),
    serverCertSANs: texts,
    peerCertSANs: texts,
  });
  return struct('ClusterConfiguration', {
    ...HEADER,
    etcd: struct('Etcd', { local: localEtcd, external: any }),
    networking: struct('Networking', { serviceSubnet: text, podSubnet: text, dnsDomain: text }),
    kubernetesVersion: text,
    controlPlaneEndpoint: text,
    apiServer: struct('APIServer', {
      ...component(api),
      certSANs: texts,
      ...(api === 'v1beta3' ? { timeoutForControlPlane: duration } : {}),
    }),
    controllerManager: struct('ControlPlaneComponent', component(api)),
    scheduler: struct('ControlPlaneComponent', component(api)),
    dns: struct('DNS', { ...image, ...(api === 'v1beta4' ? { disabled: bool } : {}) }),
    certificatesDir: text,
    imageRepository: text,
    featureGates: any,
    clusterName: text,
    ...(api === 'v1beta4'
      ? {
          proxy: struct('Proxy', { disabled: bool }),
          encryptionAlgorithm: text,
          certificateValidityPeriod: duration,
          caCertificateValidityPeriod: duration,
        }
      : {}),
  });
}

const HEADER = { apiVersion: text, kind: text };

function init(api: ConfigApi): Schema {
  return struct('InitConfiguration', {
    ...HEADER,
    bootstrapTokens: tokens,
    nodeRegistration: nodeRegistration(api),
    localAPIEndpoint: endpoint,
    certificateKey: text,
    skipPhases: texts,
    patches,
    ...(api === 'v1beta4' ? { dryRun: bool, timeouts } : {}),
  });
}

function join(api: ConfigApi): Schema {
  const token = struct('BootstrapTokenDiscovery', {
    token: text,
    apiServerEndpoint: text,
    caCertHashes: texts,
    unsafeSkipCAVerification: bool,
  });
  return struct('JoinConfiguration', {
    ...HEADER,
    nodeRegistration: nodeRegistration(api),
    caCertPath: text,
    discovery: struct('Discovery', {
      bootstrapToken: token,
      file: any,
      tlsBootstrapToken: text,
      ...(api === 'v1beta3' ? { timeout: duration } : {}),
    }),
    controlPlane: struct('JoinControlPlane', { localAPIEndpoint: endpoint, certificateKey: text }),
    skipPhases: texts,
    patches,
    ...(api === 'v1beta4' ? { dryRun: bool, timeouts } : {}),
  });
}

const reset = struct('ResetConfiguration', {
  ...HEADER,
  cleanupTmpDir: bool,
  certificatesDir: text,
  criSocket: text,
  dryRun: bool,
  force: bool,
  ignorePreflightErrors: texts,
  skipPhases: texts,
  unmountFlags: texts,
  timeouts,
});

const upgradeCommand = {
  certificateRenewal: bool,
  dryRun: bool,
  etcdUpgrade: bool,
  ignorePreflightErrors: texts,
  patches,
  skipPhases: texts,
  imagePullPolicy: text,
  imagePullSerial: bool,
};

const upgrade = struct('UpgradeConfiguration', {
  ...HEADER,
  apply: struct('UpgradeApplyConfiguration', {
    ...upgradeCommand,
    kubernetesVersion: text,
    allowExperimentalUpgrades: bool,
    allowRCUpgrades: bool,
    forceUpgrade: bool,
    printConfig: bool,
  }),
  diff: any,
  node: struct('UpgradeNodeConfiguration', upgradeCommand),
  plan: struct('UpgradePlanConfiguration', {
    kubernetesVersion: text,
    allowExperimentalUpgrades: bool,
    allowRCUpgrades: bool,
    dryRun: bool,
    etcdUpgrade: bool,
    ignorePreflightErrors: texts,
    printConfig: bool,
  }),
  timeouts,
});

/** The schema of a kubeadm kind; null when that API version has no such kind. */
export function schemaOf(api: ConfigApi, kind: string): Schema | null {
  switch (kind) {
    case 'ClusterConfiguration':
      return cluster(api);
    case 'InitConfiguration':
      return init(api);
    case 'JoinConfiguration':
      return join(api);
    case 'ResetConfiguration':
      return api === 'v1beta4' ? reset : null;
    case 'UpgradeConfiguration':
      return api === 'v1beta4' ? upgrade : null;
    default:
      return null;
  }
}
