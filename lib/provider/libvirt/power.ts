/** Power and faults of machines that are there. Vagrant halts them; what it cannot do is libvirt's. */
import { UserError } from '../../base/errors.js';
import { domainName, networkName } from '../../generate/vagrantfile.js';
import { UnreachableError, type MachineState, type PowerAction, type PowerState } from '../provider.js';
import { scaled, type Context } from './context.js';
import { BOOT_SECONDS } from './create.js';
import { findDomains, type FoundDomain } from './leftovers.js';
import { ensureNetworks } from './networks.js';

/**
 * Under software emulation on a busy host a guest's kernel now and then hangs in its boot: both processors turn in its
 * timer, and nothing comes of it. An ordinary boot takes 20 s.
 */
const HUNG_SECONDS = 90;

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const POLL_MS = 500;

interface Waiting {
  readonly signal?: AbortSignal;
}

export async function machineStates(context: Context): Promise<readonly MachineState[]> {
  const { lab, virsh, files } = context;
  const domains = await findDomains(
    virsh,
    files,
    lab.machines.map(({ name }) => name),
  );
  const states = lab.machines.map(async ({ name }): Promise<readonly MachineState[]> => {
    const domain = domains.get(name);
    if (domain?.own !== true) return [];
    return [{ name, state: await powerState(context, name, domain) }];
  });
  return (await Promise.all(states)).flat();
}

/** Running is a machine that was wholly made and that answers; until then it boots. */
async function powerState(context: Context, name: string, domain: FoundDomain): Promise<PowerState> {
  switch (domain.state) {
    case 'off':
    case 'paused':
      return domain.state;
    case 'shutting-down':
    case 'running': {
      const { state, ssh } = context;
      return state.now.machines[name] === 'made' && (await ssh.answers(name)) ? 'running' : 'booting';
    }
  }
}

export async function changePower(
  context: Context,
  name: string,
  action: PowerAction,
  waiting: Waiting,
): Promise<void> {
  await context.vagrant.settleStray('wait', waiting.signal);
  const domain = await mustFind(context, name);
  switch (action) {
    case 'start':
      return start(context, name, domain, waiting);
    case 'halt':
      return halt(context, name, domain, waiting);
    case 'cut':
      if (domain.state !== 'off') await context.virsh.cut(domainName(name));
      context.ssh.forget(name);
      return;
    case 'reboot':
      return reboot(context, name, waiting);
  }
}

async function start(context: Context, name: string, domain: FoundDomain, waiting: Waiting): Promise<void> {
  const { virsh, ssh, lab, files } = context;
  // After this computer was switched off, its libvirt has the lab's networks, but does not run them.
  await ensureNetworks(virsh, lab, files.folder);
  if (domain.state === 'paused') await virsh.resume(domainName(name));
  if (domain.state === 'off') {
    await virsh.start(domainName(name));
    if (await isUpWithin(context, name, HUNG_SECONDS, waiting)) return;
    await virsh.cut(domainName(name));
    ssh.forget(name);
    await virsh.start(domainName(name));
  }
  await ssh.waitUntilUp(name, { timeoutMs: scaled(lab, BOOT_SECONDS), ...waiting });
}

async function isUpWithin(
  { ssh, lab }: Context,
  name: string,
  seconds: number,
  waiting: Waiting,
): Promise<boolean> {
  try {
    await ssh.waitUntilUp(name, { timeoutMs: scaled(lab, seconds), ...waiting });
    return true;
  } catch (error) {
    if (error instanceof UnreachableError) return false;
    throw error;
  }
}

async function halt(context: Context, name: string, domain: FoundDomain, waiting: Waiting): Promise<void> {
  const { vagrant, ssh } = context;
  if (domain.state !== 'off') {
    const end = await vagrant.halt([name], waiting);
    const after = await mustFind(context, name);
    if (after.state !== 'off') throw vagrant.failed(`halt ${name}`, end);
  }
  ssh.forget(name);
}

/**
 * A boot of its own has a name of its own; a machine that answers again under the old one has not gone down yet.
 */
async function reboot(context: Context, name: string, waiting: Waiting): Promise<void> {
  const { ssh, clock, lab } = context;
  const before = await bootId(context, name);
  const argv = ['systemctl', 'reboot'];
  const end = await ssh.shell(name).run({ argv, timeoutMs: scaled(lab, 30), ...waiting });
  // The connection may go before the answer comes, which is what was asked for.
  if (end.kind === 'exited' && end.code !== 0) {
    throw new UserError({
      code: 'reboot-refused',
      message: `${name} refused to reboot: ${new TextDecoder().decode(end.stderr).trim()}`,
      remedy: `Look at the machine with: homelab ssh ${name}`,
    });
  }
  const deadlineMs = clock.nowMs() + scaled(lab, BOOT_SECONDS);
  for (;;) {
    await clock.sleep(POLL_MS, waiting.signal);
    const now = await bootIdIfUp(context, name);
    if (now !== null && now !== before) return;
    if (clock.nowMs() > deadlineMs) throw new UnreachableError(name, 'it did not come back from its reboot');
  }
}

async function bootIdIfUp(context: Context, name: string): Promise<string | null> {
  const { ssh } = context;
  try {
    if (!(await ssh.answers(name))) return null;
    return await bootId(context, name);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    ssh.forget(name);
    return null;
  }
}

async function bootId({ ssh, lab }: Context, name: string): Promise<string> {
  const found = await ssh.shell(name).run({ argv: ['cat', BOOT_ID], timeoutMs: scaled(lab, 15) });
  if (found.kind !== 'exited' || found.code !== 0)
    throw new UnreachableError(name, 'it does not tell its boot');
  return new TextDecoder().decode(found.stdout).trim();
}

export async function pauseMachine(context: Context, name: string): Promise<void> {
  const { state } = await mustFind(context, name);
  if (state === 'running') await context.virsh.suspend(domainName(name));
}

export async function resumeMachine(context: Context, name: string): Promise<void> {
  const { state } = await mustFind(context, name);
  if (state === 'paused') await context.virsh.resume(domainName(name));
}

/** Of the lab network only: the interface by which the machine is reached stays plugged in. */
export async function setLink(context: Context, name: string, state: 'up' | 'down'): Promise<void> {
  const { cards, state: power } = await mustFind(context, name);
  const network = networkName(context.lab);
  const card = cards.find((one) => one.network === network);
  if (card === undefined) {
    throw new UserError({
      code: 'no-lab-interface',
      message: `${name} has no interface on the network ${network}`,
      remedy: `Look at it with: virsh domiflist ${domainName(name)}`,
    });
  }
  await context.virsh.setLink(domainName(name), card.mac, state, power !== 'off');
}

async function mustFind({ virsh, files, lab }: Context, name: string): Promise<FoundDomain> {
  const known = lab.machines.some((machine) => machine.name === name);
  const domain = known ? (await findDomains(virsh, files, [name])).get(name) : undefined;
  if (domain?.own === true) return domain;
  throw new UserError({
    code: 'no-such-machine',
    message: `this lab has no machine named ${name}`,
    remedy: 'list the machines with: homelab status',
  });
}
