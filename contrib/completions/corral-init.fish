# fish completion for corral-init(8). It asks the program itself: each line of 'corral-init --help' is an option and what it expects.

for line in (corral-init --help 2>/dev/null | string match -r '^  --.*')
    set -l name (string match -r -- '--([a-z-]+)' $line)[2]
    set -l expects (string replace -r '^  --[a-z-]+ *' '' -- $line | string replace -r ' *\[\*\]$' '')
    if test -z "$expects"
        complete -c corral-init -l $name
    else if string match -q '*director*' -- $expects
        complete -c corral-init -l $name -x -d $expects -a '(__fish_complete_directories)'
    else if string match -q '*file*' -- $expects
        complete -c corral-init -l $name -r -F -d $expects
    else if string match -qr '^[a-z0-9]+(, [a-z0-9]+)* or [a-z0-9]+$' -- $expects
        complete -c corral-init -l $name -x -d $expects -a (string replace ' or ' ' ' -- $expects | string replace -a ', ' ' ')
    else
        complete -c corral-init -l $name -x -d $expects
    end
end
complete -c corral-init -n 'not __fish_seen_argument -l health' -a '(__fish_complete_subcommand)'
