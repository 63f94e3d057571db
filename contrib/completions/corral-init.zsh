#compdef corral-init
# zsh completion for corral-init(8). It asks the program itself: each line of 'corral-init --help' is an option and what it expects.

local -a options
local name expects choices action
corral-init --help | while read -r name expects; do
  [[ $name == --* ]] || continue
  expects=${expects% \[\*\]}
  case $expects in
    '' | '[*]') options+=("$name"); continue ;;
    *director*) action='_files -/' ;;
    *file*) action='_files' ;;
    *signal* | SIGNAL*) action='_signals' ;;
    [a-z0-9]##(|, [a-z0-9]##)#' or '[a-z0-9]##) choices=${${expects//,/}/ or / }; action="($choices)" ;;
    *) action=' ' ;;
  esac
  options+=("*$name=:${expects//:/\\:}:$action")
done
_arguments -S -A '-*' $options '(-)1:command:_command_names -e' '*::arguments:_normal'
