// What people type to look around on a simulated machine, and programs that follow something.
import t from 'tap';
import { systemdAge, unitsAge } from '../../lib/sim/commands/dates.js';
import { KubeadmLab } from '../helpers/kubeadm-lab.js';

const lab = new KubeadmLab();

function run(...argv: string[]): [number | null, string, string] {
  const { code, stdout, stderr } = lab.exec('cp-1', argv);
  return [code, stdout, stderr];
}

t.test('what people type to look around', async (t) => {
  lab.machine('cp-1').disk.write('/root/words', 'one\ntwo words\nThree\n');
  t.same(run('head', '-n1', '/root/words'), [0, 'one\n', '']);
  t.same(run('tail', '-2', '/root/words'), [0, 'two words\nThree\n', '']);
  t.same(run('tail', '-n', '+3', '/root/words'), [0, 'Three\n', '']);
  t.match(run('head', '/root/none'), [
    1,
    '',
    "head: cannot open '/root/none' for reading: No such file or directory\n",
  ]);
  t.same(run('wc', '-l', '/root/words'), [0, '3 /root/words\n', '']);
  t.same(run('wc', '/root/words'), [0, ' 3  4 20 /root/words\n', '']);
  t.same(run('grep', '-in', 't', '/root/words'), [0, '2:two words\n3:Three\n', '']);
  t.same(run('grep', '-c', 'zero', '/root/words'), [1, '0\n', '']);
  t.match(run('grep', 'x', '/root/none'), [2, '', 'grep: /root/none: No such file or directory\n']);
  t.same(run('echo', '-n', 'a', 'b'), [0, 'a b', '']);
  const beforeMs = lab.world.nowMs;
  t.same(run('sleep', '2m'), [0, '', '']);
  t.ok(lab.world.nowMs - beforeMs >= 120_000);
  t.match(run('sleep', 'soon'), [1, '', /invalid time interval ‘soon’/]);
  t.match(run('uptime'), [0, /^ \d\d:\d\d:\d\d up \d+ min,  1 user,  load average: 0\.00/, '']);
  t.match(run('free', '-m'), [0, /^ +total +used +free +shared +buff\/cache +available\nMem: +4096 /, '']);
  t.same(run('du', '-s', '/root/words'), [0, '4\t/root/words\n', '']);
  t.match(run('ps', '-ef'), [0, /\nroot +\d+ +1  0 \d\d:\d\d \? +00:00:00 \/usr\/bin\/containerd\n/, '']);
  t.match(run('hostnamectl'), [0, / Static hostname: cp-1\n/, '']);
  t.same(run('find', '/etc/cni', '/none', '-type', 'd'), [
    1,
    '/etc/cni\n/etc/cni/net.d\n',
    'find: ‘/none’: No such file or directory\n',
  ]);
  t.same(run('find', '/root', '-name', 'wor*'), [0, '/root/words\n', '']);
  t.match(run('find', '/root', '-nome', 'x'), [1, '', "find: unknown predicate `-nome'\n"]);
  t.match(run('ctr', '-n', 'k8s.io', 'i', 'ls', '-q'), [0, /^registry\.k8s\.io\/etcd:\S+\n/m, '']);
  t.same(run('ctr', 'task', 'ls'), [0, 'TASK    PID    STATUS    \n', '']);
  t.same(run('cat', '/root/*'), [1, '', "cat: '/root/*': No such file or directory\n"]);
  t.same(run('which', 'kubeadm', 'vi'), [1, '/usr/bin/kubeadm\n', '']);
  t.match(run('journalctl', '-u', 'kubelet', '-S', '-1min', '-g', 'FAILED with'), [
    0,
    '-- No entries --\n',
    '',
  ]);
  t.match(run('journalctl', '-u', 'kubelet', '--since', '5 min ago', '-g', 'failed with'), [
    0,
    /Failed with result/,
    '',
  ]);
});

t.test('how long ago something was, in the words of each program', async (t) => {
  const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];
  const some = [400, 45 * second, minute + second, 5 * minute, hour, 7 * hour, 26 * hour, 3 * day, 8 * day];
  t.same(
    some.map((ms) => systemdAge(ms)),
    ['400ms', '45s', '1min 1s', '5min', '1h 0min', '7h', '1 day 2h', '3 days', '1 week 1 day'],
  );
  const words = [
    'Less than a second',
    '45 seconds',
    'About a minute',
    '5 minutes',
    'About an hour',
    '7 hours',
  ];
  t.same(
    some.map((ms) => unitsAge(ms)),
    [...words, '26 hours', '3 days', '8 days'],
  );
});

t.test('programs that follow something, for as long as timeout gives them', async (t) => {
  const machine = lab.machine('cp-1');
  const { disk } = machine;
  lab.write('cp-1', '/var/log/app.log', 'one\ntwo\n');
  lab.world.scheduler.after(2_000, () => {
    disk.write('/var/log/app.log', 'one\ntwo\nthree\n');
    machine.log('app.service', 'went on');
  });
  lab.world.scheduler.after(4_000, () => disk.write('/var/log/app.log', 'four\n'));
  const following = machine.start(['timeout', '9', 'journalctl', '-u', 'app', '-f', '-n', '0', '-o', 'cat']);
  const beforeMs = lab.world.nowMs;
  t.same(run('timeout', '7', 'tail', '-n1', '-f', '/var/log/app.log'), [124, 'two\nthree\nfour\n', '']);
  t.ok(lab.world.nowMs - beforeMs >= 7_000 && lab.world.nowMs - beforeMs < 8_000);
  lab.pass(5_000);
  t.same([following.exitCode, following.stdout.join('')], [124, 'went on\n']);
  t.same(run('timeout', '5', 'ls', '/none')[0], 2, 'the code of a program that ends in time');
  t.match(run('timeout', 'soon', 'ls'), [125, '', /invalid time interval ‘soon’/]);
  t.match(run('timeout', '5'), [125, '', /missing operand/]);
});
