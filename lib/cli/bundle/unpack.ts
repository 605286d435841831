/** Files out of a downloaded archive, whose digest was checked before it is opened. */
import { join } from 'node:path';
import { extract } from 'tar';
import { publishedDigest, type ArchiveDownload, type Checksum } from '../../bundle/downloads.js';
import { fileExists, makeFolder, moveFile, removeFile, removeFolder } from '../files.js';
import { oddDownload, type Web } from './web.js';

const EXECUTABLE = 0o755;

/** Puts the members of a download to their paths below `folder`. */
export async function unpack(
  web: Web,
  { url, checksum, members }: ArchiveDownload,
  folder: string,
  work: string,
): Promise<void> {
  const name = url.slice(url.lastIndexOf('/') + 1);
  const file = join(work, name);
  await web.download(url, file, { sha256: await wantedDigest(web, url, checksum) });
  const opened = join(work, `${name}.opened`);
  removeFolder(opened);
  makeFolder(opened);
  const wanted = new Set(members.map((member) => member.name));
  await extract({ file, cwd: opened, filter: (path) => wanted.has(path.replace(/^\.\//, '')) });
  for (const member of members) {
    const from = join(opened, member.name);
    if (!fileExists(from)) throw oddDownload(url, `it has no ${member.name} in it`);
    moveFile(from, join(folder, member.path), EXECUTABLE);
  }
  removeFolder(opened);
  removeFile(file);
}

/** The digest that homelab knows, or else the one that the publisher tells. */
export async function wantedDigest(web: Web, url: string, checksum: Checksum): Promise<string> {
  if ('sha256' in checksum) return checksum.sha256;
  const digest = publishedDigest(await web.text(checksum.publishedAt), url);
  if (digest === null) throw oddDownload(checksum.publishedAt, `it has no SHA-256 of ${url}`);
  return digest;
}
