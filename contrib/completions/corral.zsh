#compdef corral ja csacom csabuild csarecy csacon csaaddc csacms csacrep csachargefee csagetconfig csajrep csadrep csaverify csaedit csarun csaperiod csaswitch csackpacct lastlogin dodisk acctdusg acctdisk nulladm jattach jdetach jkill jlimit jstat jwait
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

_corral_jid() {
  local -a jids
  local jid rest
  corral ps --no-header 2>/dev/null | while read -r jid rest; do
    jids+=("$jid")
  done
  compadd -- $jids
}

_corral() {
  case $service in
    jattach|jdetach|jkill|jlimit|jstat|jwait) _corral_jid; return ;;
    corral) ;;
    *) words=(corral $service "${(@)words[2,-1]}"); ((CURRENT++)) ;;
  esac
  local -a commands
  commands=(
    'run:Run a program as a job'
    'ps:List jobs'
    'tree:Show jobs with their processes'
    'top:Watch what jobs use'
    'events:Follow what happens to jobs'
    'show:Show all facts of a job'
    'log:Show the output of a detached job'
    'wait:Wait for jobs to end'
    'limit:Show or change the limits of a job, or explain the site'\''s'
    'attach:Make processes that exist already members of a job'
    'detach:Take processes out of their jobs'
    'session:Open, close or show login sessions'
    'freeze:Let no process of a job run'
    'thaw:Let frozen jobs run again'
    'kill:End jobs, or signal them'
    'records:Print an accounting file'
    'report:Sum up what jobs used, or tell all of one'
    'index:Make reports of many accounting files fast'
    'accounting:Show and change what is recorded'
    'archive:Pack closed accounting files, and remove old ones'
    'doctor:Tell what works here and what does not'
    'daemon-reexec:Restart an instance in place'
    'ja:Account for the commands of your job, and report on them'
    'csacom:Show the processes in accounting files'
    'csabuild:Sort accounting files by boot and job'
    'csarecy:Put jobs that go on back for the next run'
    'csacon:Consolidate a sorted file by user and project'
    'csaaddc:Add consolidated files'
    'csacms:Summarise accounting files by command'
    'csacrep:Print consolidated records'
    'csachargefee:Charge a fee to a user'
    'csagetconfig:Print a value of csa.conf'
    'csajrep:Report the jobs of a sorted file'
    'csadrep:Report batch and interactive use'
    'csaverify:Find what is damaged in an accounting file'
    'csaedit:Cut records out of an accounting file, or print it'
    'csarun:Do the accounting of a day'
    'csaperiod:Do the accounting of a period'
    'csaswitch:Switch the accounting file, turn kinds of records on and off'
    'csackpacct:Keep accounting file and disk from becoming full'
    'lastlogin:Keep the day on which each user was there last'
    'dodisk:Account for disk use by user'
    'acctdusg:Disk use by user of files that are named'
    'acctdisk:Make consolidated records of disk use'
    'nulladm:Make empty accounting files'
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
        '--array[With --detach\: run it once for each of these indices, as an array of jobs (ARRAYS)]:INDICES: ' \
        '--name[Name the job; no other live job of yours may have the name]:NAME: ' \
        '-n[Name the job; no other live job of yours may have the name]:NAME: ' \
        '*--tag[Put a tag on the job, to find it by (ps --tag)]:TAG: ' \
        '*-t[Put a tag on the job, to find it by (ps --tag)]:TAG: ' \
        '--project[Charge the job to this project (PROJECTS)]:WORD: ' \
        '-P[Charge the job to this project (PROJECTS)]:WORD: ' \
        '--account[And to this account of the project]:WORD: ' \
        '-A[And to this account of the project]:WORD: ' \
        '--jid[With --detach\: the job'\''s id, above all that there were or passed over before; for root, the instance'\''s own user and the site'\''s schedulers]:JID: ' \
        '--with-caller[With --detach\: end the job when the process that called corral ends]' \
        '*--env[Set a variable of the program'\''s environment]:NAME=VALUE: ' \
        '*-e[Set a variable of the program'\''s environment]:NAME=VALUE: ' \
        '--cwd[Start the program in this directory]:DIR:_files -/' \
        '-C[Start the program in this directory]:DIR:_files -/' \
        '--user[Run it as this user (needs the right to become that user)]:USER:_users' \
        '-u[Run it as this user (needs the right to become that user)]:USER:_users' \
        '--report=-[Print a report on standard error when the job has ended]::FORMAT:(text json)' \
        '-r[Print a report on standard error when the job has ended]::FORMAT:(text json)' \
        '--engine[Contain the job by this engine]:ENGINE:(cgroup2 subreaper pidns cgroup2+pidns)' \
        '--grace[How long processes may take to end when they are asked to]:DURATION: ' \
        '-g[How long processes may take to end when they are asked to]:DURATION: ' \
        '--signal[The signal that asks processes to end]:SIGNAL:(HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH)' \
        '-s[The signal that asks processes to end]:SIGNAL:(HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH)' \
        '--linger[Let the job live until its last process has ended by itself]' \
        '--kill-stragglers[Kill at once what the main process leaves behind]' \
        '*--limit[Hold the job to these limits, as in cpu=1h\:2h/signal=USR1 (LIMITS)\: over time or memory it is ended, over others its calls fail]:LIMITS:(wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=)' \
        '*-l[Hold the job to these limits, as in cpu=1h\:2h/signal=USR1 (LIMITS)\: over time or memory it is ended, over others its calls fail]:LIMITS:(wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=)' \
        '--accept-less[Take a limit that cannot hold for the whole job as far as it holds, instead of refusing it]' \
        '--parent[Nest the job in this one\: it ends with it, and is bound by its limits]:JOB:_corral_jobs' \
        '--delegate[Leave the job'\''s cgroup to its user\: for what makes cgroups itself (DELEGATION)]' \
        '--domain[Whose limits of the site'\''s hold (limits.toml(5)); may who may use --jid]:NAME: ' \
        '--began[When the job began that goes on in this one from a checkpoint\: its start is accounted as a restart]:TIME: ' \
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
        '--array[Show this array and its members only]:JOB:_corral_jobs' \
        '*--tag[Show jobs with this tag only\: KEY=VALUE, or KEY with any value]:TAG: ' \
        '*-t[Show jobs with this tag only\: KEY=VALUE, or KEY with any value]:TAG: ' \
        '--project[Show jobs that are charged to this project only]:WORD: ' \
        '-P[Show jobs that are charged to this project only]:WORD: ' \
        '--account[Show jobs that are charged to this account only]:WORD: ' \
        '-A[Show jobs that are charged to this account only]:WORD: ' \
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
    top)
      _arguments -s -S \
        '--delay[Look again after this time]:DURATION: ' \
        '-d[Look again after this time]:DURATION: ' \
        '--times[Print so many tables instead of taking the terminal]:N: ' \
        '-n[Print so many tables instead of taking the terminal]:N: ' \
        '--once[Print one table\: percentages are since the jobs'\'' starts]' \
        '-1[Print one table\: percentages are since the jobs'\'' starts]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        && return ;;
    events)
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
        '--pid[The words are process ids\: show what these processes are in their jobs, and the jobs]' \
        '-p[The words are process ids\: show what these processes are in their jobs, and the jobs]' \
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
        '--timeout[Wait no longer than that, for all of them]:DURATION: ' \
        '-t[Wait no longer than that, for all of them]:DURATION: ' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:_corral_jobs' && return ;;
    limit)
      _arguments -s -S \
        '*--limit[Set this limit, or take it away (NAME=none)]:LIMITS:(wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=)' \
        '*-l[Set this limit, or take it away (NAME=none)]:LIMITS:(wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=)' \
        '--accept-less[Take a limit that cannot hold for the whole job as far as it holds, instead of refusing it]' \
        '--project[With '\''explain'\''\: the limits of a job that is charged to it, if corral.toml lists it]:WORD: ' \
        '-P[With '\''explain'\''\: the limits of a job that is charged to it, if corral.toml lists it]:WORD: ' \
        '--site[With '\''explain'\''\: read the site'\''s limits here]:FILE:_files' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:{ if ((${words[(I)(explain)]})); then _users; else _corral_jobs; fi }' && return ;;
    attach)
      _arguments -s -S \
        '--new[Make a new job of the processes, and print its jid\: every word is a process]' \
        '--mode[move\: a process that is in no job; nested\: one of the job around it, in which it stays; logical\: one that is followed where it is, not moved; transfer\: one of another job, which it leaves]:MODE:(move nested logical transfer)' \
        '-m[move\: a process that is in no job; nested\: one of the job around it, in which it stays; logical\: one that is followed where it is, not moved; transfer\: one of another job, which it leaves]:MODE:(move nested logical transfer)' \
        '--name[With --new\: name the job]:NAME: ' \
        '-n[With --new\: name the job]:NAME: ' \
        '--parent[With --new\: nest the job in this one]:JOB:_corral_jobs' \
        '*--limit[With --new\: hold the job to these limits]:LIMITS:(wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=)' \
        '*-l[With --new\: hold the job to these limits]:LIMITS:(wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=)' \
        '--accept-less[Take a limit that cannot hold for the whole job as far as it holds, instead of refusing it]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:PROCESS: ' && return ;;
    detach)
      _arguments -s -S \
        '--job[The words are jobs\: take all of their processes out, so that they end]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:PROCESS: ' && return ;;
    session)
      _arguments -s -S \
        '--user[With '\''open'\''\: whose session it is; needed]:USER:_users' \
        '-u[With '\''open'\''\: whose session it is; needed]:USER:_users' \
        '--leader[With '\''open'\''\: the service'\''s process, whose later children are the session]:N: ' \
        '--service[With '\''open'\''\: the service, as PAM calls it; it chooses the domain]:NAME: ' \
        '-s[With '\''open'\''\: the service, as PAM calls it; it chooses the domain]:NAME: ' \
        '--domain[With '\''open'\''\: the site'\''s word for its kind (limits.toml(5))]:NAME: ' \
        '--project[With '\''open'\''\: charge it to this project]:WORD: ' \
        '--account[With '\''open'\''\: and to this account of the project]:WORD: ' \
        '--nest[With '\''open'\'' within an open session\: keep that one, or nest a new one]:HOW:(keep new)' \
        '--mode[With '\''open'\''\: move the leader into the session'\''s container, or (logical) follow it where systemd-logind has it]:MODE:(move nested logical transfer)' \
        '-m[With '\''open'\''\: move the leader into the session'\''s container, or (logical) follow it where systemd-logind has it]:MODE:(move nested logical transfer)' \
        '--stragglers[With '\''open'\''\: who is left when it is closed stays, is asked to end, or is killed]:HOW:(linger end kill)' \
        '--grace[With '\''open'\''\: how long processes may take to end when they are asked to]:DURATION: ' \
        '-g[With '\''open'\''\: how long processes may take to end when they are asked to]:DURATION: ' \
        '*--limit[With '\''open'\''\: hold it to these limits]:LIMITS:(wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=)' \
        '*-l[With '\''open'\''\: hold it to these limits]:LIMITS:(wall= cpu= memory= processes= files= virtual= threads= file-size= core= locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=)' \
        '--accept-less[Take a limit that cannot hold for the whole job as far as it holds, instead of refusing it]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:WORD:{ if ((${words[(I)(close|show)]})); then _corral_jobs; else compadd open close show; fi }' && return ;;
    freeze)
      _arguments -s -S \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:_corral_jobs' && return ;;
    thaw)
      _arguments -s -S \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:_corral_jobs' && return ;;
    kill)
      _arguments -s -S \
        '--project[Instead of naming jobs\: your jobs that are charged to this project; root\: everybody'\''s]:WORD: ' \
        '-P[Instead of naming jobs\: your jobs that are charged to this project; root\: everybody'\''s]:WORD: ' \
        '--account[The same of an account; with both\: of this account of that project]:WORD: ' \
        '-A[The same of an account; with both\: of this account of that project]:WORD: ' \
        '*--tag[The same of jobs with this tag\: KEY=VALUE, or KEY with any value]:TAG: ' \
        '*-t[The same of jobs with this tag\: KEY=VALUE, or KEY with any value]:TAG: ' \
        '--signal[Send this signal to every process, and nothing else; 0 sends none and tells only whether one could be sent. -HUP and -1 mean -s HUP]:SIGNAL:(HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH)' \
        '-s[Send this signal to every process, and nothing else; 0 sends none and tells only whether one could be sent. -HUP and -1 mean -s HUP]:SIGNAL:(HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH)' \
        '--main[With --signal\: to the main process only]' \
        '--group[With --signal\: to the processes of this process group of the job only]:N: ' \
        '--grace[Wait so long between asking and killing; 0 kills at once]:DURATION: ' \
        '-g[Wait so long between asking and killing; 0 kills at once]:DURATION: ' \
        '--wait[Return when nothing of the job lives]' \
        '-w[Return when nothing of the job lives]' \
        '--no-wait[Return when it was asked for]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:JOB:_corral_jobs' && return ;;
    records)
      _arguments -s -S \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:FILE:_files' && return ;;
    report)
      _arguments -s -S \
        '--by[What to sum up by]:KEY:(job user group project account command node day hour)' \
        '-b[What to sum up by]:KEY:(job user group project account command node day hour)' \
        '--user[Only jobs of this user]:USER:_users' \
        '-u[Only jobs of this user]:USER:_users' \
        '--since[Only what ended on this day or later]:YYYY-MM-DD: ' \
        '--until[Only what ended before this day]:YYYY-MM-DD: ' \
        '--units[Also system billing units, by csa.conf]' \
        '--csv[Print CSV]' \
        '--openmetrics[Print the text format of OpenMetrics 1.0, for Prometheus]' \
        '--http[Answer one HTTP request on standard input and output]' \
        '--html[Write one page with pictures to this file]:FILE:_files' \
        '--output[Write to this file, which is replaced when all is written]:FILE:_files' \
        '-o[Write to this file, which is replaced when all is written]:FILE:_files' \
        '--no-header[Leave the column titles out]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:FILE:_files' && return ;;
    index)
      _arguments -s -S \
        '--rebuild[Make it anew]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:FILE:_files' && return ;;
    accounting)
      _arguments -s -S \
        '--memory-threshold[With '\''on'\''\: processes whose most address space is less have no record]:SIZE: ' \
        '-m[With '\''on'\''\: processes whose most address space is less have no record]:SIZE: ' \
        '--cpu-threshold[With '\''on'\''\: likewise processes that used less processor time]:DURATION: ' \
        '-t[With '\''on'\''\: likewise processes that used less processor time]:DURATION: ' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--system[Ask the system instance only]' \
        '--private[Ask your private instance only]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:WORD:{ if ((${words[(I)(on|off)]})); then compadd csa mem io delay memt time job wkmg tape site1 site2; else compadd status on off switch record; fi }' && return ;;
    archive)
      _arguments -s -S \
        '--keep-for[Remove files whose last record is older]:DURATION: ' \
        '--keep-size[Remove the oldest while all together are larger]:SIZE: ' \
        '--dry-run[Only tell what would be done]' \
        '-n[Only tell what would be done]' \
        '--json[Print facts as JSON]' \
        '-j[Print facts as JSON]' \
        '--help[Show this help and exit]' \
        '-h[Show this help and exit]' \
        '*:FILE:_files' && return ;;
    doctor)
      _arguments -s -S \
        '--limits[Tell for each engine and limit whether it is enforced here]' \
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
    ja)
      _arguments -s -S \
        '-a[Only this array session, in hexadecimal]:SESSION:_files' \
        '-c[Report each command]' \
        '-D[A level, 1 to 4\: no more is told]:LEVEL:_files' \
        '-d[Report daemons]' \
        '-e[Extend the summary; with -s]' \
        '-f[Report which command started which]' \
        '-g[Only this group, by name or number]:GROUP:_files' \
        '-h[Show high-water marks; with -c and -l]' \
        '-J[Show jobs, and how many records of each kind there are]' \
        '-j[Only this job, in hexadecimal]:JID:_files' \
        '-l[Show more columns; with -c or -f]' \
        '-M[Only between marks\: m1, m1\:, m1\:m2, \:m2, '\''.'\'' the last]:MARKS:_files' \
        '-m[Print the mark at the end of the file, and start]' \
        '-n[Only commands that match one of these expressions]:NAMES:_files' \
        '-o[Report each command, with other columns]' \
        '-p[Only this project, by number]:PROJECT:_files' \
        '-r[Leave out the headings]' \
        '-s[Report the sum of all commands]' \
        '-t[Stop]' \
        '-u[Only this user, by name or number]:USER:_files' \
        '*:FILE:_files' && return ;;
    csacom)
      _arguments -s -S \
        '-A[Show array session handles]' \
        '-C[Only processes with more CPU time]:SECONDS:_files' \
        '-E[Only what ended at or before \[Ddd\:\]hh\[\:mm\[\:ss\]\]]:TIME:_files' \
        '-G[Show group ids]' \
        '-H[Only processes with a larger hog factor]:FACTOR:_files' \
        '-I[Only processes that transferred at least so many bytes]:CHARS:_files' \
        '-J[Show job ids]' \
        '-L[Show configuration changes too]' \
        '-M[Show high-water marks and page faults]' \
        '-N[Show nice values and scheduling disciplines]' \
        '-O[Only processes with more system CPU time]:SECONDS:_files' \
        '-P[Show project ids]' \
        '-S[Only what started at or after]:TIME:_files' \
        '-T[Show starts and ends of jobs instead of processes]' \
        '-U[Show user ids as numbers]' \
        '-V[Show one sum where -c, -i or -w show several columns]' \
        '-W[Show only on which days the records are]' \
        '-X[Show the day of each start]' \
        '-Y[Show the day of each end]' \
        '-Z[Leave out the first columns]' \
        '-b[Read from the end of the file to its begin]' \
        '-c[Show logical reads and writes]' \
        '-e[Only what existed at or before]:TIME:_files' \
        '-f[Show the flags, in hexadecimal, and the exit status]' \
        '-g[Only processes of this group, by name or number]:GROUP:_files' \
        '-h[Show the hog factor\: CPU time by elapsed time]' \
        '-i[Show characters read and written]' \
        '-j[Only this job, in hexadecimal]:JID:_files' \
        '-k[Show memory as kcore minutes]' \
        '-m[Show mean memory sizes; without other columns this holds]' \
        '-n[Only commands with this text in their names]:PATTERN:_files' \
        '-o[Write the records selected to a file instead]:FILE:_files' \
        '-p[Show process ids]' \
        '-r[Show the CPU factor\: user by all CPU time]' \
        '-s[Only what existed at or after]:TIME:_files' \
        '-t[Show system and user time apart, and run times]' \
        '-u[Only this user\: name, number, # (privileged), ? (unknown)]:USER:_files' \
        '-v[Leave out the headings]' \
        '-w[Show delays; twice\: with their counts]' \
        '*:FILE:_files' && return ;;
    csabuild)
      _arguments -s -S \
        '-a[Jobs of an earlier boot without an end go on]' \
        '-A[Stop at the first error]' \
        '-D[A level, 1 to 9\: no more is told]:LEVEL:_files' \
        '-i[Pass over records that are wrong]' \
        '-n[Leave the jobs of one batch request apart]' \
        '-o[Jobs that are older have ended]:DAYS:_files' \
        '-P[The files PREFIX0, PREFIX1, ... (/var/csa/work/Wpacct)]:PREFIX:_files' \
        '-s[The sorted file to write (default\: /var/csa/work/spacct)]:FILE:_files' \
        '-t[Say what processor time it took]' \
        '*:FILE:_files' && return ;;
    csarecy)
      _arguments -s -S \
        '-A[Ask for each job whether to keep it]' \
        '-D[A level, 1 or 2\: no more is told]:LEVEL:_files' \
        '-P[Write to PREFIX0 (default\: /var/csa/work/Wpacct)]:PREFIX:_files' \
        '-R[Only report which jobs go on]' \
        '-r[Report which jobs go on]' \
        '-s[The sorted file (default\: /var/csa/work/spacct)]:FILE:_files' \
        '*:FILE:_files' && return ;;
    csacon)
      _arguments -s -S \
        '-A[All jobs, also those that go on]' \
        '-D[A level, 0 to 6\: no more is told]:LEVEL:_files' \
        '-g[A record for each group; with another key]' \
        '-j[A record for each job]' \
        '-p[A record for each project; -p and -u without other keys]' \
        '-s[The sorted file (default\: /var/csa/work/spacct)]:FILE:_files' \
        '-u[A record for each user]' \
        '*:FILE:_files' && return ;;
    csaaddc)
      _arguments -s -S \
        '-A[Write text]' \
        '-D[A level, 0 to 2\: no more is told]:LEVEL:_files' \
        '-g[A record for each group; with another key]' \
        '-j[Keep each record]' \
        '-o[Write to this file]:FILE:_files' \
        '-p[A record for each project; -p and -u without other keys]' \
        '-t[One record for all]' \
        '-u[A record for each user]' \
        '-v[Write text with more digits; with -A]' \
        '*:FILE:_files' && return ;;
    csacms)
      _arguments -s -S \
        '-A[All jobs, also those that go on; with -S]' \
        '-a[Print a table instead of writing summaries]' \
        '-c[Sort by CPU time instead of kcore minutes]' \
        '-e[Show more columns; with -a]' \
        '-j[Put commands that ran once together as ***other]' \
        '-n[Sort by the number of processes]' \
        '-o[Show non-prime time only; with -a]' \
        '-p[Show prime time only; with -a]' \
        '-S[The files are sorted files]' \
        '-s[The files are summaries that this command wrote]' \
        '*:FILE:_files' && return ;;
    csacrep)
      _arguments -s -S \
        '-b[Show fees and system billing units]' \
        '-c[Show CPU time and memory]' \
        '-d[Show disk usage]' \
        '-f[Show everything, not in columns]' \
        '-g[Show groups]' \
        '-h[Show headings]' \
        '-J[Show job ids]' \
        '-j[Show numbers of processes and jobs]' \
        '-n[Show prime and non-prime time apart]' \
        '-P[Show project ids instead of names]' \
        '-p[Sort by project]' \
        '-u[Sort by user]' \
        '-V[Show page faults]' \
        '-w[Show delays]' \
        '-x[Show characters and logical requests]' \
        '*:FILE:_files' && return ;;
    csachargefee)
      _arguments -s -S \
        '*:FILE:_files' && return ;;
    csagetconfig)
      _arguments -s -S \
        '*:FILE:_files' && return ;;
    csajrep)
      _arguments -s -S \
        '-A[All jobs, also those that go on]' \
        '-B[Show when each process began]' \
        '-b[Show system billing units]' \
        '-c[Show CPU and run times]' \
        '-e[Only the records selected, not the whole job]' \
        '-F[Every record]' \
        '-h[Leave out the headings]' \
        '-J[Show job ids]' \
        '-j[Only this job, in hexadecimal]:JID:_files' \
        '-L[A form feed behind each job]' \
        '-N[Report what each run of a batch request used; with -A, -s only]' \
        '-p[Only jobs with this project]:PROJECT:_files' \
        '-q[Show queue waits and types]' \
        '-r[Only jobs of this batch request]:REQUEST:_files' \
        '-S[Show array session handles]' \
        '-s[The sorted file (default\: /var/csa/work/spacct)]:FILE:_files' \
        '-T[Show only the sums of each job]' \
        '-t[Show the sums of each job too]' \
        '-u[Only jobs of this user, by name or number]:USER:_files' \
        '-V[Show page swaps and faults]' \
        '-w[Show delays and high-water marks]' \
        '-x[Show characters and logical requests]' \
        '-Z[Leave out job 0]' \
        '*:FILE:_files' && return ;;
    csadrep)
      _arguments -s -S \
        '-A[All jobs, also those that go on]' \
        '-a[All reports]' \
        '-D[A level, 0 to 2\: no more is told]:LEVEL:_files' \
        '-j[Report interactive and batch jobs; without -n this holds]' \
        '-N[Write no text; with -o]' \
        '-n[Report batch queues]' \
        '-o[Write what was summed up to a file]:FILE:_files' \
        '-s[The sorted file (default\: /var/csa/work/spacct)]:FILE:_files' \
        '-t[Refused, as published]' \
        '-V[How much to say about queues, 0 to 4]:LEVEL:_files' \
        '*:FILE:_files' && return ;;
    csaverify)
      _arguments -s -S \
        '-P[The file (default\: /var/csa/work/Wpacct)]:FILE:_files' \
        '-o[Write the byte ranges of damage for csaedit -b]:FILE:_files' \
        '-m[Stop at so many damages, with exit code 2]:COUNT:_files' \
        '-v[Say how many records are good]' \
        '-D[Means nothing\: no more is told]' \
        '*:FILE:_files' && return ;;
    csaedit)
      _arguments -s -S \
        '-A[Print the records as text]' \
        '-b[Cut out the byte ranges that csaverify -o wrote]:FILE:_files' \
        '-m[Print high-water marks too]' \
        '-o[Write to this file]:FILE:_files' \
        '-P[The file (default\: /var/csa/work/Wpacct)]:FILE:_files' \
        '-r[Cut out records by their numbers, with commas between]:LIST:_files' \
        '-t[Print times too]' \
        '-v[Say what was found]' \
        '-x[Print what -r would cut out, and change nothing]' \
        '*:FILE:_files' && return ;;
    csarun)
      _arguments -s -S \
        '-A[Report jobs that go on too, and put none back]' \
        '-V[0\: cut damage out, 1\: stop at damage, 2\: do not verify]:LEVEL:_files' \
        '*:FILE:_files' && return ;;
    csaperiod)
      _arguments -s -S \
        '-e[Only what csarun made then or before]:MMDDHHMM:_files' \
        '-r[Remove the daily files when all is done]' \
        '-s[Only what csarun made then or later]:MMDDHHMM:_files' \
        '*:FILE:_files' && return ;;
    csaswitch)
      _arguments -s -S \
        '-c[check, halt, off, on, status or switch]:COMMAND:_files' \
        '-D[A level, 0 to 3\: no more is told]:LEVEL:_files' \
        '-m[With memt\: processes of less address space have no record]:KB:_files' \
        '-n[csa,wkmg,io,mem,delay,memt,time,job,tape,site1,site2\: some of them]:NAMES:_files' \
        '-P[The accounting file, for on]:FILE:_files' \
        '-t[With time\: processes of less CPU time have no record]:SECONDS:_files' \
        '*:FILE:_files' && return ;;
    csackpacct)
      _arguments -s -S \
        '*:FILE:_files' && return ;;
    lastlogin)
      _arguments -s -S \
        '-c[Who has a record in this consolidated file was there today]:FILE:_files' \
        '-w[Take logins from this file, as /var/log/wtmp]:FILE:_files' \
        '*:FILE:_files' && return ;;
    dodisk)
      _arguments -s -S \
        '-q[Ask the file systems'\'' quotas instead (--quota)]' \
        '*:FILE:_files' && return ;;
    acctdusg)
      _arguments -s -S \
        '-p[Users are those of this file, in the form of passwd(5)]:FILE:_files' \
        '-u[Write here what was charged to nobody]:FILE:_files' \
        '*:FILE:_files' && return ;;
    acctdisk)
      _arguments -s -S \
        '*:FILE:_files' && return ;;
    nulladm)
      _arguments -s -S \
        '*:FILE:_files' && return ;;
  esac
}

_corral "$@"
