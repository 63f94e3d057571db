// SPDX-License-Identifier: Apache-2.0
// The folder of an accounting site, made once and taken away at the end, and
// the published commands run in it.
#pragma once

#include <fcntl.h>
#include <nss.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"
#include "sys/unique_fd.h"

namespace fuzz {

using accounting::CommandLine;
using accounting::Console;

/// csa.conf names it.
class Site {
 public:
  Site() {
    // In memory, where that can be: each input is many small files.
    for (const char* const place : {"/dev/shm", "/tmp"}) {
      root_ = std::string(place) + "/corral-fuzz-XXXXXX";
      if (::mkdtemp(root_.data()) != nullptr) break;
      root_.clear();
    }
    if (root_.empty()) std::abort();
    for (const char* const folder : {"/sum", "/day", "/nite"})
      if (::mkdir((root_ + folder).c_str(), 0700) < 0) std::abort();
    put("csa.conf", "ACCT_DIR " + root_ + "\n");
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    (void)::setenv("CSACONFIG", path("csa.conf").c_str(), 1);
    nowhere_ = sys::UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    out_ = sys::UniqueFd(::open(path("out").c_str(),
                                O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    // Names from /etc alone: no service is asked for each number.
    if (::__nss_configure_lookup("passwd", "files") != 0 ||
        ::__nss_configure_lookup("group", "files") != 0)
      std::abort();
  }
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;
  ~Site() { std::filesystem::remove_all(root_); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return root_ + "/" + name;
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return ::access(path(name).c_str(), F_OK) == 0;
  }
  void put(const std::string& name, std::string_view bytes) const {
    const sys::UniqueFd file(::open(
        path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (::write(file.get(), bytes.data(), bytes.size()) !=
        static_cast<ssize_t>(bytes.size()))
      std::abort();
  }
  [[nodiscard]] std::string get(const std::string& name) const {
    const sys::UniqueFd file(::open(path(name).c_str(), O_RDONLY | O_CLOEXEC));
    std::string bytes;
    char part[4096];
    for (;;) {
      const ssize_t size = ::read(file.get(), part, sizeof part);
      if (size <= 0) return bytes;
      bytes.append(part, static_cast<std::size_t>(size));
    }
  }
  /// What it prints, and the exit code in `code`.
  std::string run(int (*command)(const CommandLine&, Console&),
                  const CommandLine& line, int& code) const {
    if (::ftruncate(out_.get(), 0) < 0 || ::lseek(out_.get(), 0, SEEK_SET) < 0)
      std::abort();
    {
      Console console(out_.get(), nowhere_.get());
      code = command(line, console);
    }
    const off_t size = ::lseek(out_.get(), 0, SEEK_END);
    std::string text(static_cast<std::size_t>(size), '\0');
    if (::pread(out_.get(), text.data(), text.size(), 0) != size) std::abort();
    return text;
  }

 private:
  std::string root_;
  sys::UniqueFd nowhere_;
  sys::UniqueFd out_;  ///< what the last command has printed
};

inline const Site& site() {
  static const Site kMade;
  return kMade;
}

inline CommandLine line_of(std::string program,
                           std::vector<std::pair<char, std::string>> options) {
  return {.program = std::move(program),
          .options = std::move(options),
          .operands = {}};
}

}  // namespace fuzz
