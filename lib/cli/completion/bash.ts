/** The completion script for bash 3.2 and later; needs nothing of the bash-completion package. */
import { quoted, valuesByKind, type CompletedCommand } from './tree.js';

export function bashScript(commands: readonly CompletedCommand[]): string {
  const below = commands.slice(1).map(({ path }) => quoted(path));
  return `# Completion of homelab for bash. Load it with: source <(homelab completion bash)
_homelab() {
  local at=homelab cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} word words='' options=''
  COMPREPLY=()
  # Bash splits --option=value at the sign.
  if [[ $cur == = ]]; then
    cur=''
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
      ${below.join(' | ')}) at="$at $word" ;;
    esac
  done
  case "$at $prev" in
${[...valuesByKind(commands)].map(([kind, options]) => valueCase(kind, options)).join('\n')}
  esac
  case "$at" in
${commands.map(commandCase).join('\n')}
  esac
  if [[ $cur == -* || -z $words ]]; then
    words=$options
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _homelab homelab
`;
}

function valueCase(kind: string, options: readonly string[]): string {
  const pattern = `    ${options.map(quoted).join(' | ')})`;
  return `${pattern}\n${valueBody(kind)}      return ;;`;
}

function valueBody(kind: string): string {
  if (kind === 'text') return '';
  if (kind === 'file') {
    return `      local IFS=$'\\n'
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$cur"))
`;
  }
  return `      COMPREPLY=($(compgen -W ${quoted(kind.replace('words:', ''))} -- "$cur"))\n`;
}

function commandCase({ path, words, options }: CompletedCommand): string {
  const names = options.flatMap((option) => option.names);
  const typed = words.map(({ word }) => word);
  return `    ${quoted(path)}) words=${quoted(typed.join(' '))} options=${quoted(names.join(' '))} ;;`;
}
