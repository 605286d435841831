/**
 * Commands that texts tell a person to type. Sagas, engine and providers write `homelab status`; where a person must
 * also say which lab, the options that say so are put in here.
 */
import { UserError } from '../base/errors.js';
import { shellLine } from '../base/shell-line.js';
import { baseFolder } from './base-folder.js';
import { labNames } from './labs.js';
import type { Session } from './session.js';

/** Commands about a lab that is there, unless what follows says already which one, or makes another. */
const ABOUT_A_LAB = new RegExp(
  [
    '\\bhomelab (?:(?:etcd|machine|report|saga) [a-z]+|sim (?:trace|replay)|',
    'k8s (?:upgrade|restore)|up|down|destroy|resume|abort|status|lint|exec|ssh|kubectl|kubeconfig|wait)',
    '(?![\\w-])(?! --(?:lab|of|help|topology|provider)\\b)',
  ].join(''),
  'g',
);

/** `options` such as ` --lab b`, empty where there is one lab only. */
export function withOptions(text: string, options: string): string {
  return options === '' ? text : text.replace(ABOUT_A_LAB, (command) => `${command}${options}`);
}

/** A text as this session's person must type it. */
export function hinted(session: Session, text: string): string {
  const { config } = session.options;
  const lab = session.lab ?? session.options.lab;
  const where = config === undefined ? [] : ['-f', config];
  const which = lab === undefined || isOnly(session, lab) ? [] : ['--lab', lab];
  const words = [...where, ...which];
  return withOptions(text, words.length === 0 ? '' : ` ${shellLine(words)}`);
}

function isOnly(session: Session, lab: string): boolean {
  try {
    return labNames(baseFolder(session)).every((name) => name === lab);
  } catch (error) {
    // The folder of the labs cannot be read: that is what the person is being told, and no name helps there.
    if (error instanceof UserError) return true;
    throw error;
  }
}
