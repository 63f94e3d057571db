// SPDX-License-Identifier: Apache-2.0
// Where our own programs are: beside this one, where the package puts them, or
// in the build tree. One order of places, so that a tree that was copied
// somewhere works, and so that tests use what was just built.
#pragma once

#include <string>

#include "core/error.h"
#include "sys/program_places.h"

namespace sys {

/// The absolute path of one of our programs. Searched in this order:
/// $CORRAL_LIBEXEC, the directory of this executable, ../libexec/corral and the
/// neighbouring directories of the build tree. Errors: ENOENT, the subject
/// names the program and the directory where the search began.
[[nodiscard]] core::Result<std::string> find_own_program(OwnProgram program);

/// The directory of this executable (/proc/self/exe). Errors: readlink(2).
[[nodiscard]] core::Result<std::string> own_directory();

}  // namespace sys
