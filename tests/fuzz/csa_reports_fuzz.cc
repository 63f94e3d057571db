// SPDX-License-Identifier: Apache-2.0
// Any bytes as what the published commands read; the first byte says as which
// of the files.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "accounting/billing/csa_conf.h"
#include "accounting/billing/holidays.h"
#include "accounting/records/entry_check.h"
#include "accounting/records/resync.h"
#include "accounting/records/summary_file.h"
#include "accounting/reports/daemon_use.h"
#include "tests/fuzz/first_byte.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using namespace accounting;

sys::UniqueFd file_of(std::string_view bytes) {
  sys::UniqueFd file(::memfd_create("input", MFD_CLOEXEC));
  if (::write(file.get(), bytes.data(), bytes.size()) !=
      static_cast<ssize_t>(bytes.size()))
    std::abort();
  return file;
}

/// Nothing: what begins as zstd's files do is none, or a bomb.
std::optional<ByteWindow> window_on(std::string_view bytes) {
  auto window = ByteWindow::of(file_of(bytes));
  if (window) return std::move(*window);
  const int code = window.error().code;
  if (code != kDamagedPack && code != EFBIG) std::abort();
  return std::nullopt;
}

/// Forwards past all damage: entries and damages fill the file. Backwards: it
/// ends.
void entries(std::string_view bytes) {
  auto window = window_on(bytes);
  auto other = window_on(bytes);
  if (!window || !other) return;
  const std::uint64_t size = window->size();
  ResilientReader reader(std::move(*window));
  Entry entry;
  std::uint64_t end = 0;
  while (reader.next(entry)) {
    (void)check_entry(entry);
    if (entry.size == 0 || entry.offset < end) std::abort();
    end = entry.offset + entry.size;
    if (end > size) std::abort();
  }
  EntryReader backwards(std::move(*other));
  backwards.seek(size);
  while (backwards.previous(entry) == ReadStatus::kEntry)
    if (entry.offset != backwards.position()) std::abort();
}

template <class Record>
void summaries(std::string_view bytes, const csa::Head& head) {
  auto window = window_on(bytes);
  if (!window) return;
  SummaryReader<Record> reader(std::move(*window), head);
  Record record;
  while (reader.next(record)) {
  }
  if (reader.position() % sizeof record != 0) std::abort();
}

void prime_time(std::string_view bytes) {
  std::string faults;
  PrimeTime prime(parse_holidays(bytes, "holidays", faults));
  constexpr std::int64_t kMonth = 31 * 86'400;
  const std::int64_t seconds = prime.seconds(1'790'000'000, kMonth);
  if (seconds < 0 || seconds > kMonth) std::abort();
}

void configuration(std::string_view bytes) {
  const sys::UniqueFd file = file_of(bytes);
  // Root believes no file that others may write.
  if (::fchmod(file.get(), 0600) < 0) std::abort();
  CsaConf conf("/proc/self/fd/" + std::to_string(file.get()));
  (void)conf.find("CSABUILD");
  (void)conf.integer("NUM_HOLIDAYS", 1);
  (void)conf.real("P_BASIC", 1.0);
  (void)conf.take_complaints();
}

void daemon_use(std::string_view bytes) {
  csadrep::DaemonUse use;
  if (!use.add_bytes(bytes, "file")) return;
  csadrep::DaemonUse again;
  if (!again.add_bytes(use.to_bytes(), "file")) std::abort();
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr fuzz::Reader kReaders[] = {
    {'e', entries},
    {'h', prime_time},
    {'c', configuration},
    {'d', daemon_use},
    {'s',
     [](std::string_view bytes) {
       summaries<csa::Consolidated>(bytes, csa::consolidated_head());
     }},
    {'m', [](std::string_view bytes) {
       summaries<csa::CommandSummary>(bytes, csa::summary_head());
     }}};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  return fuzz::read_by_first_byte(kReaders, data, size);
}
