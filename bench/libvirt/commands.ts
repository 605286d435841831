/** One command on a machine: by `homelab exec` and over a provider's open connection, beside `ssh` of OpenSSH. */
import { resolve } from '../../lib/config/resolve.js';
import { must } from '../../lib/base/errors.js';
import { openProvider } from '../../lib/provider/registry.js';
import { configuration, type Shape } from '../../test/libvirt/helpers/configuration.js';
import { timed } from '../clock.js';
import { homelabArgs, makeBenchLab, mustSucceed, removeBenchLab, secondsOf, type BenchLab } from './lab.js';
import { describe, median, type Measured } from './runs.js';

const RUNS = 9;

export async function commandFigures(shape: Shape, write: (text: string) => void): Promise<Measured> {
  const lab = makeBenchLab(shape);
  try {
    mustSucceed(lab.folder, process.execPath, homelabArgs('up --until machines'));
    const machine = `${shape.name}-cp-1`;
    const exec: number[] = [];
    const ssh: number[] = [];
    const pooled = await openConnection(lab, machine);
    const shell: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      exec.push(await secondsOf(lab.folder, process.execPath, homelabArgs(`exec ${machine} -- true`)));
      // homelab's programs run as root; so does this one.
      ssh.push(await secondsOf(lab.own, 'ssh', ['-F', 'ssh_config', machine, 'sudo', 'true']));
      shell.push((await timed(pooled.run)) / 1_000);
    }
    await pooled.close();
    const runs = [
      { what: 'one `homelab exec`, plain being ssh', homelab: exec, plain: ssh },
      { what: 'one command over an open connection, plain being ssh', homelab: shell, plain: ssh },
    ];
    for (const one of runs) write(describe(one));
    const ratio = { unit: '', target: null } as const;
    return {
      runs,
      figures: [
        {
          name: 'exec',
          what: '`homelab exec … -- true` ÷ `ssh … sudo true`',
          value: median(exec) / median(ssh),
          ...ratio,
        },
        {
          name: 'shell',
          what: 'a command in a saga ÷ `ssh … sudo true`',
          value: median(shell) / median(ssh),
          ...ratio,
        },
      ],
    };
  } finally {
    mustSucceed(lab.folder, process.execPath, homelabArgs('destroy -y'));
    removeBenchLab(lab);
  }
}

/** As sagas have it: the first command connects, those after it do not. */
async function openConnection(
  lab: BenchLab,
  machine: string,
): Promise<{ run: () => Promise<unknown>; close: () => Promise<void> }> {
  const { spec } = resolve({ text: configuration(lab.shape), file: null, overrides: {} });
  const host = { folder: lab.own, env: process.env };
  const provider = await openProvider({ lab: must(spec, 'the lab has no problem'), host });
  const run = (): Promise<unknown> => provider.shell(machine).run({ argv: ['true'], timeoutMs: 60_000 });
  await run();
  return { run, close: () => provider.close() };
}
