// Packages on simulated machines: repositories by minor, holds, downgrades, and repositories that do not answer.
import t from 'tap';
import type { Test } from 'tap';
import { KubeadmLab } from '../helpers/kubeadm-lab.js';
import { useRepository } from '../helpers/upgrade-lab.js';

const LIST = '/etc/apt/sources.list.d/kubernetes.list';

/** Runs a line of words; its exit code and both outputs together. */
function said(lab: KubeadmLab, line: string): { readonly code: number | null; readonly text: string } {
  const { code, stdout, stderr } = lab.exec('cp-1', line.split(' '));
  return { code, text: stdout + stderr };
}

function fails(t: Test, lab: KubeadmLab, line: string, code: number, text: RegExp): void {
  const result = said(lab, line);
  t.equal(result.code, code, line);
  t.match(result.text, text, line);
}

t.test('a package comes from the repository of its minor only, and holds hold', async (t) => {
  const lab = new KubeadmLab();
  t.equal(said(lab, 'apt-mark showhold').text, 'kubeadm\nkubectl\nkubelet\n');
  t.equal(said(lab, 'dpkg-query -W kubelet').text, 'kubelet\t1.31.4-1.1\n');
  t.match(said(lab, 'dpkg -l kubeadm').text, /^hi  kubeadm +1\.31\.4-1\.1 +amd64/m);
  fails(
    t,
    lab,
    'apt-get install -y kubeadm=1.32.0-1.1',
    100,
    /E: Version '1\.32\.0-1\.1' for 'kubeadm' was not found/,
  );
  t.match(
    said(lab, 'apt-cache policy kubeadm').text,
    /Installed: 1\.31\.4-1\.1\n {2}Candidate: 1\.31\.14-1\.1/,
  );

  useRepository(lab, 'cp-1', 'v1.32');
  t.notMatch(said(lab, 'apt-cache madison kubeadm').text, /1\.31\./);
  fails(
    t,
    lab,
    'apt-get install -y kubeadm=1.32.0-1.1',
    100,
    /E: Held packages were changed and -y was used/,
  );
  t.equal(said(lab, 'apt-mark unhold kubeadm').text, 'Canceled hold on kubeadm.\n');
  t.equal(said(lab, 'apt-mark unhold kubeadm').text, 'kubeadm was already not on hold.\n');
  fails(t, lab, 'apt-get install kubeadm=1.32.0-1.1', 1, /Do you want to continue\? \[Y\/n\] Abort\./);
  const installed = said(lab, 'apt-get install -y kubeadm=1.32.0-1.1');
  t.equal(installed.code, 0);
  t.match(installed.text, /1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded/);
  t.match(installed.text, /Unpacking kubeadm \(1\.32\.0-1\.1\) over \(1\.31\.4-1\.1\)/);
  t.equal(said(lab, 'kubeadm version -o short').text, 'v1.32.0\n');
  t.equal(said(lab, 'apt-mark hold kubeadm').text, 'kubeadm set on hold.\n');
  t.match(said(lab, 'apt-get install -y kubeadm=1.32.0-1.1').text, /kubeadm is already the newest version/);

  const change = 'apt-get install -y --allow-change-held-packages kubelet=1.32.1-1.1';
  t.equal(said(lab, change).code, 0, 'a held one with the flag');
  t.match(said(lab, 'apt-mark showhold').text, /kubelet/, 'and it stays held');
  const back = 'apt-get install -y --allow-change-held-packages kubelet=1.32.0-1.1';
  fails(t, lab, back, 100, /E: Packages were downgraded and -y was used without --allow-downgrades/);
  t.equal(said(lab, back.replace('-y', '-y --allow-downgrades')).code, 0);
  fails(t, lab, 'apt-get install -y nosuch', 100, /E: Unable to locate package nosuch/);
  fails(t, lab, 'dpkg-query -W nosuch', 1, /dpkg-query: no packages found matching nosuch/);
});

t.test('a repository that cannot be had', async (t) => {
  const lab = new KubeadmLab();
  const list = lab.machine('cp-1').disk.read(LIST) ?? '';
  lab.write('cp-1', '/etc/resolv.conf', '');
  const update = said(lab, 'apt-get update');
  t.equal(update.code, 0, 'apt-get update only warns');
  t.match(update.text, /W: Failed to fetch .*InRelease {2}Temporary failure resolving 'pkgs\.k8s\.io'/);
  t.match(update.text, /W: Some index files failed to download/);
  const install = 'apt-get install -y --allow-change-held-packages kubeadm=1.31.5-1.1';
  fails(t, lab, install, 100, /E: Unable to fetch some archives, maybe run apt-get update/);
  t.equal(said(lab, 'kubeadm version -o short').text, 'v1.31.4\n', 'nothing changed');

  lab.write('cp-1', '/etc/resolv.conf', 'nameserver 192.168.121.1\n');
  lab.write('cp-1', '/etc/hosts', '127.0.0.1 localhost pkgs.k8s.io\n');
  t.match(
    said(lab, 'apt-get update').text,
    /Could not connect to pkgs\.k8s\.io:443 \(127\.0\.0\.1\).*refused/,
  );
  lab.write('cp-1', '/etc/hosts', '127.0.0.1 localhost\n');
  t.equal(said(lab, install).code, 0, 'and once it can be had');

  lab.write('cp-1', LIST, list.replace('v1.31', 'v1.99'));
  fails(t, lab, 'apt-get update', 100, /E: The repository '.*v1\.99.*' is not signed/);
  lab.write('cp-1', LIST, 'deb nonsense\n');
  fails(t, lab, 'apt-get update', 100, /E: Malformed entry 1 in list file/);
  lab.write('cp-1', LIST, list);
  lab.exec('cp-1', ['rm', '/etc/apt/keyrings/kubernetes-apt-keyring.gpg']);
  fails(t, lab, 'apt-get update', 100, /NO_PUBKEY 234654DA9A296436/);
});

t.test('a disk that is full', async (t) => {
  const lab = new KubeadmLab();
  fails(t, lab, 'fallocate -l 40G /root/big', 1, /fallocate failed: No space left on device/);
  const room = Math.floor(lab.machine('cp-1').disk.freeBytes / 1_048_576);
  t.equal(said(lab, `fallocate -l ${room}M /root/big`).code, 0);
  t.match(said(lab, 'df /').text, / 100% \/\n/);
  const install = 'apt-get install -y --allow-change-held-packages kubeadm=1.31.5-1.1';
  fails(t, lab, install, 100, /E: You don't have enough free space in \/var\/cache\/apt\/archives\/\./);
  fails(
    t,
    lab,
    'cp /root/big /root/bigger',
    1,
    /cp: error writing '\/root\/bigger': No space left on device/,
  );
  fails(t, lab, 'crictl pull registry.k8s.io/etcd:3.5.21-0', 1, /no space left on device/);
  t.equal(said(lab, 'rm /root/big').code, 0);
  t.equal(said(lab, install).code, 0);
});
