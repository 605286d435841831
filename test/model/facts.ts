/** Versions and skew, addresses, the lease rule, kube-vip releases, quorum, freezing. */
import fc from 'fast-check';
import t from 'tap';
import { deepFreeze } from '../../lib/base/freeze.js';
import {
  containsAddress,
  countSubranges,
  hasHostBits,
  isHostAddress,
  nextFreeRange,
  nthHost,
  parseAddress,
  parseCidr,
  printAddress,
  printCidr,
  rangesOverlap,
  type Cidr,
} from '../../lib/model/address.js';
import {
  DEFAULT_KUBE_VIP_VERSION,
  judgeKubeVip,
  parseKubeVipVersion,
  printKubeVipVersion,
} from '../../lib/model/kube-vip.js';
import { KUBERNETES_RELEASES, RELEASES_AS_OF } from '../../lib/model/kubernetes-releases.js';
import { DEFAULT_LEASE, defaultLease, leaseRuleBreaches } from '../../lib/model/lease.js';
import { quorumSize, tolerance } from '../../lib/model/quorum.js';
import {
  apiServerSkewAllowed,
  compareVersions,
  isKnownPatch,
  kubeadmConfigApi,
  kubeadmImages,
  kubeadmSkewAllowed,
  kubectlSkewAllowed,
  kubeletSkewAllowed,
  knownMinors,
  packageVersion,
  parseVersion,
  parseVersionRequest,
  pickVersion,
  printMinor,
  printVersion,
  upgradeStepAllowed,
  type KubernetesVersion,
} from '../../lib/model/version.js';

const v = (minor: number, patch = 0): KubernetesVersion => ({ minor, patch });

t.test('versions are read as people write them', async (t) => {
  for (const text of ['v1.31.4', '1.31.4']) t.strictSame(parseVersion(text), v(31, 4));
  t.strictSame(parseVersionRequest('v1.31'), { minor: 31, patch: null });
  t.equal(parseVersion('v1.31'), null, 'a minor is no version');
  for (const bad of [
    '',
    'v2.0.0',
    '1',
    'v1.31.04',
    'v1.31.4-rc.1',
    'v1.31.4 ',
    'latest',
    '1.31.x',
    '01.31.4',
  ]) {
    t.equal(parseVersionRequest(bad), null, bad);
  }
  const versions = fc.record({ minor: fc.nat(9999), patch: fc.nat(9999) });
  fc.assert(
    fc.property(versions, versions, (a, b) => {
      const back = parseVersion(printVersion(a));
      return (
        back?.minor === a.minor && back.patch === a.patch && compareVersions(a, b) === -compareVersions(b, a)
      );
    }),
    { seed: 1 },
  );
  t.ok(compareVersions(v(31, 10), v(31, 9)) > 0, 'by number, not by text');
  t.equal(printMinor(31), 'v1.31');
});

t.test('the release table', async (t) => {
  t.match(RELEASES_AS_OF, /^\d{4}-\d\d-\d\d$/);
  const minors = knownMinors();
  t.equal(minors[0], 30);
  t.strictSame(
    minors,
    Array.from({ length: minors.length }, (_, i) => 30 + i),
    'without a gap',
  );
  for (const { minor, images, newestPatch } of KUBERNETES_RELEASES) {
    t.equal(images[0]?.fromPatch, 0);
    const from = images.map(({ fromPatch }) => fromPatch);
    t.strictSame(
      from,
      from.toSorted((a, b) => a - b),
      `images of 1.${minor} in order`,
    );
    t.ok((from.at(-1) ?? 0) <= newestPatch);
  }
  t.strictSame(pickVersion({ minor: 31, patch: null }), v(31, 14));
  t.strictSame(pickVersion({ minor: 31, patch: 4 }), v(31, 4));
  t.equal(pickVersion({ minor: 29, patch: 0 }), null);
  t.ok(isKnownPatch(v(31, 14)));
  t.notOk(isKnownPatch(v(31, 15)));
  t.notOk(isKnownPatch(v(29, 1)));
  t.strictSame(kubeadmImages(v(31, 4)), { etcd: '3.5.15-0', coredns: 'v1.11.3', pause: '3.10' });
  t.equal(kubeadmImages(v(31, 0))?.coredns, 'v1.11.1');
  t.equal(kubeadmImages(v(32, 0))?.etcd, '3.5.16-0');
  t.equal(kubeadmImages(v(99)), null);
  t.equal(packageVersion(v(31, 4)), '1.31.4-1.1');
  t.equal(kubeadmConfigApi(30), 'kubeadm.k8s.io/v1beta3');
  t.equal(kubeadmConfigApi(31), 'kubeadm.k8s.io/v1beta4');
});

t.test('version skew', async (t) => {
  t.strictSame(
    [28, 29, 31, 32, 33].map((kubelet) => kubeletSkewAllowed(v(32), v(kubelet))),
    [false, true, true, true, false],
  );
  t.strictSame(
    [30, 31, 32, 33].map((other) => apiServerSkewAllowed(v(31), v(other))),
    [true, true, true, false],
  );
  t.strictSame(
    [29, 30, 32, 33].map((kubectl) => kubectlSkewAllowed(v(31), v(kubectl))),
    [false, true, true, false],
  );
  t.strictSame(
    [30, 31, 32, 33].map((cluster) => kubeadmSkewAllowed(v(32), v(cluster))),
    [false, true, true, false],
  );
  t.ok(upgradeStepAllowed(v(31, 4), v(32, 0)));
  t.ok(upgradeStepAllowed(v(31, 4), v(31, 5)));
  t.notOk(upgradeStepAllowed(v(31, 4), v(31, 3)), 'no downgrade');
  t.notOk(upgradeStepAllowed(v(30), v(32)), 'one minor at a time');
  t.notOk(upgradeStepAllowed(v(32), v(31)));
});

t.test('addresses and ranges', async (t) => {
  const range = (text: string): Cidr => parseCidr(text) ?? { base: -1, prefix: -1 };
  t.equal(parseAddress('192.168.62.5'), 0xc0a83e05);
  for (const bad of ['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', ' 1.2.3.4', '1.2.3.-4', 'a.b.c.d']) {
    t.equal(parseAddress(bad), null, bad);
  }
  for (const bad of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/08', '/8', '10.0.0/8']) {
    t.equal(parseCidr(bad), null, bad);
  }
  t.strictSame(range('10.62.0.7/20'), range('10.62.0.0/20'));
  t.ok(hasHostBits('10.62.0.7/20'));
  t.notOk(hasHostBits('10.62.0.0/20'));
  t.strictSame(range('255.255.255.255/0'), { base: 0, prefix: 0 });
  const lab = range('192.168.62.0/24');
  t.equal(printAddress(nthHost(lab, 254) ?? 0), '192.168.62.254');
  t.equal(nthHost(lab, 255), null, 'the broadcast address is for nobody');
  t.equal(nthHost(lab, 0), null, 'nor is the network address');
  t.ok(containsAddress(lab, lab.base));
  t.notOk(isHostAddress(lab, lab.base));
  t.ok(rangesOverlap(range('10.0.0.0/8'), range('10.96.0.0/12')));
  t.notOk(rangesOverlap(range('10.96.0.0/12'), range('10.112.0.0/12')));
  t.equal(countSubranges(range('10.244.0.0/16'), 24), 256);
  t.equal(countSubranges(range('10.244.0.0/25'), 24), 0);
  const free = (start: string, taken: readonly string[]): string | null => {
    const found = nextFreeRange(range(start), taken.map(range));
    return found === null ? null : printCidr(found);
  };
  t.equal(free('192.168.62.0/24', []), '192.168.62.0/24');
  t.equal(free('192.168.62.0/24', ['192.168.63.0/24', '192.168.62.0/24']), '192.168.64.0/24');
  t.equal(free('192.168.62.0/24', ['192.168.0.0/16']), '192.169.0.0/24', 'a larger range is passed at once');
  t.equal(free('192.168.62.0/24', ['192.168.62.128/25']), '192.168.63.0/24');
  t.equal(free('255.255.255.0/24', ['255.255.0.0/16']), null);
  const anyRange = fc
    .tuple(fc.nat(2 ** 32 - 1), fc.integer({ min: 1, max: 32 }))
    .map(([address, prefix]) => range(`${printAddress(address)}/${prefix}`));
  fc.assert(
    fc.property(anyRange, fc.array(anyRange, { maxLength: 8 }), (start, taken) => {
      const found = nextFreeRange(start, taken);
      const same = parseCidr(printCidr(start));
      return (
        same?.base === start.base &&
        same.prefix === start.prefix &&
        (found === null || (!taken.some((other) => rangesOverlap(found, other)) && found.base >= start.base))
      );
    }),
    { seed: 1 },
  );
});

t.test('the lease rule is that of client-go', async (t) => {
  const lease = (durationSeconds: number, renewDeadlineSeconds: number, retryPeriodSeconds: number) => ({
    durationSeconds,
    renewDeadlineSeconds,
    retryPeriodSeconds,
  });
  t.strictSame(leaseRuleBreaches(DEFAULT_LEASE), []);
  t.strictSame(leaseRuleBreaches(lease(15, 10, 2)), []);
  t.match(leaseRuleBreaches(lease(3, 3, 1)), [{ timer: 'durationSeconds', atLeastSeconds: 4 }]);
  t.match(leaseRuleBreaches(lease(9, 6, 5)), [{ timer: 'renewDeadlineSeconds', atLeastSeconds: 7 }]);
  t.strictSame(leaseRuleBreaches(lease(9, 7, 5)), []);
  t.equal(leaseRuleBreaches(lease(1, 1, 1)).length, 2);
  const seconds = fc.integer({ min: 1, max: 120 });
  fc.assert(
    fc.property(seconds, seconds, seconds, (duration, deadline, retry) => {
      const sound = duration > deadline && deadline > retry * 1.2;
      return sound === (leaseRuleBreaches(lease(duration, deadline, retry)).length === 0);
    }),
    { seed: 1 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 10_000 }), (hundredths) => {
      const stretched = defaultLease(hundredths / 100);
      return leaseRuleBreaches(stretched).length === 0 && Number.isInteger(stretched.durationSeconds);
    }),
    { seed: 1 },
  );
});

t.test('kube-vip releases', async (t) => {
  const verdict = (text: string): string => {
    const version = parseKubeVipVersion(text);
    if (version === null) return 'unreadable';
    const { trust, reasons } = judgeKubeVip(version);
    return `${trust} ${reasons.map((reason) => /issues\/(\d+)/.exec(reason)?.[1] ?? 'variables').join(',')}`.trim();
  };
  t.equal(DEFAULT_KUBE_VIP_VERSION, 'v1.0.4');
  t.strictSame(
    [
      'v0.7.2',
      'v0.8.9',
      '1.0.0',
      'v1.0.1',
      'v1.0.2',
      'v1.0.3',
      'v1.0.4',
      'v1.1.2',
      'v1.2.0',
      'v1.2.2',
      'v1.3.0',
    ].map(verdict),
    [
      'untested variables',
      'trusted',
      'trusted',
      'doubtful 1377',
      'doubtful 1377',
      'doubtful 1377,1367',
      'trusted',
      'trusted',
      'untested 1747',
      'untested 1747,1654',
      'untested 1747,1654',
    ],
  );
  for (const bad of ['latest', 'v1.0', 'v1.0.4-rc1', '']) t.equal(parseKubeVipVersion(bad), null, bad);
  t.equal(printKubeVipVersion({ major: 1, minor: 0, patch: 4 }), 'v1.0.4');
});

t.test('quorum', async (t) => {
  t.strictSame([1, 2, 3, 4, 5].map(quorumSize), [1, 2, 2, 3, 3]);
  t.strictSame(
    [1, 2, 3, 4, 5].map((n) => tolerance(n, n)),
    [0, 0, 1, 1, 2],
  );
  t.equal(tolerance(3, 1), -1);
});

t.test('frozen means frozen to the bottom', async (t) => {
  const tree = deepFreeze({ a: [{ b: 1 }], c: null, d: 'x' });
  t.ok(Object.isFrozen(tree) && Object.isFrozen(tree.a) && Object.isFrozen(tree.a[0]));
});
