// A cluster's data taken as a snapshot, lost and restored; a database that outgrows its quota.
import t from 'tap';
import { parseCertificate } from '../../lib/sim/pki.js';
import { Cluster } from '../helpers/cluster.js';
import { KEY } from '../helpers/kubeadm-lab.js';
import { must } from '../helpers/upgrade-lab.js';

const PKI = '/etc/kubernetes/pki/etcd';
const MANIFESTS = '/etc/kubernetes/manifests';
const CTL =
  `etcdctl --endpoints https://127.0.0.1:2379 --cacert ${PKI}/ca.crt ` +
  `--cert ${PKI}/healthcheck-client.crt --key ${PKI}/healthcheck-client.key`;
const KUBECTL = 'kubectl --kubeconfig /etc/kubernetes/admin.conf';
const SNAPSHOT = '/var/lib/etcd-snapshot.db';

interface MemberList {
  readonly header: { readonly cluster_id: number };
  readonly members: readonly { readonly ID: number; readonly name: string }[];
}

function members(lab: Cluster, from = 'cp-1'): MemberList {
  return JSON.parse(must(lab, from, `${CTL} member list -w json`).stdout) as MemberList;
}

/** Out of the image of etcd, as people do it. */
function addEtcdutl(lab: Cluster): void {
  for (const { name } of lab.world.machines.values()) {
    must(lab, name, 'mkdir -p /mnt/etcd');
    must(lab, name, 'ctr -n k8s.io images mount registry.k8s.io/etcd:3.5.15-0 /mnt/etcd');
    must(lab, name, 'cp /mnt/etcd/usr/local/bin/etcdutl /usr/local/bin/');
    must(lab, name, 'ctr -n k8s.io images unmount --rm /mnt/etcd');
  }
}

function moveAway(lab: Cluster, name: string, back = false): void {
  lab.machine(name).disk.makeDirectories('/opt/stopped');
  for (const pod of ['etcd', 'kube-apiserver']) {
    const paths = [`${MANIFESTS}/${pod}.yaml`, `/opt/stopped/${pod}.yaml`];
    must(lab, name, `mv ${(back ? paths.reverse() : paths).join(' ')}`);
  }
}

t.test('a snapshot is saved, described, and refused where it cannot be restored', async (t) => {
  const lab = Cluster.up({ controlPlanes: 1 });
  addEtcdutl(lab);
  const saved = must(lab, 'cp-1', `${CTL} snapshot save ${SNAPSHOT}`);
  t.equal(saved.stdout, `Snapshot saved at ${SNAPSHOT}\n`);
  t.match(
    saved.stderr,
    /"msg":"fetched snapshot","endpoint":"https:\/\/127\.0\.0\.1:2379","size":"[\d.]+ MB"/,
  );
  t.notOk(lab.machine('cp-1').disk.exists(`${SNAPSHOT}.part`));
  const table = must(lab, 'cp-1', `etcdutl snapshot status ${SNAPSHOT} -w table`).stdout.split('\n');
  t.equal(table[1], '|   HASH   | REVISION | TOTAL KEYS | TOTAL SIZE |');
  const json = must(lab, 'cp-1', `etcdctl snapshot status ${SNAPSHOT} -w json`);
  const status = JSON.parse(json.stdout) as Record<string, number>;
  t.strictSame(Object.keys(status), ['hash', 'revision', 'totalKey', 'totalSize']);
  t.equal(lab.machine('cp-1').disk.entry(SNAPSHOT)?.size, (status['totalSize'] ?? 0) + 32);
  t.equal(json.stderr, 'Deprecated: Use `etcdutl snapshot status` instead.\n\n');

  const refusal = (line: string): string => {
    const result = lab.exec('cp-1', line.split(' '));
    t.equal(result.code, 1, line);
    return result.stderr.trimEnd().split('\n').at(-1) ?? '';
  };
  t.equal(
    refusal(`etcdctl snapshot restore ${SNAPSHOT} --data-dir /var/lib/etcd`),
    'Error: data-dir "/var/lib/etcd" not empty or could not be read',
  );
  t.equal(
    refusal(
      `etcdutl snapshot restore ${SNAPSHOT} --data-dir /var/lib/r --name a --initial-cluster b=http://b:2380`,
    ),
    'Error: couldn\'t find local name "a" in the initial cluster configuration',
  );
  t.equal(
    refusal('etcdutl snapshot restore /var/lib/none.db --data-dir /var/lib/r'),
    'Error: open /var/lib/none.db: no such file or directory',
  );
  t.equal(
    refusal('etcdutl snapshot restore /var/lib/etcd/member/snap/db --data-dir /var/lib/r'),
    'Error: snapshot missing hash but --skip-hash-check=false',
  );
  const text = lab.machine('cp-1').disk.read(SNAPSHOT) ?? '';
  lab.write('cp-1', '/var/lib/damaged.db', text.replace('"revision"', '"revisiom"'));
  t.match(
    refusal('etcdutl snapshot restore /var/lib/damaged.db --data-dir /var/lib/r'),
    /^Error: expected sha256 \[\d+( \d+){31}\], got \[\d+( \d+){31}\]$/,
  );
  t.notOk(lab.machine('cp-1').disk.exists('/var/lib/r'), 'what was refused left nothing');
  const room = Math.floor(lab.machine('cp-1').disk.freeBytes / 1_048_576);
  must(lab, 'cp-1', `fallocate -l ${room}M /root/big`);
  t.equal(
    refusal(`${CTL} snapshot save /root/full.db`),
    'Error: write /root/full.db.part: no space left on device',
  );
  t.notOk(lab.machine('cp-1').disk.exists('/root/full.db.part'));
});

t.test('all is as it was in the snapshot, under one new member, and the others join again', async (t) => {
  const lab = Cluster.up({ controlPlanes: 3, workers: 1 });
  must(lab, 'cp-1', `${KUBECTL} create configmap before --from-literal=a=1`);
  must(lab, 'cp-1', `${CTL} snapshot save ${SNAPSHOT}`);
  const old = members(lab);
  must(lab, 'cp-1', `${KUBECTL} create configmap after --from-literal=a=1`);
  must(lab, 'cp-1', `${KUBECTL} delete configmap before`);

  for (const name of ['cp-1', 'cp-2', 'cp-3']) moveAway(lab, name);
  lab.pass(60_000);
  must(lab, 'cp-1', 'mv /var/lib/etcd /var/lib/etcd-lost');
  const peer = 'https://192.168.62.11:2380';
  const flags = `--name cp-1 --initial-cluster cp-1=${peer} --initial-advertise-peer-urls ${peer}`;
  const token = '--initial-cluster-token restored-1 --data-dir /var/lib/etcd';
  const restored = must(lab, 'cp-1', `etcdctl snapshot restore ${SNAPSHOT} ${flags} ${token}`);
  t.match(restored.stderr, /\tinfo\tsnapshot\/v3_snapshot\.go:\d+\trestored snapshot\t\{"path": "/);
  moveAway(lab, 'cp-1', true);
  lab.pass(120_000);

  const now = members(lab);
  t.strictSame(
    now.members.map(({ name }) => name),
    ['cp-1'],
    'one member',
  );
  t.not(now.header.cluster_id, old.header.cluster_id, 'another cluster by its token');
  t.notOk(
    old.members.some(({ ID }) => ID === now.members[0]?.ID),
    'a member of a new id',
  );
  t.equal(must(lab, 'cp-1', `${KUBECTL} get configmap before -o name`).stdout, 'configmap/before\n');
  t.match(lab.exec('cp-1', `${KUBECTL} get configmap after`.split(' ')).stderr, /"after" not found/);
  const version = must(
    lab,
    'cp-1',
    `${KUBECTL} get configmap before -o jsonpath={.metadata.resourceVersion}`,
  );
  t.ok(Number(version.stdout) > 1, `its revision is the one of the snapshot: ${version.stdout}`);
  must(lab, 'cp-1', `${KUBECTL} create configmap later --from-literal=a=1`);

  must(lab, 'cp-1', `kubeadm init phase upload-certs --upload-certs --certificate-key ${KEY}`);
  for (const name of ['cp-2', 'cp-3']) {
    must(lab, name, 'kubeadm reset --force');
    must(lab, 'cp-1', `${KUBECTL} delete node ${name}`);
    lab.placeKubeVip(name, '/etc/kubernetes/admin.conf');
    t.equal(lab.join(name).code, 0, `${name} joined again`);
    lab.pass(20_000);
  }
  t.equal(members(lab, 'cp-3').members.length, 3);
  lab.pass(120_000);
  t.strictSame(lab.ready(), { 'cp-1': 'True', 'cp-2': 'True', 'cp-3': 'True', 'worker-1': 'True' });
  t.ok(parseCertificate(lab.machine('cp-2').disk.read(`${PKI}/server.crt`) ?? '') !== null);
  t.equal(must(lab, 'cp-2', `${KUBECTL} get configmap later -o name`).stdout, 'configmap/later\n');
});

t.test('members restored from one snapshot find one another', async (t) => {
  const lab = Cluster.up({ controlPlanes: 3 });
  addEtcdutl(lab);
  must(lab, 'cp-1', `${CTL} snapshot save ${SNAPSHOT}`);
  const text = lab.machine('cp-1').disk.read(SNAPSHOT) ?? '';
  const cluster = ['1', '2', '3'].map((n) => `cp-${n}=https://192.168.62.1${n}:2380`).join(',');
  for (const n of ['1', '2', '3']) {
    const name = `cp-${n}`;
    moveAway(lab, name);
    lab.write(name, SNAPSHOT, text);
  }
  lab.pass(60_000);
  for (const n of ['1', '2', '3']) {
    const own = `--initial-advertise-peer-urls https://192.168.62.1${n}:2380`;
    const flags = `--name cp-${n} --initial-cluster ${cluster} ${own} --data-dir /var/lib/etcd`;
    must(lab, `cp-${n}`, 'rm -rf /var/lib/etcd');
    must(lab, `cp-${n}`, `etcdutl snapshot restore ${SNAPSHOT} ${flags}`);
  }
  for (const name of ['cp-1', 'cp-2', 'cp-3']) moveAway(lab, name, true);
  lab.pass(120_000);
  const health = must(lab, 'cp-2', `${CTL} endpoint health --cluster -w json`);
  const healths = JSON.parse(health.stdout) as { health: boolean }[];
  t.strictSame(
    healths.map((one) => one.health),
    [true, true, true],
  );
});

t.test('a database that outgrows its quota takes nothing more until there is room again', async (t) => {
  const lab = Cluster.up({ controlPlanes: 1 });
  const { disk } = lab.machine('cp-1');
  const manifest = disk.read(`${MANIFESTS}/etcd.yaml`) ?? '';
  const status = (): { dbSize: number; dbSizeInUse: number; errors?: string[] } => {
    const { stdout } = must(lab, 'cp-1', `${CTL} endpoint status -w json`);
    return (JSON.parse(stdout) as [{ Status: { dbSize: number; dbSizeInUse: number } }])[0].Status;
  };
  const quota = status().dbSize + 40 * 4_096;
  lab.write(
    'cp-1',
    '/opt/etcd.yaml',
    manifest.replace(/( +- )etcd\n/, `$&$1--quota-backend-bytes=${quota}\n`),
  );
  must(lab, 'cp-1', `mv /opt/etcd.yaml ${MANIFESTS}/etcd.yaml`);
  lab.pass(90_000);
  let failed = lab.exec('cp-1', `${KUBECTL} get nodes`.split(' '));
  for (let n = 0; n < 60 && failed.code === 0; n += 1)
    failed = lab.exec('cp-1', `${KUBECTL} create configmap fill-${n}`.split(' '));
  t.equal(failed.stderr, 'error: failed to create configmap: etcdserver: mvcc: database space exceeded\n');
  t.match(must(lab, 'cp-1', `${CTL} alarm list`).stdout, /^memberID:\d+ alarm:NOSPACE \n$/);
  t.match(
    lab.exec('cp-1', `${CTL} endpoint health`.split(' ')).stderr,
    /failed to commit proposal: Active Alarm\(s\): NOSPACE \n/,
  );
  t.match(
    must(lab, 'cp-1', 'curl -s http://127.0.0.1:2381/health').stdout,
    /"health":"false","reason":"ALARM NOSPACE"/,
  );
  must(lab, 'cp-1', `${KUBECTL} delete configmap fill-0`);
  lab.pass(120_000);
  t.strictSame(status().errors?.length, 1);

  const revision = Number(
    /"revision":(\d+)/.exec(must(lab, 'cp-1', `${CTL} endpoint status -w json`).stdout)?.[1],
  );
  t.equal(must(lab, 'cp-1', `${CTL} compaction ${revision}`).stdout, `compacted revision ${revision}\n`);
  const again = lab.exec('cp-1', `${CTL} compaction ${revision}`.split(' '));
  t.match(again.stderr, /Error: etcdserver: mvcc: required revision has been compacted\n$/);
  const before = status();
  t.equal(
    must(lab, 'cp-1', `${CTL} defrag`).stdout,
    'Finished defragmenting etcd member[https://127.0.0.1:2379]\n',
  );
  t.ok(status().dbSize < before.dbSize, `${status().dbSize} bytes after ${before.dbSize}`);
  t.match(must(lab, 'cp-1', `${CTL} alarm disarm`).stdout, /alarm:NOSPACE/);
  t.equal(must(lab, 'cp-1', `${CTL} alarm list`).stdout, '');
  lab.pass(60_000);
  must(lab, 'cp-1', `${KUBECTL} create configmap room`);
});
