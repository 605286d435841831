// Which upgrade a request stands for.
import t from 'tap';
import { resolveUpgrade, skewProblems, upgradeMoments } from '../../lib/model/upgrade.js';
import { forecastQuorum, quorumText } from '../../lib/model/quorum.js';

t.test('ways of writing a version', async (t) => {
  for (const wanted of ['v1.32', '1.32']) {
    const found = resolveUpgrade('v1.31.4', wanted);
    t.match(found, { kind: 'upgrade', from: 'v1.31.4', to: /^v1\.32\.\d+$/ }, wanted);
    t.match(
      found,
      { notes: [/newest patch in homelab's table as of \d{4}-\d\d-\d\d/] },
      'it says where from',
    );
  }
  for (const wanted of ['v1.32.0', '1.32.0']) {
    t.strictSame(resolveUpgrade('v1.31.4', wanted), {
      kind: 'upgrade',
      from: 'v1.31.4',
      to: 'v1.32.0',
      notes: [],
    });
  }
  t.match(resolveUpgrade('v1.31.4', 'v1.31.9'), { kind: 'upgrade', to: 'v1.31.9' }, 'within a minor');
  t.match(resolveUpgrade('v1.31.4', 'v1.31'), { kind: 'upgrade', to: 'v1.31.14' });
  t.strictSame(resolveUpgrade('v1.31.14', 'v1.31'), { kind: 'nothing', version: 'v1.31.14' });
  t.strictSame(resolveUpgrade('v1.32.0', '1.32.0'), { kind: 'nothing', version: 'v1.32.0' });
  t.match(resolveUpgrade('v1.33.0', 'v1.33.99'), { notes: [/newer than homelab's table/] });
});

t.test('what is refused, with the way to go', async (t) => {
  const refusal = (from: string, to: string) => {
    const found = resolveUpgrade(from, to);
    return found.kind === 'refused' ? found.refusals[0] : found;
  };
  t.match(refusal('v1.30.8', 'v1.32'), {
    code: 'minor-skipped',
    message: /^from v1\.30 to v1\.32: first --to v1\.31/,
    remedy: /--to v1\.31, then homelab k8s upgrade --to v1\.32$/,
  });
  t.match(refusal('v1.30.8', 'v1.34.1'), { remedy: /v1\.31.*v1\.32.*v1\.33.*v1\.34$/ });
  for (const older of ['v1.30', 'v1.30.14', 'v1.31.3']) {
    t.match(refusal('v1.31.4', older), { code: 'downgrade' }, older);
  }
  for (const text of ['latest', 'v1', '1.32.x', '', 'v2.0.0']) {
    t.match(refusal('v1.31.4', text), { code: 'bad-version' }, text);
  }
  t.match(refusal('v1.37.1', 'v1.38'), { code: 'unknown-version', message: /as of/ });
});

t.test('a bundle has what it has', async (t) => {
  const offered = ['v1.31.4', 'v1.32.0', 'v1.32.3'];
  t.match(resolveUpgrade('v1.31.4', 'v1.32', offered), { to: 'v1.32.3', notes: [/the bundle/] });
  t.match(resolveUpgrade('v1.31.4', 'v1.32.0', offered), { to: 'v1.32.0', notes: [] });
  t.match(resolveUpgrade('v1.31.4', 'v1.32.1', offered), {
    kind: 'refused',
    refusals: [{ code: 'unknown-version', message: /v1\.31\.4, v1\.32\.0, v1\.32\.3/ }],
  });
});

t.test('the skew of every moment', async (t) => {
  t.equal(upgradeMoments({ minor: 31, patch: 4 }, { minor: 32, patch: 0 }).length, 6);
  t.strictSame(skewProblems({ minor: 31, patch: 4 }, { minor: 32, patch: 0 }), []);
  const far = skewProblems({ minor: 30, patch: 8 }, { minor: 32, patch: 0 });
  t.ok(far.some(({ message }) => message.includes('API servers v1.30.8 and v1.32.0')));
  t.ok(far.some(({ message }) => message.includes('kubeadm v1.32.0 with a cluster of v1.30.8')));
});

t.test('what a machine that goes down costs etcd', async (t) => {
  const voters = (...up: readonly boolean[]) => up.map((one, i) => ({ name: `cp-${i + 1}`, up: one }));
  t.match(forecastQuorum(voters(true, true, true), ['cp-2']), { keepsQuorum: true, toleranceAfter: 0 });
  t.match(forecastQuorum(voters(true, true, false), ['cp-2']), { keepsQuorum: false, hadQuorum: true });
  t.match(forecastQuorum(voters(true, true, false), ['cp-3']), { keepsQuorum: true }, 'it is down already');
  t.match(forecastQuorum(voters(true, true, true), ['w-1']), { toleranceAfter: 1 }, 'no voter');
  t.match(forecastQuorum(voters(true), ['cp-1']), { keepsQuorum: false });
  t.equal(
    quorumText(forecastQuorum(voters(true, true, false), ['cp-2']), ['cp-2']),
    'etcd has 3 voters, 2 of them up; without cp-2 1 is up, and 2 are a quorum',
  );
});
