/**
 * The lines of Vagrant's `--machine-readable` output: `time,machine,type,data…`. Leaves out what they mean:
 * vagrant.ts knows that.
 */

export interface VagrantLine {
  /** The machine it is about; null for Vagrant itself. */
  readonly machine: string | null;
  /** Such as `ui`, `error-exit`, `state`, `action`. */
  readonly type: string;
  readonly data: readonly string[];
}

/** Null for what is no such line: plugins and Ruby itself print plain text in between. */
export function parseVagrantLine(line: string): VagrantLine | null {
  const match = /^\d+,([^,]*),([^,]+),(.*)$/.exec(line);
  if (match === null) return null;
  const [, machine = '', type = '', data = ''] = match;
  return { machine: machine === '' ? null : machine, type, data: data.split(',').map(unescape) };
}

/** What a line says to a person, without terminal control; null when it says nothing, as a progress bar does. */
export function spokenText({ machine, type, data }: VagrantLine): string | null {
  if (type !== 'ui' && type !== 'error-exit') return null;
  // `ui` has the level first, `error-exit` the class of the error.
  const whole = (data[1] ?? '').replace(CONTROL, '');
  const text = machine === null ? whole.trim() : withoutName(whole, machine);
  return text === '' || PROGRESS.test(text) ? null : text;
}

/** With several machines each line says its own name, which the line's field says already. */
function withoutName(text: string, machine: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/^(?:==>)? */, ''))
    .map((line) => (line.startsWith(`${machine}: `) ? line.slice(machine.length + 2) : line))
    .join('\n')
    .trim();
}

/** Is it news for a person who waits? Not the list of a new domain's properties, nor what is the same every time. */
export function isNews(text: string): boolean {
  return !ROUTINE.test(text);
}

const ROUTINE =
  /^(?:-- |No version detected for |Creating shared folders |Updating domain definition |SSH \w+: )/;

/** ANSI sequences: vagrant-libvirt clears its progress line with one. */
const CONTROL = /\u001b\[[0-9;]*[A-Za-z]/g;
const PROGRESS = /^Progress: \d+%/;

function unescape(text: string): string {
  return text.replaceAll('%!(VAGRANT_COMMA)', ',').replaceAll('\\n', '\n').replaceAll('\\r', '');
}

/**
 * The errors of several machines that Vagrant worked on at the same time: it joins them into one text, each
 * behind a heading. By machine; what came before the first heading is by the empty name.
 */
export function splitErrors(text: string): ReadonlyMap<string, string> {
  const errors = new Map<string, string>();
  const heading =
    /An (?:unexpected )?error occurred(?: while| when) executing the action on the\s+'([^']+)'\s+machine\.?/g;
  let machine = '';
  let start = 0;
  for (const match of text.matchAll(heading)) {
    add(errors, machine, text.slice(start, match.index));
    machine = match[1] ?? '';
    start = match.index + match[0].length;
  }
  add(errors, machine, text.slice(start));
  return errors;
}

/** Sentences that say nothing of this error. */
const EMPTY_WORDS = [
  /^An error occurred while executing multiple actions in parallel\.\s*/,
  /^Any errors that occurred are shown below\.\s*/,
  /^Please handle this error then try again:\s*/,
  /^Please report this as a bug:\s*/,
];

/** Of an error that is none of its own, Vagrant gives Ruby's whole stack; the log keeps it. */
const STACK = /^\S+\.rb:\d+:in .*$/gm;

function add(errors: Map<string, string>, machine: string, text: string): void {
  let rest = text.replace(STACK, '').trim();
  for (const words of EMPTY_WORDS) rest = rest.replace(words, '').trim();
  if (rest !== '') errors.set(machine, rest);
}
