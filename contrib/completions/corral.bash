# bash completion for corral(1).
# Generated from the command table by 'corral --dump-completion bash'.

_corral_jobs() {
  local jid name rest
  corral ps --all --no-header 2>/dev/null | while read -r jid name rest; do
    echo "$jid"
    [ "$name" = - ] || echo "$name"
  done
}

# The program's own completion, once its place in the line is known.
_corral_program() {
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif [ "$1" -eq "$COMP_CWORD" ]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}

_corral() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  local command=${COMP_WORDS[1]} at=2
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W 'run ps tree show log wait kill records doctor daemon-reexec --help --version' -- "$word")
    return
  fi
  case $command in
    run)
      while ((at < COMP_CWORD)); do
        case ${COMP_WORDS[at]} in
          --) ((at++)); break ;;
          --name|-n|--env|-e|--cwd|-C|--user|-u|--engine|--grace|-g|--signal|-s|--limit|-l) ((at += 2)) ;;
          -*) ((at++)) ;;
          *) break ;;
        esac
      done
      if ((at < COMP_CWORD)) || [[ ${COMP_WORDS[at-1]} == -- ]]; then
        _corral_program "$at"
        return
      fi
      case $previous in
        --name|-n) :; return ;;
        --env|-e) :; return ;;
        --cwd|-C) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        --user|-u) mapfile -t COMPREPLY < <(compgen -u -- "$word"); return ;;
        --engine) mapfile -t COMPREPLY < <(compgen -W 'cgroup2 subreaper' -- "$word"); return ;;
        --grace|-g) :; return ;;
        --signal|-s) mapfile -t COMPREPLY < <(compgen -W 'HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH' -- "$word"); return ;;
        --limit|-l) mapfile -t COMPREPLY < <(compgen -W 'wall=' -- "$word"); return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--detach --name --env --cwd --user --report --engine --grace --signal --linger --kill-stragglers --limit --json --system --private --help' -- "$word")
      else
        _corral_program "$at"
      fi ;;
    ps)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--all --mine --no-header --json --system --private --help' -- "$word")
      else
        :
      fi ;;
    tree)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    show)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    log)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--follow --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    wait)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--report --quiet --json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    kill)
      case $previous in
        --signal|-s) mapfile -t COMPREPLY < <(compgen -W 'HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH' -- "$word"); return ;;
        --grace|-g) :; return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--signal --main --grace --wait --no-wait --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    records)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    doctor)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$word")
      else
        :
      fi ;;
    daemon-reexec)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--system --private --help' -- "$word")
      else
        :
      fi ;;
  esac
}

complete -F _corral corral
