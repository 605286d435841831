/** `homelab doctor`: does this computer have what the chosen provider needs? Changes nothing. */
import type { Command } from 'commander';
import { planLabs } from '../../config/plan.js';
import type { LabSpec } from '../../model/lab.js';
import type { Perform } from '../app.js';
import { configured, readConfiguration, resolveLab, type Configuration } from '../configuration.js';
import {
  checkFolder,
  checkHostMemory,
  checkKvm,
  checkNode,
  checkProgram,
  checkSimMemory,
  doctorDocument,
  LIBVIRT_PROGRAMS,
  noLibvirtYet,
  type DoctorDocument,
  type DoctorFinding,
} from '../doctor.js';
import { mayUse, mayWriteIn } from '../files.js';
import { examples } from '../options.js';
import { askVersion } from '../programs.js';
import type { Session } from '../session.js';

/** Vagrant takes seconds to start on a slow disk. */
const PROGRAM_TIMEOUT_MS = 30_000;
const EXIT_REFUSED = 2;

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
  const spec = resolveLab(session, configuration);
  const findings: DoctorFinding[] = [
    checkNode(io.nodeVersion),
    checkFolder(configuration.base, mayWriteIn(configuration.base)),
    checkSimMemory(io.availableMemoryMiB()),
    ...(spec.provider === 'libvirt' ? await libvirtFindings(session, configuration) : []),
  ];
  const document = doctorDocument(spec.provider, findings);
  session.result(document, doctorText(session, document, spec));
  return document.ok ? 0 : EXIT_REFUSED;
}

async function libvirtFindings(
  session: Session,
  { input }: Configuration,
): Promise<readonly DoctorFinding[]> {
  const { io } = session;
  const programs = await Promise.all(
    LIBVIRT_PROGRAMS.map(async (program) =>
      checkProgram(program, await askVersion(io, program.name, program.args, PROGRAM_TIMEOUT_MS)),
    ),
  );
  const { document } = planLabs({
    labs: [input],
    hostMemoryMiB: io.hostMemoryMiB(),
    hostMemoryExplicit: false,
  });
  return [...programs, checkKvm(mayUse('/dev/kvm')), checkHostMemory(document.host), noLibvirtYet()];
}

function doctorText(session: Session, { provider, findings, ok }: DoctorDocument, { name }: LabSpec): string {
  const { green, yellow, red } = session.outColors;
  const paint = { ok: green, warning: yellow, error: red };
  const lines = findings.map(({ severity, message, remedy }) => {
    const line = `${paint[severity](severity.padEnd(7))}  ${message}`;
    return remedy === null ? line : `${line}\n         ${remedy}`;
  });
  const verdict = ok ? `Ready for lab ${name} on ${provider}.` : `Not ready for lab ${name} on ${provider}.`;
  return `${lines.join('\n')}\n\n${verdict}\n`;
}
