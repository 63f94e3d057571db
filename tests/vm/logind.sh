#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# logind.sh: runs as a service of a virtual machine whose PID 1 is systemd
# (tests/integration/vm_logind.py): logins by sshd through a PAM stack that has
# pam_systemd and pam_corral, in both orders and modes. See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

circumstances() { cat /run/session 2>/dev/null; journalctl --output=cat --quiet --no-pager | tail -n 5; }
stack() { # MODULE...: in this order
  {
    echo 'auth required pam_permit.so'
    echo 'account required pam_permit.so'
    for module; do
      case $module in
        systemd) echo 'session required pam_systemd.so' ;;
        *) echo "session required pam_corral.so program=/usr/bin/corral fail_closed timeout=30000 mode=$module" ;;
      esac
    done
  } >/etc/pam.d/sshd
}
on_machine() { # COMMAND
  ssh -q -p 22022 -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null alice@127.0.0.1 "$1"
}
login() { # starts a session that tells of itself, and ends when /run/tmp/end is there
  rm -f /run/tmp/end /run/session
  # shellcheck disable=SC2016 # it is the other shell's
  on_machine '
    echo "jid=$CORRAL_JID"; echo "session=$XDG_SESSION_ID"; echo "pid=$$"; sed -n "s/^0::/cgroup=/p" /proc/self/cgroup
    echo complete=yes
    while ! test -e /run/tmp/end; do sleep 0.2; done' >/run/session 2>&1 &
  client=$!
  await grep -q complete /run/session || return 1
  jid='' session='' pid='' cgroup=''
  # shellcheck source=/dev/null
  . /run/session
}
logout() {
  touch /run/tmp/end
  wait "$client"
}
fact() { corral show --json "$jid" | sed 's/.*"'"$1"'":"\{0,1\}\([^",]*\).*/\1/'; }
logind() { loginctl show-session "$session" --property="$1" --value; }
has_job() { [ "$(fact kind) $(fact state) $(fact user)" = 'session running alice' ]; }
has_session() { [ "$(logind Name) $(logind State)" = 'alice active' ]; }
is_member() { [ "$(corral show --json --pid "$1" | sed 's/.*"jid":"\([^"]*\).*/\1/')" = "$jid" ]; }
is_in_scope() { [ "${cgroup##*/}" = "session-$session.scope" ]; }
is_in_job() { case $cgroup in /system.slice/corrald.scope/j*) ;; *) return 1 ;; esac; }
no_session() { ! loginctl show-session "$session"; }
job_ended() { [ "$(fact result)" = "$1" ]; }
lives() { kill -0 "$1"; }

check_both() { # NAME: what both managers say of a session, from its beginning to its end
  check "$1: it is a job of the user's" has_job
  check "$1: and logind's session" has_session
  check "$1: its shell is a member of the job" is_member "$pid"
}
check_end() { # NAME
  logout
  check "$1: closed, its job ends" await job_ended closed
  check "$1: and logind's session" await no_session
}

check_logical() { # NAME MODULE...
  name=$1
  shift
  stack "$@"
  check "$name: a login" login
  check_both "$name"
  check "$name: its shell stays in logind's scope" is_in_scope
}

check_logical_ends() {
  name='logical, closed'
  check_logical "$name" systemd logical
  check "$name: the unit is restarted meanwhile" systemctl restart corrald.service
  check_both "$name"
  check_end "$name"
  check_logical 'logical, in front' logical systemd
  check_end 'logical, in front'

  name='logical, ended by logind'
  check_logical "$name" systemd logical
  check "$name: it is ended" loginctl terminate-session "$session"
  wait "$client"
  check "$name: its job ends" await sh -c "corral show --json $jid | grep -q '\"state\":\"ended\"'"
  check "$name: and is recorded" sh -c "corral records --json /var/csa/day/pacct | grep -c '\"kind\":\"end\".*\"jid\":\"$jid\"' | grep -qx 1"
  check "$name: logind has it no more" await no_session

  name='logical, ended by Corral'
  check_logical "$name" systemd logical
  check "$name: it is ended" corral kill -g 1 "$jid"
  wait "$client"
  check "$name: its job ends" await sh -c "corral show --json $jid | grep -q '\"state\":\"ended\"'"
  check "$name: logind has it no more" await no_session
}

check_move() {
  name='move'
  stack systemd move
  check "$name: a login" login
  check_both "$name"
  check "$name: its shell is in the job's cgroup" is_in_job
  check "$name: logind's scope is gone" sh -c "! systemctl is-active session-$session.scope"
  check "$name: the unit is restarted meanwhile" systemctl restart corrald.service
  check_both "$name"
  check "$name: logind is told to end it" loginctl terminate-session "$session"
  sleep 1
  check "$name: which does not reach it" lives "$pid"
  logout
  check "$name: closed, its job ends" await job_ended closed
  check "$name: and logind's session" await no_session

  name='move, in front'
  stack move systemd
  check "$name: a login" login
  check "$name: logind's session" has_session
  check "$name: pam_systemd has taken its shell out of the job" is_in_scope
  check "$name: which has nobody" test "$(fact state) $(corral ps --json | grep -c "$pid")" = 'running 0'
  check_end "$name"
}

check_limits() {
  name='logical, with limits'
  mkdir -p /etc/corral
  printf '[domain.interactive]\nmemory = "1G"\n' >/etc/corral/limits.toml
  stack systemd logical
  rm -f /run/session
  check "$name: a limit that nobody holds refuses the job" refuses_login
  stack systemd 'logical accept_less'
  check "$name: less is accepted" login
  check_both "$name"
  check_end "$name"
  rm /etc/corral/limits.toml
}
refuses_login() { ! on_machine true; }

useradd --create-home alice
usermod --password '*' alice
mkdir -p /run/sshd /home/alice/.ssh /run/tmp
chmod 0777 /run/tmp
ssh-keygen -q -t ed25519 -N '' -f /root/key
cp /root/key.pub /home/alice/.ssh/authorized_keys
chown -R alice: /home/alice/.ssh
cat >/run/sshd_config <<'EOF'
ListenAddress 127.0.0.1
Port 22022
UsePAM yes
HostKey /root/key
PidFile /run/sshd.pid
EOF
check 'the unit starts' systemctl start corrald.service
check 'sshd starts' /usr/sbin/sshd -f /run/sshd_config
check_logical_ends
check_move
check_limits
checks_are_done
systemctl reboot --force --force
