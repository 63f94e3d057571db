#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# unit.sh [witness]: runs as a service of a virtual machine whose PID 1 is systemd
# (tests/integration/vm_unit.py): Corral's unit is restarted, stopped and killed
# under its jobs, and nothing is lost. As `witness` it is what is stopped after
# the unit when the machine goes down, and looks at what was recorded. See
# checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

unit=corrald.service
scope=/sys/fs/cgroup/system.slice/corrald.scope
pacct=/var/csa/day/pacct
jobs=24   # of the campaign, at least
rounds=5  # of it, one of each kind: at least

circumstances() { journalctl --unit=$unit --output=cat --quiet --no-pager | tail -n 6; }
main_pid() { systemctl show --property MainPID --value $unit; }
reaper() { cat /run/corral/private.lock; }
supervisor() { # the reaper's child of that name, which is no job's
  for stat in /proc/[0-9]*/stat; do
    read -r pid name _ parent _ <"$stat" || continue
    [ "$name $parent" = "(corrald) $(reaper)" ] || continue
    ! grep -q '/instance$' "/proc/$pid/cgroup" || echo "$pid"
  done 2>/dev/null
}
job_of() { corral show --json "$1" | sed 's/.*"jid":"\(0x[0-9a-f]*\)".*/\1/'; }
control() { # NAME FILE: of the job's cgroup
  cat "/sys/fs/cgroup$(corral show --json "$1" | sed 's/.*"container":"\([^"]*\)".*/\1/')/$2"
}
exits_with() { # STATUS COMMAND...
  wanted=$1
  shift
  "$@"
  [ $? -eq "$wanted" ]
}
ends_of() { # JID: how many end records it has, and their exit codes
  corral records --json $pacct | grep '"kind":"end"' | grep -F "\"jid\":\"$1\"" | sed 's/.*"exit_code":\([0-9]*\).*/\1/' | tr '\n' ' '
}
result_of() { # JID: why it ended, by its end record
  corral records --json $pacct | grep '"kind":"end"' | grep -F "\"jid\":\"$1\"" | sed 's/.*"result":"\([^"]*\)".*/\1/'
}
test_end() { [ "$(ends_of "$(cat "/run/$1")")" = "$2" ]; }
has_other_reaper() { [ "$(reaper)" != "$1" ]; }
nobody() { ! pidof "$@"; }
is_told() { corral ps --system --json >/run/answer 2>&1; }
runs_image() { # PID FILE: it is that program, not one that was there before
  [ "$(stat -L -c %i "/proc/$1/exe")" = "$(stat -c %i "$2")" ]
}

# Jobs that are started and end all the time, until there were rounds enough, and somebody waits for each.
start_jobs() {
  number=0
  until [ $number -ge $jobs ] && [ "$(cat /run/rounds)" -ge $rounds ]; do
    number=$((number + 1))
    [ $number -le $jobs ] || sleep 1 # the machine is slow: no more load, and no number beyond 255
    corral run -d --name "c$number" -- sh -c "sleep $((number % 5)); exit $number" >"/run/jids/$number" 2>"/run/errors/$number"
    { corral wait "$(cat "/run/jids/$number")" >/dev/null 2>"/run/errors/w$number"; echo $? >"/run/ends/$number"; } &
  done
  echo $number >/run/started
  wait
  touch /run/all-ended
}
all_ended_right() {
  for number in $(seq "$(cat /run/started)"); do
    [ "$(cat "/run/ends/$number")" = "$number" ] ||
      { echo "job $number: $(cat "/run/ends/$number") $(cat "/run/errors/$number" "/run/errors/w$number")"; return 1; }
  done
}
all_recorded_once() {
  corral records --json $pacct | grep '"kind":"end"' >/run/end-records
  for number in $(seq "$(cat /run/started)"); do
    found=$(grep -F "\"jid\":\"$(cat "/run/jids/$number")\"" /run/end-records | sed 's/.*"exit_code":\([0-9]*\).*/\1/' | tr '\n' ' ')
    [ "$found" = "$number " ] || { echo "job $number has the end records: $found"; return 1; }
  done
}
supervise_restarts() {
  round=0
  until [ -e /run/all-ended ]; do
    round=$((round + 1))
    case $((round % 5)) in
      0) kill -9 "$(main_pid)" ;;
      1) systemctl restart $unit ;;
      2) systemctl restart $unit & systemctl restart $unit; wait $! ;;
      3) systemctl stop $unit; systemctl start $unit ;;
      4) kill -9 "$(supervisor)"; systemctl restart $unit ;;
    esac || echo "restart $round failed" >>/run/failed-restarts
    echo $round >/run/rounds
  done
}
no_restart_failed() { ! cat /run/failed-restarts 2>/dev/null; }

check_start() {
  check 'systemd takes the unit as it is' systemd-analyze verify --man=no $unit
  check 'the unit starts' systemctl start $unit
  check 'and answers then' is_told
  check 'its process is the anchor' grep -qx corrald-unit "/proc/$(main_pid)/comm"
  check 'which is all that is in its cgroup' sh -c "test \"\$(cat /sys/fs/cgroup/system.slice/$unit/cgroup.procs)\" = $(main_pid)"
  check 'the jobs have a scope' systemctl is-active corrald.scope
  check 'the reaper is in it' grep -qx "$(reaper)" $scope/instance/cgroup.procs
  check 'a job is in it too' sh -c "corral run -- cat /proc/self/cgroup | grep -q '^0::/system.slice/corrald.scope/j[0-9a-f]\{16\}\$'"
}

check_shut_down() {
  corral run -d --name closed -- sh -c 'trap "exit 2" TERM; while :; do sleep 0.2; done' >/run/closed
  sleep 1
  check 'the instance is told to end' busctl --system call org.corral.Manager1 /org/corral/manager org.corral.Manager1 ShutDown
  check 'its job has ended, recorded' await test_end closed '2 '
  check 'and the unit is started again' await is_told
  check 'with its name on the bus' await busctl --system call org.corral.Manager1 /org/corral/manager org.freedesktop.DBus.Peer Ping
  main=$(main_pid)
  check 'the unit is reloaded' systemctl reload $unit
  check 'by the same anchor' test "$(main_pid)" = "$main"
}

check_limits_after_restart() {
  check 'a job with limits starts' corral run -d --name bound --limit memory=64M,processes=9 -- sh -c \
    'while ! test -e /run/go; do sleep 0.2; done; exec dd if=/dev/zero of=/dev/null bs=200M count=1'
  check 'systemd reads its units again' systemctl daemon-reload
  check 'the unit is restarted' systemctl restart $unit
  check 'its memory is bounded' test "$(control bound memory.max)" = 67108864
  check 'its processes too' test "$(control bound pids.max)" = 9
  touch /run/go
  corral wait bound >/dev/null 2>&1
  check 'and the limit holds' sh -c 'corral show bound | grep -qF "over-limit"'
}

check_campaign() {
  mkdir -p /run/jids /run/ends /run/errors
  echo 0 >/run/rounds
  start_jobs &
  starter=$!
  supervise_restarts
  wait $starter
  check "the unit was restarted and killed while jobs started and ended ($(cat /run/rounds) times)" test "$(cat /run/rounds)" -ge $rounds
  check 'no restart failed' no_restart_failed
  check 'every wait told the exit status' all_ended_right
  check 'every job has one record of its end' all_recorded_once
}

check_stop() {
  check 'a job starts' corral run -d --name stays -- sh -c 'while ! test -e /run/end; do sleep 0.2; done; exit 5'
  check 'the unit is stopped' systemctl stop $unit
  check 'and is inactive' exits_with 3 systemctl is-active $unit
  check 'the job lives' test "$(corral show --json stays | sed 's/.*"state":"\([a-z]*\)".*/\1/')" = running
  check 'a supervisor answers' is_told
  check 'another job can be run' exits_with 6 corral run -- sh -c 'exit 6'
  touch /run/end
  await sh -c "corral show stays | grep -q 'exited with code 5'"
  check 'the unit is started' systemctl start $unit
  check 'the job that ended meanwhile is known' exits_with 5 corral wait stays
  check 'and is recorded' test "$(ends_of "$(job_of stays)")" = '5 '
}

check_killed_while_stopped() {
  check 'a job starts' corral run -d --name alone -- sleep 1000
  check 'the unit is stopped' systemctl stop $unit
  old=$(reaper)
  kill -9 "$old"
  check 'the reaper is killed while there is no anchor, and there is another' await has_other_reaper "$old"
  check 'which answers' is_told
  check 'the unit is started' systemctl start $unit
  check 'the job lives' corral kill -g 0 alone
}

check_hung() {
  check 'a job starts' corral run -d --name hung -- sh -c 'sleep 2; exit 3'
  printf '#!/bin/sh\nwhile :; do sleep 0.2; done\n' >/run/corrald
  chmod +x /run/corrald
  check 'and one by the name of the supervisor' corral run -d --name double -- /run/corrald
  old=$(supervisor)
  kill -STOP "$old"
  check 'the unit is restarted over a supervisor that is stopped' systemctl restart $unit
  check 'which is gone' sh -c "! test -e /proc/$old"
  check 'the job is known' exits_with 3 corral wait hung
  check 'the other lives' test "$(corral show --json double | sed 's/.*"state":"\([a-z]*\)".*/\1/')" = running
  check 'and is ended' corral kill -g 0 double
}

# As the end of the machine does to it, when the unit was stopped before.
check_scope_stopped() {
  corral run -d --name scoped -- sh -c 'trap "sleep 1; exit 4" TERM; while :; do sleep 0.2; done' >/run/scoped
  check 'the unit is stopped' systemctl stop $unit
  check 'and the scope' systemctl stop corrald.scope
  check 'nothing of Corral is left' nobody corral-reaper corral-init corrald
  check 'the job is recorded' test "$(ends_of "$(cat /run/scoped)")" = '4 '
  # What holds the end of the pipe outlives this reaper.
  printf '#!/bin/sh\nsleep 1 &\nexit 1\n' >/run/no-reaper
  chmod +x /run/no-reaper
  check_failing_start 'a reaper that ends at once' --init=/run/no-reaper
  check_failing_start 'an option that the supervisor refuses' --cgroup-base=/tmp
  check 'the unit starts anew' systemctl start $unit
  check 'and answers' is_told
}
check_failing_start() { # WHAT OPTION
  mkdir -p /run/systemd/system/$unit.d
  printf '[Service]\nRestart=no\nExecStart=\nExecStart=/usr/libexec/corral/corrald --unit --bus=system %s\n' "$2" >/run/systemd/system/$unit.d/wrong.conf
  systemctl daemon-reload
  since=$(date +%s)
  check "with $1 the unit's start fails" exits_with 1 systemctl start $unit
  check 'and says so' sh -c "journalctl --unit=$unit --since=@$since --output=cat --quiet --no-pager | grep -q 'the instance does not start'"
  rm -r /run/systemd/system/$unit.d
  systemctl daemon-reload
}

check_killed() {
  check 'a job starts' corral run -d --name lives --limit memory=64M -- sleep 1000
  main=$(main_pid)
  old=$(reaper)
  kill -9 "$old"
  check 'the reaper is killed, and there is another' await has_other_reaper "$old"
  check 'it answers' is_told
  check 'the unit never went' test "$(systemctl show --property MainPID,ActiveState --value $unit | tr '\n' ' ')" = "$main active "
  # Anchor, reaper, supervisor and store, at one blow.
  kill -STOP "$(reaper)"
  # shellcheck disable=SC2046
  kill -9 "$(main_pid)" $(cat $scope/instance/cgroup.procs)
  check 'all of the instance is killed, and there is another' await is_told
  check 'the unit is active' await systemctl is-active $unit
  check 'it is in the scope that was there' grep -qx "$(reaper)" $scope/instance/cgroup.procs
  check 'the job lives' sh -c "corral ps --json | grep -q '\"container\":\"/system.slice/corrald.scope/j'"
  check 'with its limit' sh -c "grep -qx 67108864 $scope/j*/memory.max"
  check 'and is ended' sh -c "corral kill -g 0 \$(corral ps --json | sed 's/.*\"jid\":\"\(0x[0-9a-f]*\)\".*/\1/')"
}

check_upgrade() {
  check 'a job starts' corral run -d --name old -- sh -c 'sleep 3; exit 8'
  for program in corrald corral-init corral-reaper; do
    cp -p /usr/libexec/corral/$program /usr/libexec/corral/$program.new
    mv /usr/libexec/corral/$program.new /usr/libexec/corral/$program
  done
  check 'the unit is restarted after an upgrade' systemctl restart $unit
  check 'its anchor is the new program' runs_image "$(main_pid)" /usr/libexec/corral/corrald
  check 'the supervisor too' runs_image "$(supervisor)" /usr/libexec/corral/corrald
  check 'the reaper too' runs_image "$(reaper)" /usr/libexec/corral/corral-reaper
  check 'the job of before is known' exits_with 8 corral wait old
}

case ${1-} in
  witness)
    check 'the unit was stopped before' exits_with 3 systemctl is-active $unit
    check 'the job of the end was asked to end, and recorded' test "$(ends_of "$(cat /run/last)")" = '9 '
    check 'as ended by the shutdown' test "$(result_of "$(cat /run/last)")" = cancelled
    check 'nothing of Corral is left' nobody corral-reaper corrald
    checks_are_done
    ;;
  *)
    check_start
    check_shut_down
    check_limits_after_restart
    check_stop
    check_killed_while_stopped
    check_killed
    check_hung
    check_upgrade
    check_campaign
    check_scope_stopped
    corral run -d --name last -- sh -c 'trap "sleep 1; exit 9" TERM; while :; do sleep 0.2; done' >/run/last
    sleep 1
    systemctl --no-block reboot
    ;;
esac
