/** The word after `imagefactory` with which a shell asks for candidates. The scripts of release 0.1.0 use it, too. */
export const COMPLETE_WORD = '--get-yargs-completions';

/**
 * The scripts that complete commands, by shell. Each asks `imagefactory` itself, passes on the words up to the cursor,
 * and offers files when there is no candidate.
 */
export const SCRIPTS = {
  bash: `# Completion of imagefactory in bash. To install it: imagefactory completion bash >> ~/.bashrc
_imagefactory() {
  # compgen -W would run what looks like a command in the candidates.
  local candidate
  COMPREPLY=()
  while IFS= read -r candidate; do
    if [[ $candidate == "$2"* ]]; then COMPREPLY+=("$candidate"); fi
  done < <(IMAGEFACTORY_SHELL=bash "$1" ${COMPLETE_WORD} "\${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null)
}
complete -o bashdefault -o default -F _imagefactory imagefactory
`,
  zsh: `#compdef imagefactory
# Completion of imagefactory in zsh. To install it: imagefactory completion zsh >> ~/.zshrc
_imagefactory() {
  local -a reply
  reply=("\${(@f)$(IMAGEFACTORY_SHELL=zsh "\${words[1]}" ${COMPLETE_WORD} "\${(@)words[1,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$reply" ]]; then
    _describe 'values' reply
  else
    _files
  fi
}
if [[ "\${zsh_eval_context[-1]}" == "loadautofunc" ]]; then
  _imagefactory "$@"
else
  compdef _imagefactory imagefactory
fi
`,
  fish: `# Completion of imagefactory in fish. To install it:
# imagefactory completion fish > ~/.config/fish/completions/imagefactory.fish
function __imagefactory_complete
  set -l words (commandline -opc)
  set -l found (IMAGEFACTORY_SHELL=fish $words[1] ${COMPLETE_WORD} $words (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c imagefactory -f -a '(__imagefactory_complete)'
`,
} as const;
