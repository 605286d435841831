// The bootstrap behind HAProxy, killed everywhere.
import t from 'tap';
import { SMALL, sweepBootstrap } from '../helpers/bootstrap-sweep.js';

t.setTimeout(20 * 60_000);

void t.test('a bootstrap with HAProxy, killed anywhere', (t) =>
  sweepBootstrap(t, { ...SMALL, 'vip-provider': 'haproxy' }, { all: 1, some: 17 }),
);
