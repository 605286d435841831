/** What holds for every configuration, and the small tools that the resolver is made of. */
import fc from 'fast-check';
import t from 'tap';
import { resolve } from '../../lib/config/resolve.js';
import { parseMemoryMiB, printMemory } from '../../lib/config/size.js';
import { editDistance, suggest } from '../../lib/config/suggest.js';
import { printPath, valueAt, withValue } from '../../lib/config/tree.js';
import { containsAddress, parseAddress, parseCidr } from '../../lib/model/address.js';
import type { LabSpec } from '../../lib/model/lab.js';

function labOf(overrides: Record<string, string>): LabSpec {
  const { spec, problems } = resolve({ text: null, file: null, overrides });
  if (spec === null) throw new Error(problems.map(({ message }) => message).join('\n'));
  return spec;
}

t.test('any valid lab has machines with names and addresses of their own, inside its network', async () => {
  const configs = fc.record({
    controlPlanes: fc.integer({ min: 1, max: 9 }),
    workers: fc.integer({ min: 0, max: 200 }),
    third: fc.integer({ min: 0, max: 255 }),
    prefix: fc.integer({ min: 16, max: 24 }),
    provider: fc.constantFrom('kube-vip', 'haproxy'),
    scale: fc.integer({ min: 10, max: 300 }),
  });
  fc.assert(
    fc.property(configs, ({ controlPlanes, workers, third, prefix, provider, scale }) => {
      const base = third - (third % 2 ** Math.max(0, 24 - prefix));
      const lab = labOf({
        'control-planes': String(controlPlanes),
        workers: String(workers),
        subnet: `172.20.${base}.0/${prefix}`,
        'vip-provider': provider,
        'vos-cpus': '5000',
        'vos-memory': '5000GiB',
        'time-scale': String(scale / 10),
      });
      const network = parseCidr(lab.network.cidr);
      const addresses = [
        lab.network.hostAddress,
        lab.vip?.address ?? '',
        ...lab.machines.map((m) => m.address),
      ];
      const lease = lab.vip?.lease;
      return (
        network !== null &&
        new Set(addresses).size === addresses.length &&
        new Set(lab.machines.map(({ name }) => name)).size === lab.machines.length &&
        addresses.every((address) => containsAddress(network, parseAddress(address) ?? -1)) &&
        lease !== undefined &&
        lease.durationSeconds > lease.renewDeadlineSeconds &&
        lease.renewDeadlineSeconds > lease.retryPeriodSeconds * 1.2
      );
    }),
    { numRuns: 60, seed: 1 },
  );
});

t.test('no text, however odd, is an exception', async () => {
  const piece = fc.constantFrom(
    'name',
    'k8s',
    ':',
    ' ',
    '\n',
    '  ',
    '- ',
    '{',
    '}',
    '[',
    '1',
    '"',
    '&a',
    '*a',
    'ha',
    '~',
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(piece).map((pieces) => pieces.join('')),
  );
  const values = fc
    .anything({ maxDepth: 2 })
    .map((value) => JSON.stringify({ k8s: value, name: value, vos: { subnet: value } }));
  fc.assert(
    fc.property(fc.oneof(texts, values), (text) => {
      const { spec, problems } = resolve({ text, file: 'c.yaml' });
      return (spec === null) === problems.some(({ severity }) => severity === 'error');
    }),
    { numRuns: 300, seed: 1 },
  );
});

t.test('sizes, suggestions and paths', async (t) => {
  t.equal(parseMemoryMiB('1.5GiB'), 1536);
  t.equal(parseMemoryMiB('2 GiB'), 2048);
  t.equal(parseMemoryMiB(4096), 4096);
  for (const bad of ['4GB', '1.3GiB', '0', '-1', 'GiB', '']) t.equal(parseMemoryMiB(bad), null, bad);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 30 }), (n) => parseMemoryMiB(printMemory(n)) === n),
    { seed: 1 },
  );
  t.equal(editDistance('cilium', 'ciluim'), 1, 'neighbours swapped');
  t.equal(editDistance('', 'abc'), 3);
  t.equal(suggest('wrokers', ['workers', 'control_planes']), 'workers');
  t.equal(suggest('memory', ['cpus', 'subnet']), null);
  t.equal(printPath(['k8s', 'api_sans', 1]), 'k8s.api_sans[1]');
  t.equal(valueAt({ a: [{ b: 1 }] }, ['a', 0, 'b']), 1);
  t.strictSame(withValue({ a: { b: 1, c: 2 } }, ['a', 'b'], undefined), { a: { c: 2 } });
});
