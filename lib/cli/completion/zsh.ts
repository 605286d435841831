/** The completion script for zsh; works as a sourced file and as a file `_homelab` on `fpath`. */
import { quoted, valuesByKind, type CompletedCommand } from './tree.js';

export function zshScript(commands: readonly CompletedCommand[]): string {
  const below = commands.slice(1).map(({ path }) => quoted(path));
  return `#compdef homelab
# Completion of homelab for zsh. Load it with: source <(homelab completion zsh)
_homelab() {
  # Not named path, which zsh ties to PATH.
  local at=homelab prev=\${words[CURRENT-1]} word
  local -a candidates options
  if [[ $PREFIX == --*=* ]]; then
    prev=\${PREFIX%%=*}
    compset -P '*='
  fi
  for word in \${words[2,CURRENT-1]}; do
    case "$at $word" in
      (${below.join(' | ')}) at="$at $word" ;;
    esac
  done
  case "$at $prev" in
${[...valuesByKind(commands)].map(([kind, options]) => valueCase(kind, options)).join('\n')}
  esac
  case "$at" in
${commands.map(commandCase).join('\n')}
  esac
  if [[ $PREFIX == -* || \${#candidates} == 0 ]]; then
    candidates=($options)
  fi
  _describe homelab candidates
}
if [[ \${funcstack[1]} == _homelab ]]; then
  _homelab "$@"
else
  compdef _homelab homelab
fi
`;
}

function valueCase(kind: string, options: readonly string[]): string {
  return `    (${options.map(quoted).join(' | ')})\n${valueBody(kind)}      return ;;`;
}

function valueBody(kind: string): string {
  if (kind === 'text') return '';
  return kind === 'file' ? '      _files\n' : `      compadd -- ${kind.replace('words:', '')}\n`;
}

function commandCase({ path, words, options }: CompletedCommand): string {
  const candidates = words.map(({ word, summary }) => candidate(word, summary));
  const names = options.flatMap((option) => option.names.map((name) => candidate(name, option.summary)));
  return `    (${quoted(path)})
      candidates=(${candidates.join(' ')})
      options=(${names.join(' ')}) ;;`;
}

/** `_describe` splits at the first colon that has no backslash. */
function candidate(word: string, summary: string): string {
  return quoted(`${word.replaceAll(':', '\\:')}:${summary}`);
}
