/** Placeholder type of the replicated log; see etcd.ts. */
export interface EtcdCluster {
  readonly clusterId: string;
}
