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
  local current=${COMP_WORDS[COMP_CWORD]}
  [[ $current == =* ]] && current=
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif [ "$1" -eq "$COMP_CWORD" ]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}

_corral() {
  # bash takes words apart at '=', unless COMP_WORDBREAKS was changed.
  local words=() places=() line=$COMP_LINE part joins= at
  for ((at = 0; at <= COMP_CWORD; at++)); do
    part=${COMP_WORDS[at]}
    [[ $part == =* ]] && joins=1
    if [[ $at -gt 0 && $joins && $line != [[:space:]]* ]]; then
      words[-1]+=$part
    else
      words+=("$part")
      places+=("$at")
    fi
    [[ $part == =* ]] || joins=
    line=${line#*"$part"}
  done
  local last=$((${#words[@]} - 1)) prefix=
  local word=${words[last]} previous=${words[last-1]} command=${words[1]}
  if [[ $word == --*=* ]]; then
    previous=${word%%=*}= word=${word#*=}
    [[ ${COMP_WORDS[COMP_CWORD]} == --*=* ]] && prefix=$previous
  fi
  at=2
  COMPREPLY=()
  if ((last == 1)); then
    mapfile -t COMPREPLY < <(compgen -W 'run ps tree show log wait freeze thaw kill records doctor daemon-reexec --help --version' -- "$word")
    return
  fi
  case $command in
    run)
      while ((at < last)); do
        case ${words[at]} in
          --) ((at++)); break ;;
          --name|-n|--env|-e|--cwd|-C|--user|-u|--engine|--grace|-g|--signal|-s|--limit|-l) ((at += 2)) ;;
          -*) ((at++)) ;;
          *) break ;;
        esac
      done
      if ((at < last)) || [[ ${words[at-1]} == -- ]]; then
        _corral_program "${places[at]}"
        return
      fi
      case $previous in
        --name|-n|--name=) :; return ;;
        --env|-e|--env=) :; return ;;
        --cwd|-C|--cwd=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -d -- "$word"); return ;;
        --user|-u|--user=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -u -- "$word"); return ;;
        --report=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'text json' -- "$word"); return ;;
        --engine|--engine=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'cgroup2 subreaper' -- "$word"); return ;;
        --grace|-g|--grace=) :; return ;;
        --signal|-s|--signal=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH' -- "$word"); return ;;
        --limit|-l|--limit=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'wall=' -- "$word"); return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--detach --name --env --cwd --user --report --engine --grace --signal --linger --kill-stragglers --limit --json --system --private --help' -- "$word")
      else
        _corral_program "${places[at]}"
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
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    show)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--pid --json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    log)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--follow --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    wait)
      case $previous in
        --report=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'text json' -- "$word"); return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--report --quiet --json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    freeze)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    thaw)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    kill)
      case $previous in
        --signal|-s|--signal=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH' -- "$word"); return ;;
        --grace|-g|--grace=) :; return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--signal --main --grace --wait --no-wait --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    records)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$word")
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
