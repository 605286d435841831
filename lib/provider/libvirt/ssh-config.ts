/**
 * Where a lab's machines are reached: read from what `vagrant ssh-config` prints, kept as an OpenSSH client
 * configuration in the lab's folder. A person uses it with `ssh -F`, homelab reads it back and needs no
 * Vagrant, which takes a second or more, to run a program. Ours names the lab's own pinned host keys; Vagrant's
 * checks none.
 */

export interface SshTarget {
  /** Name of the machine; its host key is known under this name whatever its address is. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Absolute paths of private keys. */
  readonly keys: readonly string[];
}

const HEADING = '# Written by homelab. Use it with: ssh -F <this file> <machine>';

/**
 * The hosts of an OpenSSH client configuration, Vagrant's or ours. Hosts without a user and an address are
 * no hosts.
 */
export function parseSshConfig(text: string): readonly SshTarget[] {
  const hosts: { name: string; options: Map<string, string[]> }[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, keyword = '', rest = ''] = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? [];
    if (keyword.toLowerCase() === 'host') hosts.push({ name: unquoted(rest), options: new Map() });
    const options = hosts.at(-1)?.options;
    const key = keyword.toLowerCase();
    if (key !== '') options?.set(key, [...(options.get(key) ?? []), unquoted(rest)]);
  }
  return hosts.flatMap(({ name, options }) => {
    const first = (key: string): string | undefined => options.get(key)?.[0];
    const [address, user] = [first('hostname'), first('user')];
    if (address === undefined || user === undefined) return [];
    const port = Number(first('port') ?? '22');
    const keys = (options.get('identityfile') ?? []).map((path) => path.replaceAll('%%', '%'));
    return [{ name, address, port, user, keys }];
  });
}

/** `text` with `more` added: a host that both have is taken from `more`. */
export function mergeTargets(before: readonly SshTarget[], more: readonly SshTarget[]): readonly SshTarget[] {
  const names = new Set(more.map(({ name }) => name));
  const all = [...before.filter(({ name }) => !names.has(name)), ...more];
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function printSshConfig(targets: readonly SshTarget[], knownHosts: string): string {
  const host = ({ name, address, port, user, keys }: SshTarget): string =>
    [
      `Host ${name}`,
      ...[`HostName ${address}`, `Port ${port}`, `User ${user}`, `HostKeyAlias ${name}`],
      ...[`UserKnownHostsFile ${path(knownHosts)}`, 'GlobalKnownHostsFile /dev/null'],
      ...['StrictHostKeyChecking yes', 'PasswordAuthentication no', 'IdentitiesOnly yes'],
      ...keys.map((key) => `IdentityFile ${path(key)}`),
      'LogLevel ERROR',
    ].join('\n  ');
  return [HEADING, ...targets.map(host), ''].join('\n\n').replace(/\n\n$/, '\n');
}

/** OpenSSH replaces %h and the like in paths, and splits them at blanks. */
function path(text: string): string {
  return `"${text.replaceAll('%', '%%').replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function unquoted(text: string): string {
  const [, inside] = /^"(.*)"$/.exec(text) ?? [];
  return inside === undefined ? text : inside.replaceAll(/\\(["\\])/g, '$1');
}
