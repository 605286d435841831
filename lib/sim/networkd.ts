/**
 * systemd-networkd, as far as a drop-in goes that adds addresses and routes to the lab card: read at boot. Everything
 * else of its files is Vagrant's business and not modelled.
 */
import type { Machine } from './machine.js';
import { parentOf } from './disk.js';

const FOLDER = '/etc/systemd/network';

/** Gives the lab card what the drop-ins of its .network file say. */
export function applyNetworkFiles(machine: Machine): void {
  const { disk, labNic, world } = machine;
  for (const [path, entry] of disk.all()) {
    const folder = parentOf(path);
    if (entry.kind !== 'file' || parentOf(folder) !== FOLDER || !path.endsWith('.conf')) continue;
    if (!folder.endsWith(`${labNic.name}.network.d`)) continue;
    for (const section of new TextDecoder().decode(entry.content).split(/^(?=\[)/m)) {
      for (const [, address = '', prefix = ''] of section.matchAll(/^Address=([\d.]+)\/(\d+)$/gm)) {
        world.network.addAddress(machine, address, Number(prefix));
        world.network.announce(machine, address);
      }
      const destination = /^Destination=(\S+)$/m.exec(section)?.[1];
      const gateway = /^Gateway=(\S+)$/m.exec(section)?.[1];
      if (destination !== undefined && gateway !== undefined) machine.routes.set(destination, gateway);
    }
  }
}
