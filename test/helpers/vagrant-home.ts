/** Vagrant's own folder with boxes of which only the bookkeeping is there. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** As `vagrant box add` of a file leaves it. */
export function addBox(home: string, name: string, provider = 'libvirt'): void {
  const folder = join(boxFolder(home, name), '0', provider);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'metadata.json'), JSON.stringify({ provider }));
}

export function removeBox(home: string, name: string): void {
  rmSync(boxFolder(home, name), { recursive: true });
}

function boxFolder(home: string, name: string): string {
  return join(home, 'boxes', name.replaceAll('/', '-VAGRANTSLASH-'));
}
