#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# page.sh SCDOC TEMPLATE [CORRAL]: prints a manual page. A line @TOPIC@ of the template is replaced by what
# 'corral --dump-man TOPIC' says of the command table, so that page and parser cannot disagree.
set -eu
scdoc=$1 template=$2 corral=${3:-}
text=$(while IFS= read -r line; do
  case $line in
    @*@) topic=${line#@}; "$corral" --dump-man "${topic%@}" ;;
    *) printf '%s\n' "$line" ;;
  esac
done < "$template")
# By a variable: in a pipe nobody hears that scdoc gave up in the middle.
page=$(printf '%s\n' "$text" | "$scdoc")
printf '%s\n' "$page" | awk -f "${0%/*}/tidy.awk"
