/**
 * kubeadm: init, join, reset, upgrade, token, config, certs check-expiration and version. Dry runs, kubeadm's own
 * completion and `kubeconfig user` are left out and refused with exit code 1.
 */
import { must } from '../../base/errors.js';
import { parseVersion, printVersion } from '../../model/version.js';
import { installedVersion } from '../image.js';
import { certsCommand } from '../kubeadm/command-certs.js';
import { configCommand } from '../kubeadm/command-config.js';
import { initCommand, initPhaseCommand } from '../kubeadm/command-init.js';
import { joinCommand, resetCommand } from '../kubeadm/command-join.js';
import { tokenCommand } from '../kubeadm/command-token.js';
import { upgradeCommand } from '../kubeadm/command-upgrade.js';
import { versionCommand } from '../kubeadm/command-version.js';
import { KubeadmFailure, type Kubeadm } from '../kubeadm/context.js';
import { notModelled } from '../kubeadm/flags.js';
import type { Invocation, Program } from '../process.js';
import { sleep, type Sim } from '../task.js';

const HINT = 'To see the stack trace of this error execute with --v=5 or higher';

export const kubeadm: Program = function* run(call) {
  yield* sleep(call.world.draw('command', call.prng));
  try {
    yield* dispatch(contextOf(call), call.args);
    return 0;
  } catch (error) {
    if (!(error instanceof KubeadmFailure)) throw error;
    call.printError(`${error.message}\n${HINT}\n`);
    return error.exitCode;
  }
};

function contextOf(call: Invocation): Kubeadm {
  const text = must(installedVersion(call.machine, 'kubeadm'), 'kubeadm runs, so it is installed');
  const version = must(parseVersion(text), `kubeadm's file says version ${text}`);
  return { call, version, versionText: printVersion(version), flavour: version.minor <= 31 ? 31 : 32 };
}

function* dispatch(context: Kubeadm, args: readonly string[]): Sim<void> {
  const [verb = '', ...rest] = args;
  switch (verb) {
    case 'init':
      return rest[0] === 'phase'
        ? yield* initPhaseCommand(context, rest.slice(1))
        : yield* initCommand(context, rest);
    case 'join':
      if (rest[0] === 'phase') throw notModelled(context, 'kubeadm join phase');
      return yield* joinCommand(context, rest);
    case 'reset':
      if (rest[0] === 'phase') throw notModelled(context, 'kubeadm reset phase');
      return yield* resetCommand(context, rest);
    case 'token':
      return yield* tokenCommand(context, rest);
    case 'config':
      return yield* configCommand(context, rest);
    case 'certs':
      return yield* certsCommand(context, rest);
    case 'version': {
      versionCommand(context, rest);
      return;
    }
    case 'upgrade':
      return yield* upgradeCommand(context, rest);
    case 'kubeconfig':
    case 'completion':
    case '':
      throw notModelled(context, `kubeadm ${verb}`.trim());
    default:
      throw new KubeadmFailure(`unknown command "${verb}" for "kubeadm"`);
  }
}
