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
    mapfile -t COMPREPLY < <(compgen -W 'run ps tree top events show log wait limit attach detach session freeze thaw kill records report index accounting archive doctor daemon-reexec ja csacom csabuild csarecy csacon csaaddc csacms csacrep csachargefee csagetconfig csajrep csadrep csaverify csaedit csarun csaperiod csaswitch csackpacct lastlogin dodisk acctdusg acctdisk nulladm --help --version' -- "$word")
    return
  fi
  case $command in
    run)
      while ((at < last)); do
        case ${words[at]} in
          --) ((at++)); break ;;
          --array|--name|-n|--tag|-t|--project|-P|--account|-A|--jid|--env|-e|--cwd|-C|--user|-u|--engine|--grace|-g|--signal|-s|--limit|-l|--parent|--domain|--began) ((at += 2)) ;;
          -*) ((at++)) ;;
          *) break ;;
        esac
      done
      if ((at < last)) || [[ ${words[at-1]} == -- ]]; then
        _corral_program "${places[at]}"
        return
      fi
      case $previous in
        --array|--array=) :; return ;;
        --name|-n|--name=) :; return ;;
        --tag|-t|--tag=) :; return ;;
        --project|-P|--project=) :; return ;;
        --account|-A|--account=) :; return ;;
        --jid|--jid=) :; return ;;
        --env|-e|--env=) :; return ;;
        --cwd|-C|--cwd=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -d -- "$word"); return ;;
        --user|-u|--user=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -u -- "$word"); return ;;
        --report=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'text json' -- "$word"); return ;;
        --engine|--engine=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'cgroup2 subreaper pidns cgroup2+pidns' -- "$word"); return ;;
        --grace|-g|--grace=) :; return ;;
        --signal|-s|--signal=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH' -- "$word"); return ;;
        --limit|-l|--limit=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=' -- "$word"); return ;;
        --parent|--parent=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word"); return ;;
        --domain|--domain=) :; return ;;
        --began|--began=) :; return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--detach --array --name --tag --project --account --jid --with-caller --env --cwd --user --report --engine --grace --signal --linger --kill-stragglers --limit --accept-less --parent --delegate --domain --began --json --system --private --help' -- "$word")
      else
        _corral_program "${places[at]}"
      fi ;;
    ps)
      case $previous in
        --array|--array=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word"); return ;;
        --tag|-t|--tag=) :; return ;;
        --project|-P|--project=) :; return ;;
        --account|-A|--account=) :; return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--all --mine --array --tag --project --account --no-header --json --system --private --help' -- "$word")
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
    top)
      case $previous in
        --delay|-d|--delay=) :; return ;;
        --times|-n|--times=) :; return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--delay --times --once --json --system --private --help' -- "$word")
      else
        :
      fi ;;
    events)
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
        --timeout|-t|--timeout=) :; return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--report --quiet --timeout --json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    limit)
      case $previous in
        --limit|-l|--limit=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=' -- "$word"); return ;;
        --project|-P|--project=) :; return ;;
        --site|--site=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$word"); return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--limit --accept-less --project --site --json --system --private --help' -- "$word")
      else
        case " ${words[*]:2:last-2} " in
          *" explain "*) mapfile -t COMPREPLY < <(compgen -P "$prefix" -u -- "$word") ;;
          *) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word") ;;
        esac
      fi ;;
    attach)
      case $previous in
        --mode|-m|--mode=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'move nested logical transfer' -- "$word"); return ;;
        --name|-n|--name=) :; return ;;
        --parent|--parent=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word"); return ;;
        --limit|-l|--limit=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=' -- "$word"); return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--new --mode --name --parent --limit --accept-less --json --system --private --help' -- "$word")
      else
        :
      fi ;;
    detach)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--job --json --system --private --help' -- "$word")
      else
        :
      fi ;;
    session)
      case $previous in
        --user|-u|--user=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -u -- "$word"); return ;;
        --leader|--leader=) :; return ;;
        --service|-s|--service=) :; return ;;
        --domain|--domain=) :; return ;;
        --project|--project=) :; return ;;
        --account|--account=) :; return ;;
        --nest|--nest=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'keep new' -- "$word"); return ;;
        --mode|-m|--mode=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'move nested logical transfer' -- "$word"); return ;;
        --stragglers|--stragglers=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'linger end kill' -- "$word"); return ;;
        --grace|-g|--grace=) :; return ;;
        --limit|-l|--limit=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=' -- "$word"); return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--user --leader --service --domain --project --account --nest --mode --stragglers --grace --limit --accept-less --json --system --private --help' -- "$word")
      else
        case " ${words[*]:2:last-2} " in
          *" close "*|*" show "*) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word") ;;
          *) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'open close show' -- "$word") ;;
        esac
      fi ;;
    freeze)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    thaw)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    kill)
      case $previous in
        --project|-P|--project=) :; return ;;
        --account|-A|--account=) :; return ;;
        --tag|-t|--tag=) :; return ;;
        --signal|-s|--signal=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH' -- "$word"); return ;;
        --group|--group=) :; return ;;
        --grace|-g|--grace=) :; return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--project --account --tag --signal --main --group --grace --wait --no-wait --json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_corral_jobs) self" -- "$word")
      fi ;;
    records)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$word")
      fi ;;
    report)
      case $previous in
        --by|-b|--by=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'job user group project account command node day hour' -- "$word"); return ;;
        --user|-u|--user=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -u -- "$word"); return ;;
        --since|--since=) :; return ;;
        --until|--until=) :; return ;;
        --html|--html=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$word"); return ;;
        --output|-o|--output=) mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$word"); return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--by --user --since --until --units --csv --openmetrics --http --html --output --no-header --json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$word")
      fi ;;
    index)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--rebuild --json --system --private --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$word")
      fi ;;
    accounting)
      case $previous in
        --memory-threshold|-m|--memory-threshold=) :; return ;;
        --cpu-threshold|-t|--cpu-threshold=) :; return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--memory-threshold --cpu-threshold --json --system --private --help' -- "$word")
      else
        case " ${words[*]:2:last-2} " in
          *" on "*|*" off "*) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'csa mem io delay memt time job wkmg tape site1 site2' -- "$word") ;;
          *) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W 'status on off switch record' -- "$word") ;;
        esac
      fi ;;
    archive)
      case $previous in
        --keep-for|--keep-for=) :; return ;;
        --keep-size|--keep-size=) :; return ;;
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--keep-for --keep-size --dry-run --json --help' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$word")
      fi ;;
    doctor)
      case $previous in
      esac
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--limits --json --help' -- "$word")
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
    ja)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-a -c -D -d -e -f -g -h -J -j -l -M -m -n -o -p -r -s -t -u' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csacom)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-A -C -E -G -H -I -J -L -M -N -O -P -S -T -U -V -W -X -Y -Z -b -c -e -f -g -h -i -j -k -m -n -o -p -r -s -t -u -v -w' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csabuild)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-a -A -D -i -n -o -P -s -t' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csarecy)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-A -D -P -R -r -s' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csacon)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-A -D -g -j -p -s -u' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csaaddc)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-A -D -g -j -o -p -t -u -v' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csacms)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-A -a -c -e -j -n -o -p -S -s' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csacrep)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-b -c -d -f -g -h -J -j -n -P -p -u -V -w -x' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csachargefee)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csagetconfig)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csajrep)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-A -B -b -c -e -F -h -J -j -L -N -p -q -r -S -s -T -t -u -V -w -x -Z' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csadrep)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-A -a -D -j -N -n -o -s -t -V' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csaverify)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-P -o -m -v -D' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csaedit)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-A -b -m -o -P -r -t -v -x' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csarun)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-A -V' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csaperiod)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-e -r -s' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csaswitch)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-c -D -m -n -P -t' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    csackpacct)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    lastlogin)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-c -w' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    dodisk)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-q' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    acctdusg)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-p -u' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    acctdisk)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
    nulladm)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
  esac
}

# Called by a published command's own name.
_corral_link() {
  local COMP_WORDS=(corral "${COMP_WORDS[0]##*/}" "${COMP_WORDS[@]:1}")
  local COMP_CWORD=$((COMP_CWORD + 1)) COMP_LINE="corral $COMP_LINE"
  _corral
}

_corral_jid() {
  local jids
  jids=$(corral ps --no-header 2>/dev/null | while read -r jid _; do echo "$jid"; done)
  mapfile -t COMPREPLY < <(compgen -W "$jids" -- "${COMP_WORDS[COMP_CWORD]}")
}

complete -F _corral corral
complete -F _corral_jid jattach jdetach jkill jlimit jstat jwait
complete -F _corral_link ja csacom csabuild csarecy csacon csaaddc csacms csacrep csachargefee csagetconfig csajrep csadrep csaverify csaedit csarun csaperiod csaswitch csackpacct lastlogin dodisk acctdusg acctdisk nulladm
