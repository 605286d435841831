/** `kubeadm token create|list|delete|generate`. */
import { rfc3339 } from '../../base/calendar.js';
import { isNotFound, itemsOf, type ApiClient } from '../api-client.js';
import {
  TOKEN_GROUP,
  TOKEN_SECRET_PREFIX,
  TOKEN_SECRET_TYPE,
  generateToken,
  readTokenSecret,
  splitToken,
  type BootstrapToken,
} from '../bootstrap-token.js';
import type { Sim } from '../task.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { clientFromFile, explain, kubeSystem, request } from './api.js';
import { refuse } from './config-load.js';
import { DEFAULT_TIMEOUTS } from './config-model.js';
import { kubeconfigPath } from './config-read.js';
import { KubeadmFailure, parseGoDuration, say, type Kubeadm } from './context.js';
import { listOf, notModelled, readArguments, refuseMixedFlags, type Arguments } from './flags.js';
import { joinCommandLine, joinParts, storeToken } from './tokens.js';

const COMMON = ['kubeconfig=', 'dry-run'];

export function* tokenCommand(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  const [verb = '', ...rest] = args;
  switch (verb) {
    case 'create':
      return yield* create(kubeadm, rest);
    case 'list':
      return yield* list(
        kubeadm,
        readArguments(rest, [...COMMON, 'output|o=', 'allow-missing-template-keys', 'show-managed-fields']),
      );
    case 'delete':
      return yield* remove(kubeadm, readArguments(rest, COMMON));
    case 'generate': {
      say(kubeadm, generateToken(kubeadm.call.prng));
      return;
    }
    default:
      throw new KubeadmFailure(`invalid subcommand "${verb}"\nSee 'kubeadm token -h' for help and examples`);
  }
}

function tokenClient(kubeadm: Kubeadm, { flags }: Arguments): ApiClient {
  if (flags.has('dry-run')) throw notModelled(kubeadm, 'the flag --dry-run');
  return clientFromFile(kubeadm, kubeconfigPath(kubeadm, flags.get('kubeconfig')));
}

function* create(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  const parsed = readArguments(args, [
    ...COMMON,
    'certificate-key=',
    'config=',
    'description=',
    'groups=',
    'print-join-command',
    'ttl=',
    'usages=',
  ]);
  const { flags, operands } = parsed;
  refuseMixedFlags(parsed);
  if (flags.get('config') !== null) throw notModelled(kubeadm, 'kubeadm token create --config');
  const key = flags.get('certificate-key');
  if (key !== null && !flags.has('print-join-command')) {
    throw new KubeadmFailure('cannot use --certificate-key without --print-join-command');
  }
  const text = operands[0] ?? generateToken(kubeadm.call.prng);
  if (splitToken(text) === null) {
    const pattern = '\\A([a-z0-9]{6})\\.([a-z0-9]{16})\\z';
    throw new KubeadmFailure(`the bootstrap token "${text}" was not of the form "${pattern}"`);
  }
  const ttl = flags.get('ttl') ?? '24h0m0s';
  const ttlMs = parseGoDuration(ttl);
  if (ttlMs === null) {
    const why = `time: invalid duration "${ttl}"`;
    throw new KubeadmFailure(`invalid argument "${ttl}" for "--ttl" flag: ${why}`);
  }
  const usages = listOf(flags, 'usages');
  const groups = listOf(flags, 'groups');
  const wrong = usages.filter((usage) => usage !== 'signing' && usage !== 'authentication');
  refuse(
    wrong.map(
      (usage) => `bootstrapTokens[0].usages: Invalid value: "${usage}": invalid bootstrap token usage string`,
    ),
  );
  const client = tokenClient(kubeadm, parsed);
  const wanted = {
    ttlMs,
    usages: usages.length > 0 ? usages : ['signing', 'authentication'],
    groups: groups.length > 0 ? groups : [TOKEN_GROUP],
    description: flags.get('description'),
  };
  yield* storeToken(kubeadm, client, text, wanted, DEFAULT_TIMEOUTS.kubernetesAPICall);
  say(kubeadm, flags.has('print-join-command') ? joinCommandLine(joinParts(client, text), key) : text);
}

function* list(kubeadm: Kubeadm, parsed: Arguments): Sim<void> {
  const client = tokenClient(kubeadm, parsed);
  const path = kubeSystem(`secrets?fieldSelector=type%3D${encodeURIComponent(TOKEN_SECRET_TYPE)}`);
  const outcome = yield* request(client, 'GET', path);
  if (outcome.kind !== 'ok') {
    throw new KubeadmFailure(`failed to list bootstrap tokens: ${explain(kubeadm, outcome, 'GET', path)}`);
  }
  const tokens = itemsOf(outcome)
    .map(readTokenSecret)
    .filter((token) => token !== null);
  const format = parsed.flags.get('output') ?? 'text';
  if (format === 'json') for (const token of tokens) kubeadm.call.print(jsonOf(token));
  else if (format === 'text') kubeadm.call.print(tableOf(kubeadm, tokens));
  else throw notModelled(kubeadm, `kubeadm token list -o ${format}`);
}

/** One object after the other, not a list: that is how the real one prints several. */
function jsonOf(token: BootstrapToken): string {
  const object = {
    kind: 'BootstrapToken',
    apiVersion: 'output.kubeadm.k8s.io/v1alpha3',
    creationTimestamp: null,
    token: `${token.id}.${token.secret}`,
    ...(token.description === null ? {} : { description: token.description }),
    ...(token.expiresUnixMs === null ? {} : { expires: rfc3339(token.expiresUnixMs) }),
    ...(token.usages.length === 0 ? {} : { usages: token.usages }),
    ...(token.groups.length === 0 ? {} : { groups: token.groups }),
  };
  return `${JSON.stringify(object, null, 4)}\n`;
}

function tableOf(kubeadm: Kubeadm, tokens: readonly BootstrapToken[]): string {
  if (tokens.length === 0) return '';
  const none = '<none>';
  const nowUnixMs = EPOCH_UNIX_MS + kubeadm.call.machine.wallMs;
  const rows = tokens.map((token) => [
    `${token.id}.${token.secret}`,
    token.expiresUnixMs === null ? '<forever>' : shortDuration(token.expiresUnixMs - nowUnixMs),
    token.expiresUnixMs === null ? '<never>' : rfc3339(token.expiresUnixMs),
    token.usages.length === 0 ? none : token.usages.join(','),
    token.description ?? none,
    token.groups.length === 0 ? none : token.groups.join(','),
  ]);
  return printTable([['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'], ...rows]);
}

/** Fixed widths: the real one prints row by row and cannot know the widest cell. */
function printTable(rows: readonly (readonly string[])[]): string {
  const widths = [26, 12, 23, 25, 59, 0];
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('');
  return rows.map((row) => `${line(row)}\n`).join('');
}

/** k8s.io/apimachinery duration.ShortHumanDuration: whole units of the largest kind. */
function shortDuration(ms: number): string {
  if (ms < -1_000) return '<invalid>';
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return seconds < 31_536_000 ? `${Math.floor(seconds / 86_400)}d` : `${Math.floor(seconds / 31_536_000)}y`;
}

function* remove(kubeadm: Kubeadm, parsed: Arguments): Sim<void> {
  if (parsed.operands.length === 0) {
    throw new KubeadmFailure('missing argument; token(s) should be specified');
  }
  const client = tokenClient(kubeadm, parsed);
  for (const text of parsed.operands) {
    const id = splitToken(text)?.id ?? text;
    if (!/^[a-z0-9]{6}$/.test(id)) {
      throw new KubeadmFailure(
        `given token "${text}" didn't match pattern "\\\\A([a-z0-9]{6})\\\\z" or ` +
          '"\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z"',
      );
    }
    const path = kubeSystem(`secrets/${TOKEN_SECRET_PREFIX}${id}`);
    const outcome = yield* request(client, 'DELETE', path);
    if (outcome.kind !== 'ok' || isNotFound(outcome)) {
      const why = explain(kubeadm, outcome, 'DELETE', path);
      throw new KubeadmFailure(`failed to delete bootstrap token "${id}": ${why}`);
    }
    say(kubeadm, `bootstrap token "${id}" deleted`);
  }
}
