/** The configuration from which the project began, with its indentation. */
export const SEED_CONFIG = `# config-homelab.yaml
name: stage
topology: ha # the HomeLab topology
k8s:
  distribution: kubeadm # k3s also supports HA via --cluster-init, kubeadm is the canonical
  topology: k8s-ha
  version: "v1.31.4"
  cni: cilium
  csi: longhorn
  ingress: nginx
  ha:
    api_vip: "192.168.62.5" # the floating IP for the API server
    api_vip_provider: "kube-vip" # or "haproxy" — see below
vos:
  cpus: 18
  memory: 38912 # 38 GB of VM RAM
  subnet: "192.168.62"
acme:
  name: stage
  tld: lab
`;
