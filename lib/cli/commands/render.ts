/** `homelab render`: the files that homelab generates for a lab, printed or written below a folder. */
import { Argument, type Command } from 'commander';
import { join, relative, resolve as resolvePath } from 'node:path';
import { UserError } from '../../base/errors.js';
import { suggest } from '../../config/suggest.js';
import { outputPath, WHATS, type GeneratedFile, type What } from '../../generate/file.js';
import { render as renderFiles } from '../../generate/render.js';
import type { Perform } from '../app.js';
import { configured, readConfiguration, resolveLab } from '../configuration.js';
import { writeWhole } from '../files.js';
import { examples } from '../options.js';
import type { Session } from '../session.js';

/** The JSON document of `homelab render -o json`. */
export interface RenderDocument {
  readonly files: readonly {
    readonly what: What;
    /** Null for the lab's own folder on the workstation. */
    readonly machine: string | null;
    readonly path: string;
    /** Octal permission bits as chmod takes them, such as `0600`. */
    readonly mode: string;
    readonly content: string;
  }[];
}

export function define(command: Command, perform: Perform): void {
  configured(command)
    .addArgument(new Argument('[what]', `one of: ${WHATS.join(', ')}`))
    .option('--out <dir>', 'write the files below this folder instead of printing them')
    .action((what?: string) => perform(command, async (session) => render(session, what)));
  examples(command, [
    ['homelab render vagrantfile', 'print the Vagrantfile'],
    ['homelab render --out generated', 'write all files, one folder for each machine'],
  ]);
}

function render(session: Session, asked: string | undefined): number {
  const what = asked === undefined ? undefined : whatOf(asked);
  const files = renderFiles(resolveLab(session, readConfiguration(session)), what);
  if (files.length === 0) session.note(`This lab has no ${what ?? ''} files.`);
  const document: RenderDocument = { files: files.map((file) => ({ ...file, mode: octal(file.mode) })) };
  const folder = session.options['out'];
  session.result(document, typeof folder === 'string' ? written(session, folder, files) : printed(files));
  return 0;
}

/** A single file as it is, so that it can be piped; several with a line above each that says where it belongs. */
function printed(files: readonly GeneratedFile[]): string {
  const [only] = files;
  if (files.length === 1 && only !== undefined) return only.content;
  return files
    .map((file) => `# ==> ${placeOf(file)} (${octal(file.mode)})\n${ended(file.content)}`)
    .join('\n');
}

/** Writes the files and lists them. */
function written(session: Session, folder: string, files: readonly GeneratedFile[]): string {
  const lines = files.map((file) => {
    const path = join(resolvePath(session.io.cwd, folder), outputPath(file));
    writeWhole(path, file.content, file.mode);
    return `${relative(session.io.cwd, path)}\n`;
  });
  return lines.join('');
}

function placeOf({ machine, path }: GeneratedFile): string {
  return machine === null ? path : `${machine}:${path}`;
}

function ended(content: string): string {
  return content.endsWith('\n') ? content : `${content}\n`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function whatOf(asked: string): What {
  const what = WHATS.find((one) => one === asked);
  if (what !== undefined) return what;
  const meant = suggest(asked, WHATS);
  throw new UserError({
    code: 'unknown-what',
    message: `homelab renders no ${asked}${meant === null ? '' : `; did you mean ${meant}?`}`,
    remedy: `Name one of: ${WHATS.join(', ')}; or none for all of them.`,
  });
}
