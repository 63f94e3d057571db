#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# providers.sh: runs in the tests' virtual machine (Linux 6.1) as its PID 1. Starts
# the checks below as a child and becomes corral-init --units: aggregate providers
# with eBPF. /bin/provider is contrib/examples/provider.c. See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

[ $# -gt 0 ] || become_instance "$0"

is_number() { [ "$1" = "$2" ] || { echo "found $1, wanted $2"; tail -3 /run/told; false; }; }
count() { tr '}' '\n' </run/told | grep -c "\"event\":\"$1\".*$2"; }
follow() { # runs a job of 20 children that exec (and end with 2: usage), and the provider until its end
  # shellcheck disable=SC2016 # the job's own shell expands it
  jid=$(corral run -d -- sh -c 'sleep 3; i=0; while [ $i -lt 20 ]; do (exec provider 2>/dev/null); i=$((i+1)); done; exit 9')
  provider /run/corral/private "$jid" >/run/told
}
source_is() { grep -q "\"source\":\"$1\"" /run/told || { head -1 /run/told; false; }; }
tell_everything() { # SOURCE
  check "$1: a provider follows a job to its end" follow
  check "$1: that is the source" source_is "$1"
  check "$1: each fork is told" is_number "$(count fork '"child":')" 20
  check "$1: each exec" is_number "$(count exec '"command":"provider"')" 20
  check "$1: each exit, with its status" is_number "$(count exit '"exit_code":2')" 20
  check "$1: that of the job's own process too" is_number "$(count exit '"exit_code":9')" 1
  check "$1: nothing is lost" is_number "$(count lost '')" 0
}

await_instance
tell_everything ebpf
checks_are_done
kill -TERM 1
