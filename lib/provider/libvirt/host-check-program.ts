/** Is a program there, and does it answer? */
import type { HostFacts, HostProgramName, ProgramFact } from './host-facts.js';
import { amiss, fine, type HostFinding } from './host-finding.js';

/** Of a program that must be there (or should be): found, missing, or out of order. */
export function checkProgram(
  programs: HostFacts['programs'],
  name: HostProgramName,
  severity: 'note' | 'warning' | 'error',
  purpose: string,
  aptPackage: string,
): HostFinding {
  const fact: ProgramFact = programs[name];
  const expected = `${name} on PATH`;
  switch (fact.state) {
    case 'found':
      return fine(name, `${name}: ${fact.version}`, { expected, found: fact.version });
    case 'unasked':
      return fine(name, `${name} is not needed now`, { expected });
    case 'missing':
      return amiss(
        name,
        severity,
        `${name} is not on PATH; it ${purpose}`,
        `Install ${name}; on Debian and Ubuntu: apt install ${aptPackage}`,
        { expected },
      );
    case 'broken':
      return amiss(
        name,
        severity,
        `${name} does not tell its version: ${fact.why}`,
        `Find out why with: ${name} ${name === 'ssh' ? '-V' : '--version'}`,
        { expected, found: fact.why },
      );
  }
}
