/** The verbs that only tell something: version, cluster-info, config, logs, top. */
import { parse } from 'yaml';
import type { Sim } from '../../task.js';
import { listAt, mapAt, textAt } from '../../tree.js';
import { installedVersion } from '../../image.js';
import { Failure } from '../failure.js';
import { absolute } from '../paths.js';
import { versionInfo } from '../../api/discovery.js';
import { toJson, toYaml } from './output.js';
import { pathOf } from './resources.js';
import { readTargets } from './get.js';
import type { Session } from './session.js';

export const VERSION_FLAGS = ['client', 'output|o=', 'short'];
export const LOGS_FLAGS = [
  'container|c=',
  'tail=',
  'previous|p',
  'follow|f',
  'since=',
  'timestamps',
  'selector|l=',
];
export const CONFIG_FLAGS = ['raw', 'minify', 'flatten', 'output|o='];

/** The kustomize that is built into each minor of kubectl. */
const KUSTOMIZE: Readonly<Record<string, string>> = {
  '30': 'v5.0.4-0.20230601165947-6ce0bf390ce3',
  '31': 'v5.4.2',
  '32': 'v5.5.0',
  '33': 'v5.6.0',
  '34': 'v5.7.1',
};

export function* version(session: Session): Sim<number> {
  const { flags, call } = session;
  const gitVersion = installedVersion(call.machine, 'kubectl') ?? '';
  const minor = gitVersion.split('.')[1] ?? '';
  const kustomize = KUSTOMIZE[minor] ?? 'v5.7.1';
  const output = flags.get('output');
  if (output !== null && output !== 'json' && output !== 'yaml') {
    throw new Failure("error: --output must be 'yaml' or 'json'\n");
  }
  const outcome = flags.has('client') ? null : yield* session.request('GET', '/version');
  const server = outcome?.kind === 'ok' ? outcome.body : null;
  if (output === null) {
    session.print(`Client Version: ${gitVersion}\nKustomize Version: ${kustomize}\n`);
    if (server !== null) session.print(`Server Version: ${textAt(server, 'gitVersion') ?? ''}\n`);
  } else {
    const clientVersion = versionInfo(gitVersion);
    const body = {
      ...{ clientVersion, kustomizeVersion: kustomize },
      ...(server === null ? {} : { serverVersion: server }),
    };
    session.print(output === 'json' ? `${JSON.stringify(body, null, 2)}\n` : toYaml(body));
  }
  if (outcome !== null && outcome.kind !== 'ok') throw session.failure(outcome);
  warnOfSkew(session, minor, textAt(server, 'minor'));
  return 0;
}

function warnOfSkew(session: Session, client: string, server: string | null): void {
  const other = (server ?? client).replace('+', '');
  if (Math.abs(Number(client) - Number(other)) <= 1) return;
  session.call.printError(
    `WARNING: version difference between client (1.${client}) and server (1.${other}) exceeds the ` +
      'supported minor version skew of +/-1\n',
  );
}

export function* clusterInfo(session: Session): Sim<number> {
  yield* session.discover();
  const services = yield* session.list(
    '/api/v1/namespaces/kube-system/services?labelSelector=kubernetes.io/cluster-service%3Dtrue',
  );
  const { server } = session.client.config;
  session.print(`Kubernetes control plane is running at ${server}\n`);
  for (const service of services.items) {
    const name = service.metadata.labels?.['kubernetes.io/name'] ?? service.metadata.name;
    const path = `/api/v1/namespaces/kube-system/services/${service.metadata.name}:dns/proxy`;
    session.print(`${name} is running at ${server}${path}\n`);
  }
  session.print("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n");
  return 0;
}

/** `config view` and `config current-context` read the file; nothing of it is changed. */
export function* config(session: Session, operands: readonly string[]): Sim<number> {
  yield* [];
  const { call, flags } = session;
  const path = absolute(call, flags.get('kubeconfig') ?? call.env['KUBECONFIG'] ?? '/root/.kube/config');
  const tree = parse(call.machine.disk.read(path) ?? EMPTY_CONFIG) as unknown;
  switch (operands[0]) {
    case 'view':
      session.print(
        flags.get('output') === 'json'
          ? `${toJson(redact(tree, flags.has('raw')))}\n`
          : toYaml(redact(tree, flags.has('raw'))),
      );
      return 0;
    case 'current-context': {
      const current = textAt(tree, 'current-context') ?? '';
      if (current === '') throw new Failure('error: current-context is not set\n');
      session.print(`${current}\n`);
      return 0;
    }
    default:
      throw new Failure(`error: the simulator does not model kubectl config ${operands[0] ?? ''}\n`);
  }
}

const EMPTY_CONFIG =
  'apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: ""\n' +
  'kind: Config\npreferences: {}\nusers: null\n';

function redact(tree: unknown, raw: boolean): unknown {
  if (raw) return tree;
  const hide = (entry: unknown, key: string, names: readonly string[], word: string): unknown => {
    const inner = { ...mapAt(entry, key) };
    for (const name of names) if (name in inner) inner[name] = word;
    return { ...mapAt(entry), [key]: inner };
  };
  const secrets = ['client-certificate-data', 'client-key-data'];
  return {
    ...mapAt(tree),
    clusters: listAt(tree, 'clusters').map((one) =>
      hide(one, 'cluster', ['certificate-authority-data'], 'DATA+OMITTED'),
    ),
    users: listAt(tree, 'users').map((one) => {
      const hidden = hide(one, 'user', secrets, 'DATA+OMITTED');
      return hide(hidden, 'user', ['token', 'password'], 'REDACTED');
    }),
  };
}

export function* logs(session: Session, operands: readonly string[]): Sim<number> {
  const { flags } = session;
  for (const option of ['follow', 'since', 'timestamps', 'selector']) {
    if (flags.get(option) !== null)
      throw new Failure(`error: the simulator does not model logs --${option}\n`);
  }
  const [operand] = operands;
  if (operand === undefined) {
    throw new Failure(
      "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n" +
        'POD or TYPE/NAME is a required argument for the logs command\n' +
        "See 'kubectl logs -h' for help and examples\n",
    );
  }
  yield* session.discover();
  const [target] = yield* readTargets(session, operand.includes('/') ? [operand] : ['pods', operand]);
  if (target?.type.kind !== 'Pod') throw new Failure('error: the simulator models logs of pods only\n');
  const name = target.names[0] ?? '';
  const path = pathOf(target.type, session.namespace, name);
  const pod = yield* session.getObject(path);
  const containers = listAt(pod, 'spec', 'containers').map((one) => textAt(one, 'name') ?? '');
  const container = flags.get('container') ?? containers[0] ?? '';
  if (!containers.includes(container)) {
    throw new Failure(`error: container ${container} is not valid for pod ${name}\n`);
  }
  if (flags.get('container') === null && containers.length > 1) {
    session.call.printError(`Defaulted container "${container}" out of: ${containers.join(', ')}\n`);
  }
  const query = [
    `container=${container}`,
    ...(flags.has('previous') ? ['previous=true'] : []),
    ...(flags.get('tail') === null ? [] : [`tailLines=${flags.get('tail') ?? ''}`]),
  ];
  const body = yield* session.ask('GET', `${path}/log?${query.join('&')}`);
  if (typeof body !== 'string')
    throw new Failure('error: the simulated API server has no logs of this pod\n');
  session.print(body);
  return 0;
}

/** No metrics server is installed in any lab. */
export function* top(session: Session): Sim<number> {
  yield* session.discover();
  throw new Failure('error: Metrics API not available\n');
}
