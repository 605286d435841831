/**
 * Files of machines over SSH, what SSH keeps in a lab's folder, and what homelab runs on this computer
 * itself.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { hostShell } from '../../lib/provider/libvirt/host-shell.js';
import type { HostProgram, HostProgramEnd } from '../../lib/provider/libvirt/host-program.js';
import { KnownHosts } from '../../lib/provider/libvirt/known-hosts.js';
import { mergeTargets, parseSshConfig, printSshConfig } from '../../lib/provider/libvirt/ssh-config.js';
import { FileError, HOST, UnreachableError } from '../../lib/provider/provider.js';
import { startServer, until } from '../helpers/ssh-server.js';

const LIMIT = { timeoutMs: 60_000 };
const OWNER = `${userInfo().uid}:${userInfo().gid}`;
const NO_SSH = spawnSync('ssh', ['-V']).error === undefined ? false : 'ssh is not installed';
const NO_GNU = existsSync('/proc/self/environ') ? false : 'the machine would be a Linux';

void t.test('files are written whole with mode and owner, and read back', { skip: NO_GNU }, async (t) => {
  const folder = t.testdir({ files: { 'it’s here': {} } });
  const server = await startServer(join(folder, 'server'));
  t.teardown(() => server.close());
  const shell = server.connections().shell('cp-1');
  const path = join(folder, "files/it’s here/a 'b' $c");
  const bytes = Uint8Array.from({ length: 5_000_000 }, (_, index) => (index * 31) % 256);
  await shell.writeFile(path, bytes, { mode: 0o4750, owner: OWNER, ...LIMIT });
  t.equal(statSync(path).mode & 0o7777, 0o4750);
  t.ok(Buffer.compare((await shell.readFile(path, LIMIT)) ?? new Uint8Array(), bytes) === 0, 'every byte');
  await shell.writeFile(path, '', { owner: OWNER, ...LIMIT });
  t.equal((await shell.readFile(path, LIMIT))?.length, 0, 'an empty file is no missing one');
  t.equal(statSync(path).mode & 0o7777, 0o644);
  t.equal(await shell.readFile(`${path}.not`, LIMIT), null);
  t.equal(await shell.readFile(`${path}/below`, LIMIT), null);
  t.strictSame(readdirSync(join(folder, 'files/it’s here')), ["a 'b' $c"], 'nothing is left beside it');
});

void t.test('what is no file is refused in the words of the machine', { skip: NO_GNU }, async (t) => {
  const folder = t.testdir({ folder: { kept: 'kept' } });
  const server = await startServer(join(folder, 'server'));
  t.teardown(() => server.close());
  const shell = server.connections().shell('cp-1');
  const options = { owner: OWNER, ...LIMIT };
  symlinkSync(join(folder, 'folder'), join(folder, 'link'));
  await t.rejects(shell.readFile(join(folder, 'folder'), LIMIT), {
    name: 'FileError',
    message: /Is a directory/,
  });
  await t.rejects(shell.writeFile(join(folder, 'folder'), 'x', options), /Is a directory/);
  await t.rejects(shell.writeFile(join(folder, 'link'), 'x', options), /Is a directory/);
  await t.rejects(shell.writeFile(join(folder, 'no/such'), 'x', options), /No such file or directory/);
  const wrong = { ...options, owner: 'no-such-user:' };
  await t.rejects(shell.writeFile(join(folder, 'new'), 'x', wrong), {
    name: 'FileError',
    message: /chown: invalid/,
  });
  t.strictSame(readdirSync(folder).sort(), ['folder', 'link', 'server']);
  t.equal(readFileSync(join(folder, 'folder/kept'), 'utf8'), 'kept');
  t.ok(new FileError('x') instanceof Error);
});

void t.test('a connection that goes in the middle leaves the old file', { skip: NO_GNU }, async (t) => {
  const folder = t.testdir({ 'a.conf': 'old' });
  const server = await startServer(join(folder, 'server'));
  t.teardown(() => server.close());
  const shell = server.connections().shell('cp-1');
  const writing = shell.writeFile(join(folder, 'a.conf'), new Uint8Array(80_000_000), {
    owner: OWNER,
    ...LIMIT,
  });
  const temporary = (): string | undefined =>
    readdirSync(folder).find((name) => name.startsWith('.homelab.'));
  await until(() => temporary() !== undefined);
  server.cut();
  await t.rejects(writing, UnreachableError);
  await until(() => temporary() === undefined);
  t.equal(readFileSync(join(folder, 'a.conf'), 'utf8'), 'old');
});

const VAGRANT = `Host stage-cp-1
  HostName 192.168.121.175
  User vagrant
  Port 22
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile "/keys/a person/100%/.vagrant.d/insecure_private_keys/vagrant.key.ed25519"
  IdentityFile /keys/person/insecure_private_key
  IdentitiesOnly yes
  LogLevel FATAL

Host stage-w-1
  HostName 192.168.121.80
  User admin
  Port 2222
  IdentityFile /keys/one

The provider for this Vagrant-managed machine is reporting that it
is not yet ready for SSH.
`;

void t.test(
  'what `vagrant ssh-config` prints is understood, and what is written for people too',
  async (t) => {
    const targets = parseSshConfig(VAGRANT);
    const [cp, worker] = targets;
    t.strictSame(cp, {
      ...{ name: 'stage-cp-1', address: '192.168.121.175', port: 22, user: 'vagrant' },
      keys: [
        '/keys/a person/100%/.vagrant.d/insecure_private_keys/vagrant.key.ed25519',
        '/keys/person/insecure_private_key',
      ],
    });
    t.strictSame(worker, {
      name: 'stage-w-1',
      address: '192.168.121.80',
      port: 2222,
      user: 'admin',
      keys: ['/keys/one'],
    });
    t.strictSame(parseSshConfig(printSshConfig(targets, '/a "b" %h\\/known_hosts')), targets);
    t.strictSame(parseSshConfig(''), []);
    t.strictSame(parseSshConfig('Host a\r\n\tHostName=1.2.3.4\r\n\tUser = u\r\n'), [
      { name: 'a', address: '1.2.3.4', port: 22, user: 'u', keys: [] },
    ]);
    const moved = { name: 'stage-w-1', address: '192.168.121.81', port: 22, user: 'vagrant', keys: [] };
    const added = { ...moved, name: 'stage-cp-2' };
    t.strictSame(
      mergeTargets(targets, [moved, added]),
      [cp, added, moved].sort((a, b) => ((a?.name ?? '') < (b?.name ?? '') ? -1 : 1)),
    );
  },
);

void t.test('OpenSSH reads our configuration as it is meant', { skip: NO_SSH }, async (t) => {
  const folder = t.testdir({});
  const path = join(folder, 'ssh_config');
  const knownHosts = '/a folder/100%/known_hosts';
  writeFileSync(path, printSshConfig(parseSshConfig(VAGRANT), knownHosts));
  const asked = spawnSync('ssh', ['-G', '-F', path, 'stage-cp-1'], { encoding: 'utf8' });
  t.equal(asked.status, 0, asked.stderr);
  const lines = asked.stdout.split('\n');
  for (const line of [
    ...[
      'user vagrant',
      'hostname 192.168.121.175',
      'port 22',
      'hostkeyalias stage-cp-1',
      'identitiesonly yes',
    ],
    ...['stricthostkeychecking true', 'globalknownhostsfile /dev/null', 'passwordauthentication no'],
  ]) {
    t.ok(lines.includes(line), line);
  }
  t.match(
    lines.find((line) => line.startsWith('userknownhostsfile')),
    /\/a folder\/100%%?\/known_hosts$/,
  );
  t.equal(lines.filter((line) => line.startsWith('identityfile')).length, 2);
});

/** A key on the wire: length and name of its type, then what is its own. */
function key(type: string, rest: string): Uint8Array {
  const head = new Uint8Array([0, 0, 0, type.length]);
  return Buffer.concat([head, Buffer.from(type), Buffer.from(rest)]);
}

void t.test('known hosts are kept as OpenSSH keeps them', async (t) => {
  const folder = t.testdir({ known_hosts: '# by hand\ncp-9,cp-8 ssh-rsa AAAA comment\n' });
  const path = join(folder, 'known_hosts');
  const hosts = new KnownHosts(path);
  hosts.check('cp-1', key('ssh-ed25519', 'one'));
  hosts.check('cp-2', key('ecdsa-sha2-nistp256', 'two'));
  hosts.check('cp-1', key('ssh-ed25519', 'one'));
  t.strictSame(hosts.types('cp-1'), ['ssh-ed25519']);
  t.strictSame(hosts.types('cp-8'), ['ssh-rsa']);
  t.strictSame(hosts.types('cp'), []);
  const before = readFileSync(path, 'utf8');
  t.throws(
    () => {
      hosts.check('cp-1', key('ssh-ed25519', 'another'));
    },
    { code: 'host-key-changed', message: /SHA256:/ },
  );
  t.throws(
    () => {
      hosts.check('cp-2', key('ssh-ed25519', 'two'));
    },
    { code: 'host-key-changed' },
  );
  t.equal(readFileSync(path, 'utf8'), before);
  hosts.forget(['cp-1', 'cp-8']);
  t.match(readFileSync(path, 'utf8'), /^# by hand\ncp-2 ecdsa-sha2-nistp256 \S+\n$/);
  t.equal(statSync(path).mode & 0o777, 0o600);
  new KnownHosts(join(folder, 'none')).forget(['cp-1']);
  t.strictSame(readdirSync(folder), ['known_hosts'], 'nothing is made to forget');
});

void t.test('what was learned of machines is merged, private, and forgotten with them', async (t) => {
  const server = await startServer(t.testdir());
  t.teardown(() => server.close());
  const ssh = server.connections();
  ssh.writeConfig(VAGRANT);
  const { sshConfig } = server.files;
  const names = (): readonly string[] =>
    parseSshConfig(readFileSync(sshConfig, 'utf8')).map(({ name }) => name);
  t.strictSame(names(), ['cp-1', 'stage-cp-1', 'stage-w-1']);
  t.equal(statSync(sshConfig).mode & 0o777, 0o600);
  ssh.forgetKeys(['stage-cp-1', 'nobody']);
  t.strictSame(names(), ['cp-1', 'stage-w-1']);
});

void t.test('on this computer only programs that look are run, and no file is touched', async (t) => {
  const asked: HostProgram[] = [];
  const answer: { end: HostProgramEnd } = {
    end: { kind: 'exited', code: 1, signal: null, stdout: new Uint8Array(), stderr: new Uint8Array() },
  };
  const shell = hostShell(async (program) => {
    asked.push(program);
    return answer.end;
  });
  t.equal(shell.machine, HOST);
  const argv = ['ping', '-c', '1', '192.0.2.1'];
  t.match(await shell.run({ argv, ...LIMIT }), { kind: 'exited', code: 1 });
  t.match(asked, [{ argv, timeoutMs: 60_000, env: { LC_ALL: 'C' } }]);
  answer.end = { kind: 'missing', why: 'ENOENT' };
  const missing = await shell.run({ argv: ['arping'], ...LIMIT });
  t.match(missing, { kind: 'exited', code: 127 });
  t.match(new TextDecoder().decode(missing.stderr), /arping: not found/);
  for (const refused of [
    async () => {
      await shell.run({ argv: ['rm', '-rf', '/'], ...LIMIT });
    },
    async () => {
      await shell.run({ argv: ['/bin/ping'], ...LIMIT });
    },
    async () => {
      await shell.run({ argv: [], ...LIMIT });
    },
    async () => {
      await shell.readFile('/etc/passwd', LIMIT);
    },
    () => shell.writeFile('/etc/passwd', '', LIMIT),
  ]) {
    await t.rejects(refused(), { name: 'UserError', code: 'not-on-the-host' });
  }
  t.equal(asked.length, 2);
});
