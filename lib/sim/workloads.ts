/** Images of add-ons whose programs do more than run: jobs that end, and parts that take long to be ready. */
import type { Program } from './process.js';
import { sleep, waitFor } from './task.js';

/** ingress-nginx's admission jobs: makes the webhook's certificate or writes it into the webhook, and ends. */
export const certgen: Program = function* run(call) {
  yield* sleep(call.world.draw('podReady', call.prng));
  return 0;
};

/** The pause container holds a pod's namespaces; asked for its version it says it and ends. */
export const pause: Program = function* run(call) {
  if (call.args.includes('-v')) {
    call.print(`pause.c ${(call.container?.image ?? '').split(':').at(-1) ?? ''}\n`);
    return 0;
  }
  for (;;) yield* waitFor([call.process.terminate]);
};

/** Where Longhorn keeps its engines' programs on a node, and its volumes' replicas. */
const ENGINES = '/var/lib/longhorn/engine-binaries';

/** Longhorn's manager is ready once its CRDs, engine image and instance manager are: the first time takes long. */
export const longhornManager: Program = function* run(call) {
  call.process.setReady(false);
  const { disk } = call.machine;
  const wasReady = disk.isDirectory(ENGINES);
  yield* sleep(call.world.draw(wasReady ? 'longhornAgain' : 'longhornReady', call.prng));
  disk.makeDirectories(ENGINES);
  call.process.setReady(true);
  for (;;) yield* waitFor([call.process.terminate]);
};
