/**
 * The JSON Schemas of `config-homelab.yaml` and of topology files: which keys there are and what shape each value
 * has. schemas/*.schema.json are these two written out, for editors; `npm run snap` writes them and a test compares.
 * What a schema cannot say (addresses inside a subnet, budgets, skew) is checked in checks-*.ts.
 */

import { DNS_NAME, LABEL, map, size, text, type Schema } from './schema-parts.js';

/** At most this many control planes: their addresses end before the workers' begin, and etcd gains nothing beyond. */
export const MAX_CONTROL_PLANES = 9;

function machines(description: string, count: Schema): Schema {
  return map(description, {
    count: { type: 'integer', ...count },
    cpus: { type: 'integer', minimum: 1, maximum: 256, description: 'Virtual CPUs of each machine.' },
    memory: size('Memory of each machine, in MiB or as text such as 4GiB.'),
  });
}

const CONTROL_PLANES = machines('Control planes; what is left out comes from the topology.', {
  minimum: 1,
  maximum: MAX_CONTROL_PLANES,
  description: 'How many; an odd number, because etcd needs a majority.',
});

const WORKERS = machines('Workers; what is left out comes from the topology.', {
  minimum: 0,
  maximum: 1000,
  description: 'How many.',
});

const LEASE = map("Timers of kube-vip's Lease, in whole seconds; always written out in the manifest.", {
  duration: {
    type: 'integer',
    minimum: 1,
    default: 5,
    description: 'How long a holder is believed to be alive.',
  },
  renew_deadline: { type: 'integer', minimum: 1, default: 3, description: 'After this a holder gives up.' },
  retry_period: { type: 'integer', minimum: 1, default: 1, description: 'Pause between two tries.' },
});

const HA = map('How clients reach the API when there are several control planes.', {
  api_vip: {
    type: 'string',
    description: 'The floating address of the API; default: the fifth of the subnet.',
  },
  api_vip_provider: {
    type: 'string',
    enum: ['kube-vip', 'haproxy'],
    default: 'kube-vip',
    description: 'kube-vip on every control plane, or HAProxy on a machine of its own.',
  },
  api_name: {
    type: 'string',
    pattern: DNS_NAME,
    maxLength: 253,
    title: 'a DNS name such as api.stage.lab',
    description: 'A name as the endpoint of the API instead of its address.',
  },
  interface: {
    type: 'string',
    pattern: '^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$',
    title: 'an interface name of at most 15 characters such as eth1',
    default: 'eth1',
    description: "The machines' interface on the lab network.",
  },
  lease: LEASE,
  kube_vip_version: { type: 'string', default: 'v1.0.4', description: 'Release of kube-vip.' },
  allow_untested: {
    type: 'boolean',
    default: false,
    description: 'Use a kube-vip release that homelab refuses.',
  },
});

const K8S = map('The Kubernetes cluster.', {
  distribution: {
    type: 'string',
    enum: ['kubeadm', 'k3s'],
    default: 'kubeadm',
    description: 'What installs Kubernetes; k3s is not supported yet.',
  },
  topology: {
    type: 'string',
    default: 'k8s-ha',
    description: 'k8s-single, k8s-multi, k8s-ha, or the path of a topology file.',
  },
  version: {
    type: 'string',
    pattern: '^v?1\\.[0-9]+(\\.[0-9]+)?$',
    title: 'a Kubernetes version such as v1.31.4, 1.31.4 or v1.31',
    default: 'v1.31.4',
    description: 'Version of Kubernetes; a minor alone means its newest patch that homelab knows.',
  },
  cni: {
    type: 'string',
    enum: ['cilium', 'flannel', 'bridge', 'none'],
    default: 'cilium',
    description: 'Pod network.',
  },
  csi: { type: 'string', enum: ['longhorn', 'none'], default: 'longhorn', description: 'Storage.' },
  ingress: { type: 'string', enum: ['nginx', 'none'], default: 'nginx', description: 'Ingress controller.' },
  pod_subnet: { type: 'string', default: '10.244.0.0/16', description: 'Range of pod addresses, as a CIDR.' },
  service_subnet: {
    type: 'string',
    default: '10.96.0.0/12',
    description: 'Range of Service addresses, as a CIDR.',
  },
  api_sans: {
    type: 'array',
    items: { type: 'string' },
    uniqueItems: true,
    default: [],
    description: "Further names and addresses in the API server's certificate.",
  },
  parallel_joins: {
    type: 'integer',
    minimum: 1,
    maximum: 50,
    default: 3,
    description: 'How many workers join at once; control planes always join one at a time.',
  },
  upgrade: map('How a running cluster is upgraded.', {
    max_unavailable: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: 'How many workers may be away at once; control planes always go one at a time.',
    },
  }),
  control_planes: CONTROL_PLANES,
  workers: WORKERS,
  ha: HA,
});

const VOS = map('The virtual machines and what they may take together.', {
  cpus: { type: 'integer', minimum: 1, default: 18, description: 'Virtual CPUs of all machines together.' },
  memory: { ...size('Memory of all machines together, in MiB or as text such as 38GiB.'), default: 38912 },
  subnet: {
    type: 'string',
    default: '192.168.62',
    description: 'The lab network: three numbers mean a /24, or a CIDR such as 10.62.0.0/20.',
  },
  management_network: {
    type: 'string',
    description:
      'The network by which homelab reaches real machines, written as subnet is; default: derived from the subnet.',
  },
  box: {
    type: 'string',
    description: 'Vagrant box of the machines; default: the node image that homelab builds.',
  },
  driver: {
    type: 'string',
    enum: ['auto', 'kvm', 'qemu'],
    default: 'auto',
    description: 'What runs real machines: kvm, qemu (software emulation), or auto for kvm where it works.',
  },
  time_scale: {
    type: 'number',
    minimum: 1,
    maximum: 100,
    default: 1,
    description: 'How many times slower than a plain SSD workstation these machines are.',
  },
});

const IMAGE = map('What the node image of real machines is built from.', {
  base: text(
    "Address of a bootable Debian qcow2 image, or its path, relative to this file; default: Debian 12's for clouds.",
  ),
  checksum: {
    type: 'string',
    pattern: '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$',
    title: 'sha256: or sha512: and the digest in small letters',
    description: 'Digest of the base image; needed with image.base.',
  },
  ssh_user: {
    type: 'string',
    pattern: '^[a-z_][a-z0-9_-]{0,31}$',
    title: 'a user name such as vagrant',
    default: 'vagrant',
    description: 'User of the base image with sudo; cloud-init makes it where there is cloud-init.',
  },
  ssh_key: text(
    'Private key of that user, relative to this file; default: one for each build, given to cloud-init.',
  ),
});

export const CONFIG_SCHEMA: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://homelab.invalid/config.schema.json',
  title: 'config-homelab.yaml',
  ...map('A lab of homelab. Every key is optional; a key without a value counts as left out.', {
    name: {
      type: 'string',
      pattern: '^[a-z]([a-z0-9-]*[a-z0-9])?$',
      maxLength: 40,
      title: 'a host name of at most 40 lower-case letters, digits and dashes such as stage',
      default: 'stage',
      description: "Name of the lab; its machines' names begin with it.",
    },
    topology: {
      type: 'string',
      enum: ['single', 'multi', 'ha'],
      description: 'Kind of the lab; must agree with k8s.topology.',
    },
    provider: {
      type: 'string',
      enum: ['sim', 'libvirt'],
      default: 'sim',
      description: 'The simulator, or real virtual machines.',
    },
    bundle: text('Folder of an offline bundle; default: the network.'),
    k8s: K8S,
    vos: VOS,
    image: IMAGE,
    acme: map('The domain of the lab: api.<name>.<tld> names the API.', {
      name: {
        type: 'string',
        pattern: `^${LABEL}$`,
        title: 'a DNS label such as stage',
        description: 'Default: the name of the lab.',
      },
      tld: {
        type: 'string',
        pattern: DNS_NAME,
        title: 'a domain such as lab',
        default: 'lab',
        description: 'Domain.',
      },
    }),
  }),
};

export const TOPOLOGY_SCHEMA: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://homelab.invalid/topology.schema.json',
  title: 'topology',
  ...map('Which machines a lab is made of.', {
    name: {
      type: 'string',
      pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
      maxLength: 40,
      title: 'lower-case letters, digits and dashes such as k8s-ha',
      description: 'Name of the topology.',
    },
    kind: {
      type: 'string',
      enum: ['single', 'multi', 'ha'],
      description: 'single: one machine. multi: one control plane. ha: several behind a floating address.',
    },
    description: { type: 'string', description: 'One sentence for people.' },
    control_planes: {
      ...CONTROL_PLANES,
      required: ['count', 'cpus', 'memory'],
      description: 'The control planes.',
    },
    workers: {
      ...WORKERS,
      required: ['count', 'cpus', 'memory'],
      description: 'The workers; default: none.',
    },
    load_balancer: {
      ...map('The machine of HAProxy; needed with api_vip_provider: haproxy.', {
        cpus: { type: 'integer', minimum: 1, maximum: 256, description: 'Virtual CPUs.' },
        memory: size('Memory, in MiB or as text such as 1GiB.'),
      }),
      required: ['cpus', 'memory'],
    },
  }),
  required: ['name', 'kind', 'control_planes'],
};
