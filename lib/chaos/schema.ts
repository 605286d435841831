/**
 * The JSON Schema of a scenario. schemas/scenario.schema.json is it written out, for editors. What a schema cannot
 * say (names that must exist, what each fault needs) is checked in check.ts.
 */
import { map, text, type Schema } from '../config/schema-parts.js';
import { DURATION_PATTERN, DURATION_TITLE } from './duration-sum.js';
import { CERTIFICATES, FAULT_KINDS } from './fault-kinds.js';
import { INVARIANTS } from './invariant-names.js';
import { OPERATIONS } from './scenario.js';

function duration(description: string): Schema {
  return { type: 'string', pattern: DURATION_PATTERN, title: DURATION_TITLE, description };
}

function list(description: string, items: Schema): Schema {
  return { type: 'array', description, items };
}

function count(description: string, minimum: number): Schema {
  return { type: 'integer', minimum, description };
}

const NAME: Schema = {
  type: 'string',
  pattern: '^[a-z][a-z0-9-]*$',
  maxLength: 60,
  title: 'lower-case letters, digits and dashes such as first-loss',
  description: 'By what the rest of the scenario calls it.',
};

const MACHINES = text(
  'Machines: a name such as cp-2, a role, vip-holder, etcd-leader, haproxy-active-backend, the name of an earlier ' +
    'fault; with any, N of, or not before it.',
);

const WATCH = text(
  'What is looked at: api, machines, nodes, etcd, quorum, etcd-leader, vip, each of the first four also with ' +
    '"of MACHINES", pods NAMESPACE/PREFIX, probe NAME, or step NAME of the operation, also with "of MACHINES".',
);

const UP_OR_DOWN = ['up', 'down'];

const NEEDS = map('The lab that it needs.', {
  kind: { type: 'string', enum: ['single', 'multi', 'ha'], description: 'Kind of the topology.' },
  control_planes: count('At least so many.', 1),
  workers: count('At least so many.', 0),
  vip: { type: 'string', enum: ['kube-vip', 'haproxy'], description: 'Who carries the floating address.' },
});

const SETTING: Schema = {
  ...map('A duration that --set changes, and that $name stands for.', {
    name: {
      ...NAME,
      pattern: '^[a-z][a-z_]*$',
      title: 'lower-case letters and underscores such as duration',
    },
    default: duration('Unless --set says otherwise.'),
    description: text('What it is for.'),
  }),
  required: ['name', 'default', 'description'],
};

const PROBE: Schema = {
  ...map('A program that is run again and again, from before the first fault until the end.', {
    name: NAME,
    run: {
      type: 'array',
      items: { type: 'string' },
      description: 'Program and arguments; never a shell line.',
    },
    kubectl: {
      type: 'array',
      items: { type: 'string' },
      description: 'Arguments of kubectl, with the administrator’s credentials, on a control plane.',
    },
    write: {
      type: 'boolean',
      description: 'Writes a number into an object of its own, and counts which writes were acknowledged.',
    },
    ping: text(
      'One packet to a machine, or to vip, the floating address; sent from the workstation unless told.',
    ),
    backend: text('A control plane that HAProxy’s checks are to have up, asked of the load balancer.'),
    on: text('One machine, or host for the workstation (the default of run and ping).'),
    every: duration('Pause between the beginnings of two runs; default 1s.'),
    timeout: duration('After so long a run is ended and has failed; default 10s, of a ping 1s.'),
    exit: count('The exit code of a run that went well; default 0.', 0),
    lasts: {
      type: 'boolean',
      description: 'A run is to go on until its timeout, as a watch does; one that ends has failed.',
    },
    output: text('A regular expression that its standard output must match.'),
  }),
  required: ['name'],
};

const STEADY: Schema = {
  ...map('What must hold before the first fault and again after the last.', {
    watch: WATCH,
    is: { type: 'string', enum: UP_OR_DOWN, description: 'Default up.' },
  }),
  required: ['watch'],
};

const FAULT: Schema = {
  ...map('A fault, when it comes and when it goes.', {
    name: NAME,
    fault: { type: 'string', enum: FAULT_KINDS, description: 'What is done to the machines.' },
    machines: MACHINES,
    at: duration('After the method, or the step of `when`, has begun; default 0s.'),
    when: text(
      'A step of the operation, such as upgrade-node: `at` counts from where it begins on a machine of the fault.',
    ),
    for: duration('Lifted after so long; default at the end of the method.'),
    from: text(
      'partition: the machines that are not heard any more, or host, the workstation; default all of these.',
    ),
    unit: text('stop-unit: the systemd unit.'),
    manifest: text('remove-manifest: the static pod, such as kube-apiserver.'),
    process: text('kill-process: the name of the program.'),
    loss: {
      type: 'string',
      pattern: '^(100|[0-9]{1,2}(\\.[0-9]{1,2})?)%$',
      title: 'a share such as 30%',
      description: 'loss: the share of frames that leave the machine and are lost.',
    },
    delay: duration('delay: by how much frames that leave the machine are late.'),
    latency: duration('slow-disk: how much longer each flush takes.'),
    skew: duration('clock-skew: how far ahead the clock is set.'),
    certificate: {
      type: 'string',
      enum: CERTIFICATES,
      description: 'expire-certificate: as `kubeadm certs renew` calls it.',
    },
    names: {
      type: 'array',
      items: { type: 'string' },
      description: 'registry-unreachable: host names; default those of the cluster’s images.',
    },
  }),
  required: ['name', 'fault', 'machines'],
};

const EXPECTATION: Schema = {
  ...map('What is expected while faults are in force, or after one is gone.', {
    name: text('In words.'),
    watch: WATCH,
    while: text('From the beginning of this fault to the beginning of its end.'),
    after: text('From the beginning of this fault’s end to the end of the run.'),
    skip: duration('Leaves out the first so much of that time.'),
    becomes: { type: 'string', enum: UP_OR_DOWN, description: 'It must, at some time.' },
    within: duration('becomes: at the latest after so long.'),
    not_before: duration('becomes: at the earliest after so long.'),
    stays: { type: 'string', enum: UP_OR_DOWN, description: 'It must be so all the time.' },
    outage: map('The longest time without it.', {
      at_least: duration('No shorter.'),
      at_most: duration('No longer.'),
    }),
    changes: { type: 'boolean', description: 'Whether another machine takes the part.' },
    failures: map('Runs of a probe, or attempts at a step, that failed.', {
      at_least: count('No fewer.', 0),
      at_most: count('No more.', 0),
      saying: text('A regular expression: only failures whose words match it are counted.'),
    }),
  }),
  required: ['name', 'watch'],
};

export const SCENARIO_SCHEMA: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://homelab.invalid/scenario.schema.json',
  title: 'scenario',
  ...map('A chaos experiment: a steady state, faults, what is expected of them, and recovery.', {
    name: NAME,
    description: text('What it shows, in a paragraph.'),
    topology: NEEDS,
    settings: list('Durations that a run may change.', SETTING),
    workload: text('Kubernetes objects that are there during the run, as YAML.'),
    probes: list('Programs that look all the time.', PROBE),
    steady_state: list(
      'The gate before and the verdict after; default: machines, nodes, etcd, api, and vip where there is one.',
      STEADY,
    ),
    lasts: duration('How long the method lasts; default until the last fault comes or goes.'),
    operation: {
      ...map('A saga that runs while the faults come, from the beginning of the method on.', {
        saga: { type: 'string', enum: OPERATIONS, description: 'Which one.' },
        input: map('What it is to do.', {
          to: text('upgrade: the version; default the newest patch of the next minor.'),
          machines: text('rejoin: the control planes that leave the cluster and join it again, all at once.'),
        }),
        within: duration('How long it may take; default 4h.'),
      }),
      required: ['saga'],
    },
    method: list('The faults, each with its time.', FAULT),
    during: list('The degradation that is expected, and what must go on.', EXPECTATION),
    recovery: {
      ...map('How long it may take until the steady state holds again.', {
        within: duration('Counted from when the last fault is gone.'),
      }),
      required: ['within'],
    },
    invariants: list('What must never happen; default: every invariant that the provider can watch.', {
      type: 'string',
      enum: INVARIANTS,
    }),
  }),
  required: ['name', 'description', 'method', 'during', 'recovery'],
};
