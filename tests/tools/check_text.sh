#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_text.sh WHAT SOURCE [BUILD]: one lint over the files that git knows.
set -eu
what=$1
cd "$2"
git ls-files --error-unmatch meson.build >/dev/null
build=${3:-}

# Every file of git's with one of these patterns, as arguments to a command.
over() {
  command=$1
  shift
  # shellcheck disable=SC2086 # a command with its options
  git ls-files -z -- "$@" | xargs -0r $command
}

case $what in
  format)
    over "clang-format-19 --dry-run --Werror" '*.h' '*.cc' '*.c'
    ;;
  shell)
    git ls-files -z | xargs -0 grep -lZ -m1 -E '^#!/bin/(ba)?sh' | xargs -0r shellcheck --external-sources
    ;;
  spelling)
    over "codespell --ignore-words=tests/tools/words" ':!tests/fuzz/corpus' ':!LICENSE' ':!tests/data'
    ;;
  manual)
    for page in "$build"/docs/*.[1-8]; do
      [ -f "$page" ] || {
        echo "no page was made"
        exit 1
      }
      echo "$page"
      mandoc -T lint -W warning "$page"
    done
    ;;
  *)
    echo "'$what' is none of format, shell, spelling, manual" >&2
    exit 2
    ;;
esac
echo "$what: nothing found"
