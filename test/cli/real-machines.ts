/** `homelab exec` and `homelab ssh` on a lab of real machines, one of which is an SSH server in this process. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { acquireLock } from '../../lib/engine/lock-file.js';
import { labFiles } from '../../lib/provider/libvirt/lab-files.js';
import { SshConnections } from '../../lib/provider/libvirt/ssh-connections.js';
import { runHomelab, type Ran } from '../helpers/fake-io.js';
import { startServer, type TestServer } from '../helpers/ssh-server.js';

interface RealLab {
  readonly server: TestServer;
  readonly folder: string;
  /** Programs of this computer that the lab finds. */
  readonly bin: string;
  readonly run: (line: string) => Promise<Ran>;
}

async function realLab(t: Test): Promise<RealLab> {
  const cwd = t.testdir({ bin: {} });
  const server = await startServer(join(cwd, 'server'));
  t.teardown(() => server.close());
  const [bin, folder] = [join(cwd, 'bin'), join(cwd, '.homelab/stage')];
  const run = (line: string): Promise<Ran> => runHomelab(line.split(' '), { cwd, env: { PATH: bin } });
  await run('up --topology k8s-single --until machines');
  const path = join(folder, 'lab.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"provider": "sim"', '"provider": "libvirt"'));
  new SshConnections({ files: labFiles(folder), timeScale: 1 }).writeConfig(server.config('stage-cp-1'));
  return { server, folder, bin, run };
}

void t.test('exec runs a program on a real machine, and needs nothing but SSH', async (t) => {
  const { folder, run } = await realLab(t);
  t.match(await run('exec stage-cp-1 -- echo hello'), { code: 0, stdout: 'hello\n', stderr: '' });
  t.match(await run('exec stage-cp-1 -- printf %s,%s a b'), { code: 0, stdout: 'a,b' });
  t.match(await run('exec stage-cp-1 -- ls /no/such/file'), { code: 2, stdout: '', stderr: /No such file/ });
  t.match(await run('exec --timeout 1s stage-cp-1 -- sleep 3600'), { code: 125, stderr: /ran out of time/ });
  t.match(await run('exec stage-w-1 -- true'), { code: 125, stderr: /no machine stage-w-1/ });
  t.match(await run('exec host -- rm -r x'), { code: 125, stderr: /homelab does not run rm on it/ });
  t.match(readFileSync(join(folder, 'known_hosts'), 'utf8'), /^stage-cp-1 /);
});

void t.test('exec does not wait for another homelab, and leaves its lock alone', async (t) => {
  const { folder, run } = await realLab(t);
  const lock = join(folder, 'lock');
  const held = acquireLock({ folder: lock, lab: 'stage', pid: process.pid, isAlive: () => false });
  const before = readdirSync(lock);
  t.ok(before.length > 0);
  t.match(await run('exec stage-cp-1 -- true'), { code: 0 });
  t.strictSame(readdirSync(lock), before);
  held.release();
});

void t.test('ssh gives the terminal to the ssh of this computer', async (t) => {
  const { server, folder, bin, run } = await realLab(t);
  t.match(await run('ssh stage-cp-1'), { code: 125, stderr: /no program ssh/ });
  const asked = join(bin, 'asked');
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\necho "$@" >'${asked}'\nexit 7\n`, { mode: 0o755 });
  t.equal((await run('ssh stage-cp-1')).code, 7, 'the exit code is that of the shell');
  t.equal(readFileSync(asked, 'utf8'), `-F ${join(folder, 'ssh_config')} stage-cp-1\n`);
  t.match(
    readFileSync(join(folder, 'known_hosts'), 'utf8'),
    /^stage-cp-1 /,
    'it will find the key that it asks for',
  );
  writeFileSync(join(bin, 'ssh'), '#!/bin/sh\nkill -TERM $$\n', { mode: 0o755 });
  t.equal((await run('ssh stage-cp-1')).code, 143);
  t.match(await run('ssh host'), { code: 125, stderr: /you are on it/ });
  server.changeKey();
  t.match(await run('ssh stage-cp-1'), { code: 125, stderr: /ssh-keygen -R stage-cp-1/ });
  await server.close();
  t.match(await run('ssh stage-cp-1'), { code: 125, stderr: /cannot reach stage-cp-1/ });
});

void t.test('up is refused with everything that this computer lacks, and leaves nothing', async (t) => {
  const cwd = t.testdir({ bin: {}, 'config-homelab.yaml': 'provider: libvirt\nvos:\n  driver: qemu\n' });
  const run = (line: string): Promise<Ran> =>
    runHomelab(line.split(' '), { cwd, env: { PATH: join(cwd, 'bin') } });
  const { code, stdout, stderr } = await run('up -o json');
  t.equal(code, 2);
  t.match(JSON.parse(stdout), { error: { code: 'host-not-ready' } });
  t.match(stderr, /vagrant is not on PATH[^]*apt install vagrant/);
  t.match(stderr, /virsh is not on PATH[^]*this computer is not ready for lab stage; nothing was changed/);
  for (const option of ['--seed 2', '--fault 1m=cut:stage-cp-1'])
    t.match(await run(`up ${option}`), { code: 2, stderr: /is for simulated labs/ }, option);
  t.strictSame(readdirSync(cwd).sort(), ['bin', 'config-homelab.yaml']);
});

void t.test('wait waits in real time and for no lock', async (t) => {
  const { folder, run } = await realLab(t);
  const lock = acquireLock({ folder: join(folder, 'lock'), lab: 'stage', pid: 1, isAlive: () => true });
  t.match(await run('wait 10ms'), { code: 0, stdout: /^waited 0\.0s/ });
  t.match(await run('machine cut stage-cp-1'), { code: 2, stderr: /in use by another homelab/ });
  lock.release();
});
