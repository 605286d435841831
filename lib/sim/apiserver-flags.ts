/** Flags of kube-apiserver: those that kubeadm passes and those that people add to its extraArgs. */

/** Flags that name files which the server reads when it starts. */
export const FILE_FLAGS = [
  'etcd-cafile',
  'etcd-certfile',
  'etcd-keyfile',
  'tls-cert-file',
  'tls-private-key-file',
  'client-ca-file',
  'service-account-key-file',
  'service-account-signing-key-file',
  'kubelet-client-certificate',
  'kubelet-client-key',
  'proxy-client-cert-file',
  'proxy-client-key-file',
  'requestheader-client-ca-file',
] as const;

export const API_SERVER_FLAGS: ReadonlySet<string> = new Set([
  ...FILE_FLAGS,
  ...['advertise-address', 'allow-privileged', 'anonymous-auth', 'api-audiences', 'authorization-mode'],
  ...['audit-log-maxage', 'audit-log-maxbackup', 'audit-log-maxsize', 'audit-log-path', 'audit-policy-file'],
  ...['bind-address', 'default-not-ready-toleration-seconds', 'default-unreachable-toleration-seconds'],
  ...['delete-collection-workers', 'disable-admission-plugins', 'enable-admission-plugins'],
  ...['enable-aggregator-routing', 'enable-bootstrap-token-auth', 'encryption-provider-config'],
  ...['etcd-compaction-interval', 'etcd-healthcheck-timeout', 'etcd-readycheck-timeout', 'etcd-servers'],
  ...['event-ttl', 'feature-gates', 'goaway-chance', 'kubelet-preferred-address-types', 'kubelet-timeout'],
  ...['max-mutating-requests-inflight', 'max-requests-inflight', 'min-request-timeout', 'profiling'],
  ...['request-timeout', 'requestheader-allowed-names', 'requestheader-extra-headers-prefix'],
  ...['requestheader-group-headers', 'requestheader-username-headers', 'runtime-config', 'secure-port'],
  ...['service-account-issuer', 'service-account-jwks-uri', 'service-cluster-ip-range'],
  ...['service-node-port-range', 'shutdown-delay-duration', 'storage-backend', 'storage-media-type'],
  ...['tls-cipher-suites', 'tls-min-version', 'v', 'vmodule', 'watch-cache', 'logging-format'],
]);
