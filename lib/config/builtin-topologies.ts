/**
 * The topologies that homelab brings, as text, so that the library needs no file system to know them. The files in
 * topologies/ are the source: `npm run snap` writes this file from them, and a test compares.
 */

/** YAML by name. */
export const BUILTIN_TOPOLOGIES: Readonly<Record<string, string>> = {
  'k8s-single': `# yaml-language-server: \$schema=../schemas/topology.schema.json
name: k8s-single
kind: single
description: One machine that is control plane and worker at once.
control_planes:
  count: 1
  cpus: 4
  memory: 12GiB
`,
  'k8s-multi': `# yaml-language-server: \$schema=../schemas/topology.schema.json
name: k8s-multi
kind: multi
description: One control plane and three workers; losing the control plane loses the API.
control_planes:
  count: 1
  cpus: 2
  memory: 4GiB
workers:
  count: 3
  cpus: 2
  memory: 8GiB
`,
  'k8s-ha': `# yaml-language-server: \$schema=../schemas/topology.schema.json
name: k8s-ha
kind: ha
description: Three control planes behind one floating address, and three workers.
control_planes:
  count: 3
  cpus: 2
  memory: 4GiB
workers:
  count: 3
  cpus: 2
  memory: 8GiB
# Made only when k8s.ha.api_vip_provider is haproxy; kube-vip needs no machine of its own.
load_balancer:
  cpus: 1
  memory: 1GiB
`,
};
