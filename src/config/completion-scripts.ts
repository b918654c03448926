import type { SHELLS } from './commands.ts';
import { COMPLETE } from './completion.ts';

const NAMES = 'fetch-activity-logs fetch-activity-logs.js';

const BASH = `# bash completion for fetch-activity-logs. In ~/.bashrc:
#     source <(fetch-activity-logs completion bash)
_fetch_activity_logs() {
  local program=\${COMP_WORDS[0]/#\\~/$HOME} line
  type -t -- "$program" >/dev/null || program=fetch-activity-logs
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o default 2>/dev/null
      return
    fi
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("$program" ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _fetch_activity_logs ${NAMES}
`;

const ZSH = `#compdef ${NAMES}
# zsh completion for fetch-activity-logs. In ~/.zshrc, after compinit:
#     source <(fetch-activity-logs completion zsh)
_fetch_activity_logs() {
  local program=\${(Q)words[1]} line
  local -a found
  program=\${program/#\\~/$HOME}
  whence -- "$program" >/dev/null || program=fetch-activity-logs
  for line in "\${(@f)$("$program" ${COMPLETE} "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      compset -P '--*='
      _files
      return
    fi
    [[ -n $line ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}\${\${(M)line%$'\\t'*}/$'\\t'/:}")
  done
  _describe fetch-activity-logs found
}
if [[ \${funcstack[1]} == _fetch_activity_logs ]]; then
  _fetch_activity_logs "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
  compdef _fetch_activity_logs ${NAMES}
fi
`;

const FISH = `# fish completion for fetch-activity-logs. In ~/.config/fish/config.fish:
#     fetch-activity-logs completion fish | source
function __fetch_activity_logs
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    set -e words[1]
    type -q -- $program; or set program fetch-activity-logs
    for line in ($program ${COMPLETE} $words "$token" 2>/dev/null)
        if test "$line" = :files
            set -l prefix (string match -r -- '^--[^=]*=' $token)
            for path in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' $token))
                echo "$prefix$path"
            end
        else
            echo $line
        end
    end
end
for name in ${NAMES}
    complete -c $name -f -a '(__fetch_activity_logs)'
end
`;

/** The script of each shell. They contain no words themselves, so they stay valid after an upgrade. */
export const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = { bash: BASH, zsh: ZSH, fish: FISH };
