# fish completion for corral(1).
# Generated from the command table by 'corral --dump-completion fish'.

function __corral_jobs
    corral ps --all --no-header 2>/dev/null | while read -l jid name rest
        echo $jid
        test "$name" = -; or echo $name
    end
    echo self
end

complete -c corral -f

complete -c corral -n __fish_use_subcommand -a run -d 'Run a program as a job'
complete -c corral -n '__fish_seen_subcommand_from run' -l detach -s d -d 'Run it in the background, away from this terminal, and print its jid'
complete -c corral -n '__fish_seen_subcommand_from run' -l name -s n -x -d 'Name the job; no other live job of yours may have the name'
complete -c corral -n '__fish_seen_subcommand_from run' -l env -s e -x -d 'Set a variable of the program'\''s environment'
complete -c corral -n '__fish_seen_subcommand_from run' -l cwd -s C -x -a '(__fish_complete_directories)' -d 'Start the program in this directory'
complete -c corral -n '__fish_seen_subcommand_from run' -l user -s u -x -a '(__fish_complete_users)' -d 'Run it as this user (needs the right to become that user)'
complete -c corral -n '__fish_seen_subcommand_from run' -l report -s r -d 'Print a report on standard error when the job has ended'
complete -c corral -n '__fish_seen_subcommand_from run' -l engine -x -a 'cgroup2 subreaper' -d 'Contain the job by this engine'
complete -c corral -n '__fish_seen_subcommand_from run' -l grace -s g -x -d 'How long processes may take to end when they are asked to'
complete -c corral -n '__fish_seen_subcommand_from run' -l signal -s s -x -a 'HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH' -d 'The signal that asks processes to end'
complete -c corral -n '__fish_seen_subcommand_from run' -l linger -d 'Let the job live until its last process has ended by itself'
complete -c corral -n '__fish_seen_subcommand_from run' -l kill-stragglers -d 'Kill at once what the main process leaves behind'
complete -c corral -n '__fish_seen_subcommand_from run' -l limit -s l -x -a 'wall=' -d 'End the job when it passes this limit'
complete -c corral -n '__fish_seen_subcommand_from run' -l json -s j -d 'With --detach, print JSON'
complete -c corral -n '__fish_seen_subcommand_from run' -l system -d 'Ask the system instance only'
complete -c corral -n '__fish_seen_subcommand_from run' -l private -d 'Ask your private instance only'
complete -c corral -n '__fish_seen_subcommand_from run' -l help -s h -d 'Show this help and exit'
complete -c corral -n '__fish_seen_subcommand_from run' -x -a '(__fish_complete_subcommand --fcs-skip=2)'

complete -c corral -n __fish_use_subcommand -a ps -d 'List jobs'
complete -c corral -n '__fish_seen_subcommand_from ps' -l all -s a -d 'Show ended jobs too'
complete -c corral -n '__fish_seen_subcommand_from ps' -l mine -s m -d 'Show your own jobs only'
complete -c corral -n '__fish_seen_subcommand_from ps' -l no-header -d 'Leave the column titles out'
complete -c corral -n '__fish_seen_subcommand_from ps' -l json -s j -d 'Print facts as JSON'
complete -c corral -n '__fish_seen_subcommand_from ps' -l system -d 'Ask the system instance only'
complete -c corral -n '__fish_seen_subcommand_from ps' -l private -d 'Ask your private instance only'
complete -c corral -n '__fish_seen_subcommand_from ps' -l help -s h -d 'Show this help and exit'

complete -c corral -n __fish_use_subcommand -a tree -d 'Show jobs with their processes'
complete -c corral -n '__fish_seen_subcommand_from tree' -l json -s j -d 'Print facts as JSON'
complete -c corral -n '__fish_seen_subcommand_from tree' -l system -d 'Ask the system instance only'
complete -c corral -n '__fish_seen_subcommand_from tree' -l private -d 'Ask your private instance only'
complete -c corral -n '__fish_seen_subcommand_from tree' -l help -s h -d 'Show this help and exit'
complete -c corral -n '__fish_seen_subcommand_from tree' -x -a '(__corral_jobs)'

complete -c corral -n __fish_use_subcommand -a show -d 'Show all facts of a job'
complete -c corral -n '__fish_seen_subcommand_from show' -l pid -s p -d 'The words are process ids: show the jobs that these processes are in'
complete -c corral -n '__fish_seen_subcommand_from show' -l json -s j -d 'Print facts as JSON'
complete -c corral -n '__fish_seen_subcommand_from show' -l system -d 'Ask the system instance only'
complete -c corral -n '__fish_seen_subcommand_from show' -l private -d 'Ask your private instance only'
complete -c corral -n '__fish_seen_subcommand_from show' -l help -s h -d 'Show this help and exit'
complete -c corral -n '__fish_seen_subcommand_from show' -x -a '(__corral_jobs)'

complete -c corral -n __fish_use_subcommand -a log -d 'Show the output of a detached job'
complete -c corral -n '__fish_seen_subcommand_from log' -l follow -s f -d 'Go on with what is written until the job has ended'
complete -c corral -n '__fish_seen_subcommand_from log' -l system -d 'Ask the system instance only'
complete -c corral -n '__fish_seen_subcommand_from log' -l private -d 'Ask your private instance only'
complete -c corral -n '__fish_seen_subcommand_from log' -l help -s h -d 'Show this help and exit'
complete -c corral -n '__fish_seen_subcommand_from log' -x -a '(__corral_jobs)'

complete -c corral -n __fish_use_subcommand -a wait -d 'Wait for jobs to end'
complete -c corral -n '__fish_seen_subcommand_from wait' -l report -s r -d 'Print a report on standard error when a job has ended'
complete -c corral -n '__fish_seen_subcommand_from wait' -l quiet -s q -d 'Show no status line on a terminal'
complete -c corral -n '__fish_seen_subcommand_from wait' -l json -s j -d 'Print facts as JSON'
complete -c corral -n '__fish_seen_subcommand_from wait' -l system -d 'Ask the system instance only'
complete -c corral -n '__fish_seen_subcommand_from wait' -l private -d 'Ask your private instance only'
complete -c corral -n '__fish_seen_subcommand_from wait' -l help -s h -d 'Show this help and exit'
complete -c corral -n '__fish_seen_subcommand_from wait' -x -a '(__corral_jobs)'

complete -c corral -n __fish_use_subcommand -a freeze -d 'Let no process of a job run'
complete -c corral -n '__fish_seen_subcommand_from freeze' -l system -d 'Ask the system instance only'
complete -c corral -n '__fish_seen_subcommand_from freeze' -l private -d 'Ask your private instance only'
complete -c corral -n '__fish_seen_subcommand_from freeze' -l help -s h -d 'Show this help and exit'
complete -c corral -n '__fish_seen_subcommand_from freeze' -x -a '(__corral_jobs)'

complete -c corral -n __fish_use_subcommand -a thaw -d 'Let frozen jobs run again'
complete -c corral -n '__fish_seen_subcommand_from thaw' -l system -d 'Ask the system instance only'
complete -c corral -n '__fish_seen_subcommand_from thaw' -l private -d 'Ask your private instance only'
complete -c corral -n '__fish_seen_subcommand_from thaw' -l help -s h -d 'Show this help and exit'
complete -c corral -n '__fish_seen_subcommand_from thaw' -x -a '(__corral_jobs)'

complete -c corral -n __fish_use_subcommand -a kill -d 'End jobs, or signal them'
complete -c corral -n '__fish_seen_subcommand_from kill' -l signal -s s -x -a 'HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH' -d 'Send this signal to every process, and nothing else'
complete -c corral -n '__fish_seen_subcommand_from kill' -l main -d 'With --signal: to the main process only'
complete -c corral -n '__fish_seen_subcommand_from kill' -l grace -s g -x -d 'Wait so long between asking and killing; 0 kills at once'
complete -c corral -n '__fish_seen_subcommand_from kill' -l wait -s w -d 'Return when nothing of the job lives'
complete -c corral -n '__fish_seen_subcommand_from kill' -l no-wait -d 'Return when it was asked for'
complete -c corral -n '__fish_seen_subcommand_from kill' -l system -d 'Ask the system instance only'
complete -c corral -n '__fish_seen_subcommand_from kill' -l private -d 'Ask your private instance only'
complete -c corral -n '__fish_seen_subcommand_from kill' -l help -s h -d 'Show this help and exit'
complete -c corral -n '__fish_seen_subcommand_from kill' -x -a '(__corral_jobs)'

complete -c corral -n __fish_use_subcommand -a records -d 'Print an accounting file'
complete -c corral -n '__fish_seen_subcommand_from records' -l json -s j -d 'Print facts as JSON'
complete -c corral -n '__fish_seen_subcommand_from records' -l help -s h -d 'Show this help and exit'
complete -c corral -n '__fish_seen_subcommand_from records' -r -F

complete -c corral -n __fish_use_subcommand -a doctor -d 'Tell what works here and what does not'
complete -c corral -n '__fish_seen_subcommand_from doctor' -l json -s j -d 'Print facts as JSON'
complete -c corral -n '__fish_seen_subcommand_from doctor' -l help -s h -d 'Show this help and exit'

complete -c corral -n __fish_use_subcommand -a daemon-reexec -d 'Restart an instance in place'
complete -c corral -n '__fish_seen_subcommand_from daemon-reexec' -l system -d 'Ask the system instance only'
complete -c corral -n '__fish_seen_subcommand_from daemon-reexec' -l private -d 'Ask your private instance only'
complete -c corral -n '__fish_seen_subcommand_from daemon-reexec' -l help -s h -d 'Show this help and exit'
