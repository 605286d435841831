/** The completion script for fish 3 and later. */
import type { CompletedCommand, CompletedOption } from './tree.js';

export function fishScript(commands: readonly CompletedCommand[]): string {
  const below = commands.slice(1).map(({ path }) => quoted(path));
  return `# Completion of homelab for fish. Load it with: homelab completion fish | source
function __homelab_at
    set -l at homelab
    set -l typed (commandline -opc)
    set -e typed[1]
    for word in $typed
        switch "$at $word"
            case ${below.join(' ')}
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c homelab -f
${commands.flatMap(commandLines).join('\n')}
`;
}

function commandLines({ path, words, options }: CompletedCommand): readonly string[] {
  const start = `complete -c homelab -n ${quoted(`__homelab_at ${quoted(path)}`)}`;
  return [
    ...words.map(({ word, summary }) => `${start} -a ${quoted(word)} -d ${quoted(summary)}`),
    ...options.map((option) => `${start} ${optionText(option)}`),
  ];
}

function optionText({ names, summary, value }: CompletedOption): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [...flags, ...valueFlags(value), `-d ${quoted(summary)}`].join(' ');
}

/** `-x` takes a value that is no file, `-r -F` one that is. */
function valueFlags(value: CompletedOption['value']): readonly string[] {
  if (value === 'none') return [];
  if (value === 'file') return ['-r', '-F'];
  return value === 'text' ? ['-x'] : ['-x', `-a ${quoted(value.join(' '))}`];
}

/** Inside single quotes fish reads only \\' and \\\\ . */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
