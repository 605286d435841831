/**
 * A machine keeps its static address while its cable is out. networkd would take it away, which no server does; so a
 * machine is told when it is made. Told only as its cable is pulled it would be too late: networkd takes the new
 * setting over some time after `networkctl reload` has returned.
 */
import { carrierDropIn } from '../../generate/network.js';
import { carrierDropInPath } from '../../generate/paths.js';
import { UnreachableError } from '../provider.js';
import { scaled, type Context } from './context.js';

/** A box without networkd keeps addresses by itself. Rejects with `UnreachableError` when it cannot be told. */
export async function keepAddress({ ssh, lab }: Context, machine: string): Promise<void> {
  const shell = ssh.shell(machine);
  const path = carrierDropInPath(lab.network.interface);
  const content = carrierDropIn(lab);
  const short = { timeoutMs: scaled(lab, 30) };
  const active = await shell.run({ argv: ['systemctl', 'is-active', 'systemd-networkd'], ...short });
  if (active.kind !== 'exited' || active.code !== 0) return;
  const must = async (...argv: readonly string[]): Promise<void> => {
    const end = await shell.run({ argv, ...short });
    if (end.kind === 'exited' && end.code === 0) return;
    throw new UnreachableError(machine, `${argv.join(' ')} failed`);
  };
  await must('mkdir', '-p', path.slice(0, path.lastIndexOf('/')));
  await shell.writeFile(path, content, { mode: 0o644, ...short });
  await must('networkctl', 'reload');
}
