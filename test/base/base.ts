// What everything else stands on: random streams, digests, dates, durations, base64.
import t from 'tap';
import fc from 'fast-check';
import { fromBase64, fromBase64Bytes, toBase64, toBase64Bytes } from '../../lib/base/base64.js';
import { humanDuration, parseRfc3339, rfc3339 } from '../../lib/base/calendar.js';
import { canonicalJson, sha256Hex } from '../../lib/base/digest.js';
import { parseDuration, printDuration } from '../../lib/base/duration.js';
import { Prng } from '../../lib/base/prng.js';

void t.test('a random stream is fixed by its seed and name, not by what others drew', async (t) => {
  const draws = (prng: Prng): number[] => Array.from({ length: 20 }, () => prng.int(0, 1_000_000));
  const one = new Prng(7);
  const before = draws(one.fork('network'));
  draws(one);
  draws(one.fork('machine:cp-1'));
  t.strictSame(draws(one.fork('network')), before);
  t.strictSame(draws(new Prng(7).fork('network')), before);
  t.notSame(draws(new Prng(8).fork('network')), before);
  t.notSame(draws(new Prng(7).fork('networks')), before);
  t.strictSame(draws(new Prng(7).fork('a').fork('b')), draws(new Prng(7).fork('a').fork('b')));
});

void t.test(
  'streams that begin anew are fixed by the seed and the new name, whatever was drawn before',
  async (t) => {
    const draws = (prng: Prng): number[] => Array.from({ length: 20 }, () => prng.int(0, 1_000_000));
    const reforked = (name: string, before: number) => {
      const root = new Prng(7);
      const early = root.fork('network');
      for (let draw = 0; draw < before; draw += 1) early.int(0, 9);
      root.fork('disk').refork(name);
      return { early: draws(early), late: draws(root.fork('network')) };
    };
    const one = reforked('run 1', 0);
    t.strictSame(one.early, one.late, 'streams from before and from after');
    t.strictSame(reforked('run 1', 5), one);
    t.notSame(reforked('run 2', 0).early, one.early);
    t.notSame(draws(new Prng(7).fork('network')), one.early);
  },
);

void t.test('draws stay in their range and reach its ends', async (t) => {
  const prng = new Prng(1).fork('range');
  const seen = new Set(Array.from({ length: 1_000 }, () => prng.int(3, 6)));
  t.strictSame([...seen].sort(), [3, 4, 5, 6]);
  const hits = Array.from({ length: 10_000 }, () => prng.chance(1, 4)).filter(Boolean).length;
  t.ok(hits > 2_200 && hits < 2_800, `${hits} of 10000 draws of one in four`);
  t.match(prng.hex(64), /^[0-9a-f]{64}$/);
  t.throws(() => prng.int(2, 1));
  t.throws(() => prng.pick([]));
});

void t.test('digests', async (t) => {
  t.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  t.equal(
    canonicalJson({ b: 1, a: { d: [2, { z: 1, y: 2 }], c: null } }),
    '{"a":{"c":null,"d":[2,{"y":2,"z":1}]},"b":1}',
  );
});

void t.test('dates go both ways', async (t) => {
  t.equal(rfc3339(0), '1970-01-01T00:00:00Z');
  t.equal(rfc3339(1_767_225_600_000), '2026-01-01T00:00:00Z');
  t.equal(rfc3339(951_782_399_999, true), '2000-02-28T23:59:59.999Z');
  t.equal(rfc3339(951_782_400_000), '2000-02-29T00:00:00Z');
  t.equal(parseRfc3339('2026-13'), null);
  fc.assert(
    fc.property(fc.integer({ min: -2_000_000_000_000, max: 4_000_000_000_000 }), (ms) => {
      t.equal(parseRfc3339(rfc3339(ms, true)), ms);
    }),
  );
});

void t.test('ages as kubectl prints them', async (t) => {
  const rows: readonly (readonly [number, string])[] = [
    [45, '45s'],
    [119, '119s'],
    [190, '3m10s'],
    [720, '12m'],
    [19_800, '5h30m'],
    [93_600, '26h'],
    [273_600, '3d4h'],
    [1_036_800, '12d'],
  ];
  for (const [seconds, text] of rows) t.equal(humanDuration(seconds * 1_000), text);
});

void t.test('durations', async (t) => {
  const rows: readonly (readonly [string, number | null])[] = [
    ['95s', 95_000],
    ['1m30s', 90_000],
    ['250ms', 250],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['', null],
    ['5', null],
    ['-5s', null],
    ['1.5s', 1_500],
    ['5 s', null],
  ];
  for (const [text, ms] of rows) t.equal(parseDuration(text), ms, text);
  t.strictSame([0, 840, 42_310, 59_949, 60_000, 372_400, 3_720_000].map(printDuration), [
    ...['0.0s', '0.8s', '42.3s', '59.9s', '1m00s', '6m12s', '1h02m'],
  ]);
});

void t.test('base64 keeps every byte and every character', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.string({ unit: 'grapheme' }), (bytes, text) => {
      t.strictSame([...fromBase64Bytes(toBase64Bytes(bytes))], [...bytes]);
      t.equal(fromBase64(toBase64(text)), text);
    }),
  );
  t.equal(fromBase64('%%%'), null);
});
