// SPDX-License-Identifier: Apache-2.0
// Any bytes as a job's accounting file and as the marks of -M in it. The first
// line is the letters of ja, a blank and the marks; the file is behind it.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "accounting/reports/ja.h"
#include "accounting/reports/ja_options.h"
#include "sys/unique_fd.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using namespace accounting;

/// Letters without an argument; what is none of them is not given.
CommandLine line_of(std::string_view letters) {
  CommandLine line = {.program = "ja", .options = {}, .operands = {}};
  for (const char letter : letters)
    if (std::string_view("cfoselhJr").contains(letter))
      line.options.emplace_back(letter, "");
  return line;
}

/// Is there a number of so many digits that no file is as long?
bool has_endless_mark(std::string_view list) {
  constexpr std::size_t kDigits = 20;
  for (std::size_t at = 0; at < list.size(); ++at) {
    const std::size_t end =
        std::min(list.find_first_not_of("0123456789", at), list.size());
    if (end - at >= kDigits && list[at] != '0') return true;
    at = end;
  }
  return false;
}

/// The ranges lie in the file, ascend and do not touch.
void marks(const std::string& list, const std::string& path) {
  auto window = ByteWindow::open(path.c_str());
  if (!window) return;
  EntryReader reader(std::move(*window));
  const auto size = static_cast<std::int64_t>(reader.size());
  const auto ranges = ja::read_ranges(list, reader, "ja", path);
  if (!ranges) {
    if (ranges.error().text.empty()) std::abort();  // nobody said why
    return;
  }
  if (has_endless_mark(list)) std::abort();
  std::int64_t before = -1;
  for (const ja::Range& range : *ranges) {
    if (range.begin <= before || range.end <= range.begin || range.end > size)
      std::abort();
    before = range.end;
  }
}

void report(const CommandLine& line, const std::string& path) {
  const auto options = ja::read_options(line);
  if (!options || !options->has_report()) return;
  static const sys::UniqueFd kNowhere(
      ::open("/dev/null", O_WRONLY | O_CLOEXEC));
  Console console(kNowhere.get(), kNowhere.get());
  (void)ja::report(*options, line.program, path, console);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  // Not the machine's own; and there is one thread.
  static const int kConf =
      ::setenv("CSACONFIG", "/dev/null", 1);  // NOLINT(concurrency-mt-unsafe)
  (void)kConf;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  if (end == std::string_view::npos) return 0;
  const std::string_view words = input.substr(0, end);
  const std::string_view bytes = input.substr(end + 1);
  const sys::UniqueFd file(::memfd_create("ja", MFD_CLOEXEC));
  if (::write(file.get(), bytes.data(), bytes.size()) !=
      static_cast<ssize_t>(bytes.size()))
    std::abort();
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const std::size_t blank = words.find(' ');
  CommandLine line = line_of(words.substr(0, blank));
  if (blank != std::string_view::npos) {
    std::string list(words.substr(blank + 1));
    list.resize(std::min(list.find('\0'), list.size()));  // an argument's end
    marks(list, path);
    line.options.emplace_back('M', list);
  }
  report(line, path);
  return 0;
}
