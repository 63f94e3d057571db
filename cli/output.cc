// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "bus/refusal_names.h"
#include "core/printable.h"

namespace cli {

void print(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stdout);  // see ferror()
}

int finish_output(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  return complain(std::string("cannot write to standard output: ") +
                  std::strerror(errno));
}

int complain(std::string_view text, int code) {
  // One write, so that lines of several processes do not mix.
  const std::string line = "corral: " + core::printable(text) + "\n";
  (void)std::fwrite(line.data(), 1, line.size(), stderr);  // nobody to tell
  return code;
}

int complain(const core::Error& error, int code) {
  return complain(error.message().view(), code);
}

int complain(const core::Refused& refused) {
  return complain(refused.text, bus::name_of(refused.why).exit_code);
}

}  // namespace cli
