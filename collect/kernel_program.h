// SPDX-License-Identifier: Apache-2.0
// What is the same for each of our programs in the kernel: its words when it
// is refused, where in the exit of a process it stands, its descriptors.
#pragma once

#include <string>

#include "sys/unique_fd.h"

namespace collect {

/// libbpf complains to us from now on, instead of to standard error.
void keep_complaints();
/// Why the kernel refused, for people; `code` is an errno, `deed` a verb.
[[nodiscard]] std::string words_for(int code, const char* deed);
/// Whether the tracepoint of exits says which thread is the last.
[[nodiscard]] bool tells_the_last();
/// Another number for it, close-on-exec; not open: there is none left.
[[nodiscard]] sys::UniqueFd copy_of(int fd);

}  // namespace collect
