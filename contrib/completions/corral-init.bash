# bash completion for corral-init(8). It asks the program itself: each line of 'corral-init --help' is an option and what it expects.

_corral_init() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} at=1 expects prefix=
  COMPREPLY=()
  # bash takes words apart at '=': '--option', '=', 'value'.
  [[ $word == = ]] && word=
  [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD-2]}
  [[ $word == --*=* ]] && prefix=${word%%=*}= previous=${word%%=*} word=${word#*=}
  while ((at < COMP_CWORD)) && [[ ${COMP_WORDS[at]} == -?* ]]; do
    [[ ${COMP_WORDS[at]} == -- ]] && { ((++at)); break; }
    if [[ $(_corral_init_expects "${COMP_WORDS[at]}") ]]; then
      [[ ${COMP_WORDS[at+1]} == = ]] && ((++at))
      ((++at))
    fi
    ((++at))
  done
  if ((at < COMP_CWORD)) || [[ $at -eq $COMP_CWORD && $previous == -- ]] || [[ $at -eq $COMP_CWORD && $word != -* && ! $prefix ]]; then
    if declare -F _command_offset >/dev/null; then
      _command_offset "$at"
    elif ((at == COMP_CWORD)); then
      mapfile -t COMPREPLY < <(compgen -c -- "$word")
    else
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
    return
  fi
  expects=$(_corral_init_expects "$previous")
  case $expects in
    '') mapfile -t COMPREPLY < <(compgen -W "$(corral-init --help | awk '/^  --/ {print $1}')" -- "$word") ;;
    *director*) mapfile -t COMPREPLY < <(compgen -P "$prefix" -d -- "$word") ;;
    *file*) mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$word") ;;
    *signal* | SIGNAL*) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(kill -l | grep -o 'SIG[A-Z0-9+-]*' | cut -c4-)" -- "$word") ;;
    *\ or\ *) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_init_choices "$expects")" -- "$word") ;;
  esac
}

# What an option expects, empty if it takes no value.
_corral_init_expects() {
  corral-init --help | awk -v option="$1" '$1 == option {sub(/^ *[^ ]+ */, ""); sub(/ *\[\*\]$/, ""); print}'
}

# "main, group or job" is three words; what has more than one word between its commas is no choice.
_corral_init_choices() {
  echo "$1" | sed 's/, /\n/g; s/ or /\n/g' | awk 'NF == 1 {print} NF > 1 {exit}'
}

complete -F _corral_init corral-init
