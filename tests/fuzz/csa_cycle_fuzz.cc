// SPDX-License-Identifier: Apache-2.0
// Any bytes as what the commands of the accounting cycle read beside
// accounting files; the first byte says as what. All of it is in a folder of
// its own.
#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "accounting/csa_summary_layout.h"
#include "accounting/cycle/disk_use.h"
#include "accounting/cycle/login_log.h"
#include "accounting/records/exact_units.h"
#include "accounting/records/sorted_file.h"
#include "accounting/reports/csaedit.h"
#include "sys/unique_fd.h"
#include "tests/fuzz/first_byte.h"
#include "tests/fuzz/site_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using namespace accounting;
using fuzz::line_of;
using fuzz::site;

/// "YYYY-MM-DD  USER", ascending; what was written is read as the same.
void login_log_is_sound() {
  const std::string text = site().get("sum/loginlog");
  std::string before;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) std::abort();
    const std::string line = text.substr(at, end - at);
    if (line.size() < 13 || line.substr(10, 2) != "  " || line < before)
      std::abort();
    before = line;
    at = end + 1;
  }
  site().put("none", "");
  int code = 0;
  (void)site().run(lastlogin_command,
                   line_of("lastlogin", {{'c', site().path("none")}}), code);
  if (code != 0 || site().get("sum/loginlog") != text) std::abort();
}

void logins(std::string_view bytes, char letter) {
  site().put("sum/loginlog", letter == 'l' ? bytes : "");
  site().put("wtmp", letter == 'w' ? bytes : "");
  int code = 0;
  (void)site().run(lastlogin_command,
                   line_of("lastlogin", {{'w', site().path("wtmp")}}), code);
  if (code == 0) login_log_is_sound();
}

/// The command reads them as its standard input.
std::string with_input(int (*command)(const CommandLine&, Console&),
                       std::string_view bytes, const CommandLine& line,
                       int& code) {
  site().put("in", bytes);
  const sys::UniqueFd file(
      ::open(site().path("in").c_str(), O_RDONLY | O_CLOEXEC));
  if (::dup2(file.get(), 0) < 0) std::abort();
  ::__fpurge(stdin);  // rewind(3) may keep what was buffered
  std::clearerr(stdin);
  return site().run(command, line, code);
}

/// A record for each line; or not all of them were lines of disk use.
void disk_use(std::string_view bytes) {
  int code = 0;
  const std::string records =
      with_input(acctdisk_command, bytes, line_of("acctdisk", {}), code);
  const auto lines = static_cast<std::size_t>(std::ranges::count(bytes, '\n')) +
                     (bytes.empty() || bytes.ends_with('\n') ? 0 : 1);
  if (records.size() % sizeof(csa::Consolidated) != 0) std::abort();
  const std::size_t count = records.size() / sizeof(csa::Consolidated);
  if (code == 0 ? count != lines : count >= lines) std::abort();
}

/// Users in passwd(5)'s form, to whom files are charged.
void users(std::string_view bytes) {
  site().put("passwd", bytes);
  int code = 0;
  (void)with_input(acctdusg_command, site().path("passwd") + "\n",
                   line_of("acctdusg", {{'p', site().path("passwd")}}), code);
}

/// What csaedit leaves of a file is no more than the file.
void offsets(std::string_view bytes) {
  constexpr std::size_t kFile = 4096;
  site().put("pacct", std::string(kFile, 'x'));
  site().put("offsets", bytes);
  site().put("edited", "");
  int code = 0;
  (void)site().run(csaedit_command,
                   line_of("csaedit", {{'P', site().path("pacct")},
                                       {'b', site().path("offsets")},
                                       {'o', site().path("edited")}}),
                   code);
  if (site().get("edited").size() > kFile) std::abort();
}

/// A sorted file and its billing units. Each word of the units is one that was
/// written: nothing is taken from beside them.
void use_units(const std::string& sorted) {
  auto window = ByteWindow::open(sorted.c_str());
  if (!window) return;
  auto units = ExactUnits::open(sorted, *window);
  if (!units) return;
  SortedFile file(std::move(*window));
  csa::Configuration boot = {};
  csa::JobHeader job = {};
  while (file.next_boot(boot))
    while (file.next_job(job)) {
      const bool is_there = units->begin_job(job);
      for (const std::int32_t process : {-1, 0, 1, 7, INT32_MAX, INT32_MIN}) {
        const double number = units->of(process);
        if (!is_there && number == number) std::abort();
      }
    }
}

void raw_units(std::string_view bytes) {
  site().put("spacct", "");
  site().put("spacct.units", bytes);
  use_units(site().path("spacct"));
}

/// With a head that fits: so the words are looked at.
void fitting_units(std::string_view bytes) {
  constexpr std::size_t kFor = 2;
  if (bytes.size() < kFor) return;
  std::uint16_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes.remove_prefix(kFor);
  const std::string_view sorted =
      bytes.substr(0, std::min<std::size_t>(size, bytes.size()));
  bytes.remove_prefix(sorted.size());
  site().put("spacct", sorted);
  auto window = ByteWindow::open(site().path("spacct").c_str());
  if (!window) return;
  ExactUnitsHead head = {};
  std::memcpy(head.magic, kExactUnitsMagic, sizeof head.magic);
  head.sorted_size = window->size();
  SortedFile file(std::move(*window));
  csa::Configuration boot = {};
  while (file.next_boot(boot))
    head.boots = checksum_of(boot, head.boots);
  head.words = bytes.size() / sizeof head.words;
  for (std::uint64_t i = 0; i < head.words; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i * sizeof word, sizeof word);
    head.sum += word * word_weight(i);
  }
  std::string units(reinterpret_cast<const char*>(&head), sizeof head);
  units += bytes.substr(0, head.words * sizeof head.words);
  site().put("spacct.units", units);
  use_units(site().path("spacct"));
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr fuzz::Reader kReaders[] = {
    {'w', [](std::string_view bytes) { logins(bytes, 'w'); }},
    {'l', [](std::string_view bytes) { logins(bytes, 'l'); }},
    {'d', disk_use},
    {'p', users},
    {'b', offsets},
    {'u', raw_units},
    {'U', fitting_units}};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  return fuzz::read_by_first_byte(kReaders, data, size);
}
