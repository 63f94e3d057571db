#compdef corral
# zsh completion for corral(1).
# Generated from the command table by 'corral --dump-completion zsh'.

_corral_jobs() {
  local -a jobs
  local jid name rest
  corral ps --all --no-header 2>/dev/null | while read -r jid name rest; do
    jobs+=("$jid")
    [[ $name == - ]] || jobs+=("$name")
  done
  compadd -- $jobs self
}

_corral() {
  local -a commands
  commands=(
    'run:Run a program as a job'
    'ps:List jobs'
    'tree:Show jobs with their processes'
    'show:Show all facts of a job'
    'log:Show the output of a detached job'
    'wait:Wait for jobs to end'
    'freeze:Let no process of a job run'
    'thaw:Let frozen jobs run again'
    'kill:End jobs, or signal them'
    'records:Print an accounting file'
    'doctor:Tell what works here and what does not'
    'daemon-reexec:Restart an instance in place'
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local name=$words[2]
  shift words
  ((CURRENT--))
  case $name in
    run)
      _arguments -s -S \
        '--detach[Run it in the background, away from this terminal, and print its jid]' \
        '-d[Run it in the background, away from this terminal, and print its jid]' \
        '--name[Name the job; no other live job of yours may have the name]:NAME: ' \
        '-n[Name the job; no other live job of yours may have the name]:NAME: ' \
        '*--env[Set a variable of the program'\''s environment]:NAME=VALUE: ' \
        '*-e[Set a variable of the program'\''s environment]:NAME=VALUE: ' \
        '--cwd[Start the program in this directory]:DIR:_files -/' \
        '-C[Start the program in this directory]:DIR:_files -/' \
        '--user[Run it as this user (needs the right to become that user)]:USER:_users' \
        '-u[Run it as this user (needs the right to become that user)]:USER:_users' \
        '--report=-[Print a report on standard error when the job has ended]::FORMAT:(text json)' \
        '-r[Print a report on standard error when the job has ended]::FORMAT:(text json)' \
        '--engine[Contain the job by this engine]:ENGINE:(cgroup2 subreaper)' \
        '--grace[How long processes may take to end when they are asked to]:DURATION: ' \
        '-g[How long processes may take to end when they are asked to]:DURATION: ' \
        '--signal[The signal that asks processes to end]:SIGNAL:(HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH)' \
        '-s[The signal that asks processes to end]:SIGNAL:(HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH)' \
        '--linger[Let the job live until its last process has ended by itself]' \
        '--kill-stragglers[Kill at once what the main process leaves behind]' \
        '*--limit[End the job when it passes this limit]:LIMIT:(wall=)' \
        '*-l[End the job when it passes this limit]:LIMIT:(wall=)' \
        '--json[With --detach, print JSON]' \
        '-j[With --detach, print JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '(-)1:PROGRAM:_command_names -e' '*::ARGUMENTS:_normal' && return ;;
    ps)
      _arguments -s -S \
        '--all[Show ended jobs too]' \
        '-a[Show ended jobs too]' \
        '--mine[Show your own jobs only]' \
        '-m[Show your own jobs only]' \
        '--no-header[Leave the column titles out]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        && return ;;
    tree)
      _arguments -s -S \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:_corral_jobs' && return ;;
    show)
      _arguments -s -S \
        '--pid[The words are process ids\: show the jobs that these processes are in]' \
        '-p[The words are process ids\: show the jobs that these processes are in]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:_corral_jobs' && return ;;
    log)
      _arguments -s -S \
        '--follow[Go on with what is written until the job has ended]' \
        '-f[Go on with what is written until the job has ended]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '1:JOB:_corral_jobs' && return ;;
    wait)
      _arguments -s -S \
        '--report=-[Print a report on standard error when a job has ended]::FORMAT:(text json)' \
        '-r[Print a report on standard error when a job has ended]::FORMAT:(text json)' \
        '--quiet[Show no status line on a terminal]' \
        '-q[Show no status line on a terminal]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:_corral_jobs' && return ;;
    freeze)
      _arguments -s -S \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:_corral_jobs' && return ;;
    thaw)
      _arguments -s -S \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:_corral_jobs' && return ;;
    kill)
      _arguments -s -S \
        '--signal[Send this signal to every process, and nothing else]:SIGNAL:(HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH)' \
        '-s[Send this signal to every process, and nothing else]:SIGNAL:(HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH)' \
        '--main[With --signal\: to the main process only]' \
        '--grace[Wait so long between asking and killing; 0 kills at once]:DURATION: ' \
        '-g[Wait so long between asking and killing; 0 kills at once]:DURATION: ' \
        '--wait[Return when nothing of the job lives]' \
        '-w[Return when nothing of the job lives]' \
        '--no-wait[Return when it was asked for]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:_corral_jobs' && return ;;
    records)
      _arguments -s -S \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '1:FILE:_files' && return ;;
    doctor)
      _arguments -s -S \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        && return ;;
    daemon-reexec)
      _arguments -s -S \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        && return ;;
  esac
}

_corral "$@"
