/** Keywords that HAProxy knows, by section: those that configurations of this kind use. Others count as unknown. */

const EVERYWHERE = ['log', 'maxconn', 'description'];
const PROXY = [...EVERYWHERE, 'mode', 'option', 'no', 'timeout', 'fullconn', 'log-format', 'errorfile'];
const FRONT = [
  'bind',
  'default_backend',
  'use_backend',
  'acl',
  'tcp-request',
  'http-request',
  'monitor-uri',
  'stats',
];
const BACK = [
  ...[
    'balance',
    'server',
    'default-server',
    'http-check',
    'tcp-check',
    'retries',
    'cookie',
    'stick',
    'stick-table',
  ],
  ...['acl', 'http-request', 'tcp-request', 'stats'],
];

export const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  global: [
    ...[
      ...EVERYWHERE,
      'user',
      'group',
      'daemon',
      'chroot',
      'stats',
      'nbthread',
      'pidfile',
      'ca-base',
      'crt-base',
    ],
    ...['ulimit-n', 'tune.ssl.default-dh-param', 'ssl-default-bind-options', 'ssl-default-bind-ciphers'],
  ],
  defaults: [...PROXY, 'retries', 'balance', 'default-server', 'http-check', 'default_backend'],
  frontend: [...PROXY, ...FRONT],
  backend: [...PROXY, ...BACK],
  listen: [...PROXY, ...FRONT, ...BACK],
};

export const TIMEOUTS = [
  ...['connect', 'client', 'server', 'tunnel', 'check', 'queue', 'http-request', 'http-keep-alive'],
  ...['client-fin', 'server-fin', 'tarpit'],
];

/** Server options that take a value, and those that stand alone. */
export const SERVER_VALUES = [
  ...[
    'inter',
    'fastinter',
    'downinter',
    'fall',
    'rise',
    'weight',
    'maxconn',
    'verify',
    'ca-file',
    'crt',
    'sni',
  ],
  ...[
    'port',
    'addr',
    'on-marked-down',
    'on-marked-up',
    'on-error',
    'observe',
    'error-limit',
    'check-sni',
    'id',
  ],
  ...['resolvers', 'init-addr', 'slowstart', 'cookie', 'check-alpn', 'alpn'],
];
export const SERVER_FLAGS = [
  ...['check', 'check-ssl', 'no-check-ssl', 'ssl', 'backup', 'disabled', 'no-check', 'send-proxy', 'enabled'],
];
