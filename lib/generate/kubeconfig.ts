/**
 * The kubeconfig of a lab, made from the admin.conf that kubeadm wrote: the same certificates under the lab's
 * own names, so that several labs can be merged into one file, and with a server of choice. Leaves out
 * fetching it.
 */
import { parse } from 'yaml';
import { UserError } from '../base/errors.js';
import type { LabSpec } from '../model/lab.js';
import { toYaml } from './yaml.js';

/**
 * `host` is the endpoint's, or a control plane's address when the endpoint does not answer; the certificate
 * has both. The text is a secret: it holds an administrator's private key. Throws a `UserError` for a text
 * that is no kubeconfig with exactly one cluster and one user; its message never quotes the text.
 */
export function labKubeconfig(lab: LabSpec, adminConf: string, host: string, port: number): string {
  const config = readMapping(adminConf);
  const cluster = only(config['clusters'], 'cluster');
  const user = only(config['users'], 'user');
  const userName = `${lab.name}-admin`;
  return toYaml({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: lab.name, cluster: { ...cluster, server: `https://${host}:${port}` } }],
    users: [{ name: userName, user }],
    contexts: [{ name: lab.name, context: { cluster: lab.name, user: userName } }],
    'current-context': lab.name,
  });
}

function readMapping(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    // The parser's message quotes the text, which holds a private key.
    throw unreadable('it is not YAML');
  }
  if (!isMapping(value)) throw unreadable('it is not a mapping');
  return value;
}

/** The one entry of `clusters` or `users`, without its name. */
function only(list: unknown, key: string): Readonly<Record<string, unknown>> {
  if (!Array.isArray(list) || list.length !== 1) throw unreadable(`it does not have exactly one ${key}`);
  const entry: unknown = list[0];
  const value = isMapping(entry) ? entry[key] : undefined;
  if (!isMapping(value)) throw unreadable(`its ${key} is empty`);
  return value;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unreadable(why: string): UserError {
  return new UserError({
    code: 'kubeconfig-unreadable',
    message: `The admin.conf of the control plane is no kubeconfig: ${why}.`,
    remedy: 'Look at the control plane with: homelab status',
  });
}
