/** `homelab image`: the image that a configuration's real machines are made from, and those that are there already. */
import type { Command } from 'commander';
import { CancelledError, UserError } from '../../base/errors.js';
import type { LabSpec } from '../../model/lab.js';
import type { NodeImage } from '../../provider/provider.js';
import type { Perform } from '../app.js';
import { configured, readConfiguration, resolveLab } from '../configuration.js';
import { verifiedLabBundle } from '../bundle/open.js';
import { lockImage, openBoxes, openImage } from '../images.js';
import { examples, speaking } from '../options.js';
import type { Session } from '../session.js';

/** The JSON document of `image build` and `image remove`. */
export interface ImageDocument {
  readonly image: string;
  /** False when there was nothing to do. */
  readonly changed: boolean;
  readonly wallMs: number;
}

/** The JSON document of `image list`. */
export interface ImageListDocument {
  readonly images: readonly { readonly name: string }[];
}

export function define(command: Command, perform: Perform): void {
  const build = configured(verb(command, 'build', 'build the image of a lab when it is not there'));
  build.action(() => perform(build, buildImage));
  examples(build, [
    ['homelab image build --provider libvirt', 'from the network'],
    ['homelab image build --provider libvirt --bundle ./bundle', 'from a bundle alone'],
  ]);
  const list = speaking(verb(command, 'list', 'list the images on this computer'));
  list.action(() => perform(list, listImages));
  examples(list, [['homelab image list', 'one name a line']]);
  const remove = configured(verb(command, 'remove', 'remove an image with its base volume'));
  remove.argument('[name]', "as image list shows it; default: the one of the configuration's lab");
  remove.action((name?: string) => perform(remove, (session) => removeImage(session, name)));
  examples(remove, [['homelab image remove --provider libvirt', "the one of the configuration's lab"]]);
  examples(command, [['homelab image build --provider libvirt', 'before the first homelab up']]);
}

function verb(command: Command, name: string, summary: string): Command {
  return command.command(name).summary(summary).description(summary);
}

async function buildImage(session: Session): Promise<number> {
  const { image, base, lab } = configuredImage(session);
  session.note(`image: ${image.name}`);
  const lock = lockImage(session, base, lab);
  const onProgress = (line: string): void => {
    session.note(line);
  };
  try {
    const changed = !(await image.isThere());
    if (changed) {
      await verifiedLabBundle(session, base, lab);
      await image.build({ signal: session.io.signal, onProgress });
    }
    return report(session, image.name, changed, changed ? 'is built' : 'is there already');
  } catch (error) {
    if (error instanceof CancelledError) return 130;
    throw error;
  } finally {
    lock.release();
  }
}

async function removeImage(session: Session, named: string | undefined): Promise<number> {
  const name = named ?? configuredImage(session).image.name;
  const boxes = openBoxes(session);
  const changed = boxes.has(name);
  await boxes.remove(name);
  return report(session, name, changed, changed ? 'is removed' : 'was not there');
}

function report(session: Session, image: string, changed: boolean, text: string): number {
  const document: ImageDocument = { image, changed, wallMs: session.wallMs() };
  session.result(document, `${image} ${text}\n`);
  return 0;
}

async function listImages(session: Session): Promise<number> {
  const names = openBoxes(session).list();
  const document: ImageListDocument = { images: names.map((name) => ({ name })) };
  session.result(document, names.map((name) => `${name}\n`).join(''));
  return 0;
}

interface Configured {
  readonly image: NodeImage;
  readonly lab: LabSpec;
  readonly base: string;
}

function configuredImage(session: Session): Configured {
  const configuration = readConfiguration(session);
  const lab = resolveLab(session, configuration);
  if (lab.provider !== 'libvirt') {
    throw new UserError({
      code: 'no-image',
      message: 'simulated machines are made from no image',
      remedy: 'Say --provider libvirt, or write provider: libvirt into the configuration.',
    });
  }
  const image = openImage(session, configuration.base, lab);
  if (image !== null) return { image, lab, base: configuration.base };
  throw new UserError({
    code: 'no-image',
    message: `the lab's machines are made from a box of your own, ${lab.box ?? ''}`,
    remedy: 'Leave vos.box out for the image that homelab builds.',
  });
}
