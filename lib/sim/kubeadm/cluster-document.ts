/** The ClusterConfiguration that lives in ConfigMap kubeadm-config: written by init, read by everything else. */
import { stringify } from 'yaml';
import type { ApiClient } from '../api-client.js';
import { kubeadmConfigApi } from '../../model/version.js';
import { at, mapAt, textAt, type Tree } from '../tree.js';
import { sleep, type Sim } from '../task.js';
import { explain, kubeSystem, request } from './api.js';
import type { Arg, ClusterConfig, Component } from './config-model.js';
import { readCluster } from './config-read.js';
import { KubeadmFailure, goDuration, say, type Kubeadm } from './context.js';

const SHORT_RETRY_MS = 350;

/** YAML with sorted keys, in the API version that this kubeadm prefers. */
export function printCluster(kubeadm: Kubeadm, cluster: ClusterConfig): string {
  const old = kubeadm.version.minor < 31;
  const document = {
    apiServer: {
      ...component(cluster.apiServer, old),
      ...(cluster.certSans.length === 0 ? {} : { certSANs: cluster.certSans }),
      ...(old ? { timeoutForControlPlane: '4m0s' } : {}),
    },
    apiVersion: kubeadmConfigApi(kubeadm.version.minor),
    ...(old
      ? {}
      : {
          caCertificateValidityPeriod: goDuration(cluster.authorityLifetimeMs),
          certificateValidityPeriod: goDuration(cluster.certificateLifetimeMs),
          encryptionAlgorithm: cluster.encryptionAlgorithm,
          proxy: cluster.proxyDisabled ? { disabled: true } : {},
        }),
    certificatesDir: cluster.certificatesDir,
    clusterName: cluster.clusterName,
    ...(cluster.controlPlaneEndpoint === null ? {} : { controlPlaneEndpoint: cluster.controlPlaneEndpoint }),
    controllerManager: component(cluster.controllerManager, old),
    dns: {},
    etcd: {
      local: {
        dataDir: cluster.etcd.dataDir,
        ...extraArgs(cluster.etcd.extraArgs, old),
        ...(cluster.etcd.serverCertSans.length === 0 ? {} : { serverCertSANs: cluster.etcd.serverCertSans }),
        ...(cluster.etcd.peerCertSans.length === 0 ? {} : { peerCertSANs: cluster.etcd.peerCertSans }),
      },
    },
    imageRepository: cluster.imageRepository,
    kind: 'ClusterConfiguration',
    kubernetesVersion: cluster.kubernetesVersion,
    networking: {
      dnsDomain: cluster.dnsDomain,
      ...(cluster.podSubnet === null ? {} : { podSubnet: cluster.podSubnet }),
      serviceSubnet: cluster.serviceSubnet,
    },
    scheduler: component(cluster.scheduler, old),
  };
  return stringify(document, { sortMapEntries: true, lineWidth: 0, indentSeq: false });
}

function component(value: Component, old: boolean): Tree {
  return {
    ...extraArgs(value.extraArgs, old),
    ...(value.extraEnvs.length === 0 || old ? {} : { extraEnvs: value.extraEnvs }),
    ...(value.extraVolumes.length === 0 ? {} : { extraVolumes: value.extraVolumes }),
  };
}

function extraArgs(args: readonly Arg[], old: boolean): Tree {
  if (args.length === 0) return {};
  return { extraArgs: old ? Object.fromEntries(args.map(({ name, value }) => [name, value])) : args };
}

/** The two lines before kubeadm reads the cluster's configuration; 1.32 words them differently. */
export function sayReading(kubeadm: Kubeadm, prefix: string): void {
  if (kubeadm.flavour === 31) {
    say(kubeadm, `[${prefix}] Reading configuration from the cluster...`);
    const command = 'kubectl -n kube-system get cm kubeadm-config -o yaml';
    say(kubeadm, `[${prefix}] FYI: You can look at this config file with '${command}'`);
  } else {
    const place = 'the "kubeadm-config" ConfigMap in namespace "kube-system"';
    say(kubeadm, `[${prefix}] Reading configuration from ${place}...`);
    const command = 'kubeadm init phase upload-config --config your-config.yaml';
    say(kubeadm, `[${prefix}] Use '${command}' to re-upload it.`);
  }
}

/** Reads the cluster's configuration; a `KubeadmFailure` says why not. */
export function* fetchCluster(kubeadm: Kubeadm, client: ApiClient): Sim<ClusterConfig> {
  const data = yield* fetchConfigMap(kubeadm, client, 'kubeadm-config');
  const text = textAt(data, 'ClusterConfiguration');
  if (text === null) {
    throw new KubeadmFailure(
      'unexpected error when reading kubeadm-config ConfigMap: ClusterConfiguration key value pair missing',
    );
  }
  const tree = mapAt(kubeadm.call.world.documents.read(text));
  return readCluster(tree, textAt(tree, 'kubernetesVersion') ?? kubeadm.versionText);
}

/** The kubelet's configuration as the cluster holds it. */
export function* fetchKubeletConfig(kubeadm: Kubeadm, client: ApiClient): Sim<string> {
  const data = yield* fetchConfigMap(kubeadm, client, 'kubelet-config');
  const text = textAt(data, 'kubelet');
  if (text === null) throw new KubeadmFailure('ConfigMap "kubelet-config" has no key "kubelet"');
  return text;
}

/** One GET, tried again only within a third of a second, as kubeadm does it for its own ConfigMaps. */
function* fetchConfigMap(kubeadm: Kubeadm, client: ApiClient, name: string): Sim<Tree> {
  const path = kubeSystem(`configmaps/${name}`);
  const deadlineMs = kubeadm.call.world.nowMs + SHORT_RETRY_MS;
  for (;;) {
    const outcome = yield* request(client, 'GET', path);
    if (outcome.kind === 'ok') return mapAt(at(outcome.body, 'data'));
    if (kubeadm.call.world.nowMs + 10 >= deadlineMs) {
      throw new KubeadmFailure(`failed to get config map: ${explain(kubeadm, outcome, 'GET', path)}`);
    }
    yield* sleep(10);
  }
}
