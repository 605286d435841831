/** Programs by the name of their file in /usr/bin. A program that is not in this table exits 127. */
import { containerd } from '../containerd.js';
import { kubelet } from '../kubelet.js';
import type { Program } from '../process.js';
import { aptCache, aptMark } from './apt.js';
import { aptGet } from './apt-get.js';
import { arping } from './arping.js';
import { cat } from './cat.js';
import { chmod } from './chmod.js';
import { crictl } from './crictl.js';
import { cp } from './cp.js';
import { ctr } from './ctr.js';
import { curl } from './curl/index.js';
import { date } from './date.js';
import { df } from './df.js';
import { dpkg, dpkgQuery } from './dpkg.js';
import { etcdctl } from './etcdctl.js';
import { etcdutl } from './etcdutl.js';
import { fallocate } from './fallocate.js';
import { find } from './find.js';
import { haproxy } from './haproxy.js';
import { helm } from './helm/index.js';
import { install } from './install.js';
import { ip } from './ip/index.js';
import { iptables } from './iptables.js';
import { journalctl } from './journalctl.js';
import { kill, pkill } from './kill.js';
import { kubeadm } from './kubeadm.js';
import { kubectl } from './kubectl/index.js';
import { du, env, free, hostnamectl, id, ps, sleep, touch, uptime, whoami, which } from './look-around.js';
import { ls } from './ls.js';
import { mkdir } from './mkdir.js';
import { mv } from './mv.js';
import { openssl } from './openssl/index.js';
import { pgrep } from './pgrep.js';
import { ping } from './ping.js';
import { rm } from './rm.js';
import { hostname, sha256sum, sync, trueProgram, uname } from './small.js';
import { sshd } from './sshd.js';
import { stat } from './stat.js';
import { sysctl } from './sysctl.js';
import { systemctl } from './systemctl.js';
import { tc } from './tc.js';
import { echo, grep, head, tail, wc } from './text-tools.js';
import { timedatectl } from './timedatectl.js';
import { timeout } from './timeout.js';
import { bracket, test } from './test.js';

export const PROGRAMS: ReadonlyMap<string, Program> = new Map<string, Program>([
  ['[', bracket],
  ['apt-cache', aptCache],
  ['apt-get', aptGet],
  ['apt-mark', aptMark],
  ['arping', arping],
  ['cat', cat],
  ['chmod', chmod],
  ['containerd', containerd],
  ['cp', cp],
  ['crictl', crictl],
  ['ctr', ctr],
  ['curl', curl],
  ['date', date],
  ['df', df],
  ['dpkg', dpkg],
  ['dpkg-query', dpkgQuery],
  ['du', du],
  ['echo', echo],
  ['env', env],
  ['etcdctl', etcdctl],
  ['etcdutl', etcdutl],
  ['fallocate', fallocate],
  ['free', free],
  ['grep', grep],
  ['find', find],
  ['haproxy', haproxy],
  ['head', head],
  ['helm', helm],
  ['hostname', hostname],
  ['hostnamectl', hostnamectl],
  ['id', id],
  ['install', install],
  ['ip', ip],
  ['iptables', iptables],
  ['journalctl', journalctl],
  ['kill', kill],
  ['kubeadm', kubeadm],
  ['kubectl', kubectl],
  ['kubelet', kubelet],
  ['ls', ls],
  ['mkdir', mkdir],
  ['mv', mv],
  ['openssl', openssl],
  ['pgrep', pgrep],
  ['ping', ping],
  ['pkill', pkill],
  ['ps', ps],
  ['rm', rm],
  ['sha256sum', sha256sum],
  ['sleep', sleep],
  ['sshd', sshd],
  ['stat', stat],
  ['sync', sync],
  ['sysctl', sysctl],
  ['systemctl', systemctl],
  ['tail', tail],
  ['tc', tc],
  ['test', test],
  ['timedatectl', timedatectl],
  ['timeout', timeout],
  ['touch', touch],
  ['true', trueProgram],
  ['uname', uname],
  ['uptime', uptime],
  ['wc', wc],
  ['which', which],
  ['whoami', whoami],
]);
