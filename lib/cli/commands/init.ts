/**
 * `homelab init`: a commented configuration to begin with, and beside it the schema that editors complete from. The
 * schema is copied into the state folder, because the package may be anywhere (a checkout, a global installation, a
 * cache of npx): a path into it would be of this computer only, and one into node_modules often wrong.
 */
import { Option, type Command } from 'commander';
import { dirname, join, relative, resolve as resolvePath } from 'node:path';
import { UserError } from '../../base/errors.js';
import { resolve } from '../../config/resolve.js';
import { initTemplate } from '../../config/template.js';
import type { ProviderName, TopologyKind } from '../../model/lab.js';
import type { Perform } from '../app.js';
import { ConfigurationError, DEFAULT_CONFIG } from '../configuration.js';
import { fileExists, readText, writeWhole } from '../files.js';
import { STATE_FOLDER } from '../labs.js';
import { examples, speaking } from '../options.js';
import { packagePath } from '../package.js';
import type { Session } from '../session.js';

const SCHEMA = 'config.schema.json';

/** The JSON document of `homelab init -o json`: what was written, as paths relative to the working directory. */
export interface InitDocument {
  readonly config: string;
  readonly schema: string;
}

export function define(command: Command, perform: Perform): void {
  speaking(command)
    .option('-f, --config <file>', 'file to write', DEFAULT_CONFIG)
    .addOption(
      new Option('--topology <name>', 'machines to begin with')
        .choices(['k8s-single', 'k8s-multi', 'k8s-ha'])
        .default('k8s-ha'),
    )
    .option('--lab <name>', 'name of the lab', 'stage')
    .addOption(
      new Option('--provider <name>', 'the simulator, or real virtual machines')
        .choices(['sim', 'libvirt'])
        .default('sim'),
    )
    .option('--force', 'write over a file that is there')
    .action(() => perform(command, async (session) => init(session)));
  examples(command, [['homelab init --topology k8s-single', 'a lab of one machine']]);
}

function init(session: Session): number {
  // The option's choices leave nothing else.
  const { config = DEFAULT_CONFIG, lab = 'stage', provider, topology, force } = session.options;
  const overrides = { lab, topology: String(topology), provider: provider ?? 'sim' };
  const { problems } = resolve({ text: null, file: null, overrides });
  if (problems.some(({ severity }) => severity === 'error')) throw new ConfigurationError(problems);
  const path = resolvePath(session.io.cwd, config);
  if (fileExists(path) && force !== true) throw alreadyThere(config);
  const schema = join(dirname(path), STATE_FOLDER, SCHEMA);
  writeWhole(schema, readText(packagePath(`schemas/${SCHEMA}`)));
  writeWhole(
    path,
    initTemplate({
      schema: `./${STATE_FOLDER}/${SCHEMA}`,
      name: lab,
      kind: overrides.topology.replace('k8s-', '') as TopologyKind,
      provider: overrides.provider as ProviderName,
    }),
  );
  const document: InitDocument = { config, schema: relative(session.io.cwd, schema) };
  const flag = config === DEFAULT_CONFIG ? '' : ` -f ${config}`;
  session.result(document, `${config}\n`);
  session.note(`Look at its machines with: homelab plan${flag}`);
  session.note(`Bring the lab up with:     homelab up${flag}`);
  return 0;
}

function alreadyThere(config: string): UserError {
  return new UserError({
    code: 'file-exists',
    message: `there is a file ${config} already; nothing was written`,
    remedy: 'Write another one with --config FILE, or write over it with --force.',
  });
}
