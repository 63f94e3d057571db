#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# musl-flags.sh LINKS CXX...: prints, one a line, the flags that make a glibc g++ compile header-only C++ against musl.
# It asks the compilers, so that no architecture and no version is named here.
# LINKS is a folder for links to the kernel's headers, which musl-dev lacks: linux-libc-dev has them, and /usr/include
# itself would let glibc's headers in.
set -eu
links=$1
shift
specs=$(sed -n 's/.*-specs[ =]"\{0,1\}\([^" ]*\).*/\1/p' "$(command -v musl-gcc)")
asm=$(echo '#include <asm/types.h>' | "$@" -xc++ -M - | grep -o '/[^ ]*/asm/types.h' | head -n 1)
mkdir -p "$links"
ln -sfn "${asm%/types.h}" "$links/asm"
for directory in linux asm-generic; do ln -sfn "/usr/include/$directory" "$links/$directory"; done
echo "-specs=$specs"
echo "-D__GLIBC_PREREQ(a,b)=0"
"$@" -xc++ -E -v /dev/null 2>&1 >/dev/null | sed -n '/^#include </,/^End/s/^ //p' | grep '/c++/[0-9]*$' | sed 's/^/-isystem\n/'
printf '%s\n' -isystem "$links"
