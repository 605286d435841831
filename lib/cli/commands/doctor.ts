/** `homelab doctor`: does this computer have what the chosen provider needs? Changes nothing. */
import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import type { LabSpec } from '../../model/lab.js';
import { imageNameOf } from '../../provider/libvirt/node-image.js';
import { labBundle } from '../bundle/open.js';
import { UserError } from '../../base/errors.js';
import { checkHost } from '../../provider/libvirt/host-check.js';
import { gatherHostFacts } from '../../provider/libvirt/host-facts.js';
import type { HostFinding } from '../../provider/libvirt/host-finding.js';
import { hostPrograms } from '../../provider/libvirt/host-program.js';
import { askKvm } from '../../provider/libvirt/kvm.js';
import { labFiles } from '../../provider/libvirt/lab-files.js';
import { LabStateFile } from '../../provider/libvirt/lab-state.js';
import type { Perform } from '../app.js';
import { configured, readConfiguration, resolveLab, type Configuration } from '../configuration.js';
import { checkFolder, checkNode, checkSimMemory, doctorDocument, type DoctorDocument } from '../doctor.js';
import { mayWriteIn } from '../files.js';
import { findLab, labFolderOf, labNames } from '../labs.js';
import { examples } from '../options.js';
import type { Session } from '../session.js';

const EXIT_REFUSED = 2;
const EXIT_INTERRUPTED = 130;

export function define(command: Command, perform: Perform): void {
  configured(command).action(() => perform(command, doctor));
  examples(command, [
    ['homelab doctor', 'is this computer ready for simulated labs?'],
    ['homelab doctor --provider libvirt', 'and for real machines?'],
  ]);
}

async function doctor(session: Session): Promise<number> {
  const { io } = session;
  const configuration = readConfiguration(session);
  const { base } = configuration;
  const spec = labToCheck(session, configuration);
  if (spec.provider === 'libvirt')
    session.note('Looking at Vagrant, libvirt, KVM and networks: some seconds.');
  const findings: HostFinding[] = [
    checkNode(io.nodeVersion),
    checkFolder(base, mayWriteIn(base)),
    checkSimMemory(io.availableMemoryMiB()),
    ...(spec.provider === 'libvirt' ? await hostFindings(session, spec, base) : []),
  ];
  // What was asked when Ctrl-C came has no answer, and no finding may be made of that.
  if (io.signal.aborted) return EXIT_INTERRUPTED;
  const document = doctorDocument(spec.provider, findings);
  session.result(document, doctorText(session, document, spec));
  return document.ok ? 0 : EXIT_REFUSED;
}

/** The lab that is there when nothing describes another one, as `up` chooses it. */
function labToCheck(session: Session, configuration: Configuration): LabSpec {
  const { base, file, overrides } = configuration;
  const described = file !== null || Object.keys(overrides).some((name) => name !== 'lab');
  const names = labNames(base);
  const name = overrides['lab'] ?? (names.length === 1 ? names[0] : undefined);
  const lab = described || name === undefined ? null : findLab(base, name);
  return lab === null ? resolveLab(session, configuration) : lab.record.spec;
}

/** Of the lab as it is or would be: what is its own is not in its way. */
async function hostFindings({ io }: Session, lab: LabSpec, base: string): Promise<readonly HostFinding[]> {
  const folder = labFolderOf(base, lab.name);
  const run = hostPrograms(io.env);
  const kvm = lab.driver === 'qemu' ? null : await askKvm(run, tmpdir());
  const begun = Object.keys(new LabStateFile(labFiles(folder).state, 0).now.machines);
  const facts = await gatherHostFacts({
    ...{ run, env: io.env, lab, folder, begun, kvm, depth: 'all', signal: io.signal },
  });
  return checkHost(facts, lab, wantedBox(base, lab));
}

/** Null when the lab's bundle, which the image's name depends on, cannot be read. */
function wantedBox(base: string, lab: LabSpec): string | null {
  if (lab.box !== null) return lab.box;
  try {
    return imageNameOf(lab, labBundle(base, lab));
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

function doctorText(session: Session, { provider, findings, ok }: DoctorDocument, { name }: LabSpec): string {
  const { cyan, green, yellow, red } = session.outColors;
  const paint = { ok: green, note: cyan, warning: yellow, error: red };
  const lines = findings.map(({ severity, message, remedy }) => {
    const line = `${paint[severity](severity.padEnd(7))}  ${message}`;
    return remedy === null ? line : `${line}\n         ${remedy}`;
  });
  const verdict = ok ? `Ready for lab ${name} on ${provider}.` : `Not ready for lab ${name} on ${provider}.`;
  return `${lines.join('\n')}\n\n${verdict}\n`;
}
