// SPDX-License-Identifier: Apache-2.0
#include "accounting/text/console.h"

#include <unistd.h>

#include <cerrno>

#include "accounting/append.h"

namespace accounting {

namespace {

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

}  // namespace

std::string with_system_error(std::string text, int code) {
  text += "\n   System Error(" + std::to_string(code) + "): " + words_of(code) +
          ".\n";
  return text;
}

std::unexpected<Stop> stop(std::string text, int code) {
  return std::unexpected(Stop{with_system_error(std::move(text), code)});
}

void Console::write(std::string_view text) {
  if (error_ == 0) error_ = write_all(output_, text);
}

void Console::flush() {
  write(text_.view());
  text_.clear();
}

void Console::complain(std::string_view text) {
  flush();
  write_all(errors_, text);
}

int Console::give_up(const Stop& reason) {
  complain(reason.text);
  return reason.code;
}

}  // namespace accounting
