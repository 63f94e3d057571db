// SPDX-License-Identifier: Apache-2.0
// Any bytes as the small files of an accounting site: csa.toml, what a run
// leaves for the next one; and as an accounting file that is turned into
// the other byte order, which must say the same. The first byte says as which.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/billing/csa_conf.h"
#include "accounting/csa_group.h"
#include "accounting/cycle/run_state.h"
#include "accounting/record_view.h"
#include "accounting/records_text.h"
#include "sys/unique_fd.h"
#include "tests/fuzz/first_byte.h"
#include "units/csa_settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using namespace accounting;

/// What TOML is made of is a csa.conf without a word to complain of.
void toml(std::string_view bytes) {
  const auto published = units::csa_conf_of_toml(bytes, "csa.toml");
  if (!published) {
    if (published.error().empty())
      std::abort();  // refused, and nobody said why
    return;
  }
  const sys::UniqueFd file(::memfd_create("conf", MFD_CLOEXEC));
  // Root believes no file that others may write.
  if (::fchmod(file.get(), 0600) < 0) std::abort();
  if (::write(file.get(), published->data(), published->size()) !=
      static_cast<ssize_t>(published->size()))
    std::abort();
  CsaConf conf("/proc/self/fd/" + std::to_string(file.get()));
  conf.tell_no_missing();
  (void)conf.find("NO_SUCH_LABEL");
  if (!conf.take_complaints().empty()) std::abort();
}

/// The folder of a site, made once and taken away at the end.
struct Folder {
  Places places;
  Folder() {
    char root[] = "/tmp/corral-fuzz-XXXXXX";
    if (::mkdtemp(root) == nullptr) std::abort();
    places.root = root;
    if (::mkdir(places.nite().c_str(), 0700) < 0) std::abort();
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(std::string(places.root)); }
};

const Places& places() {
  static const Folder kMade;
  return kMade.places;
}

void put(const std::string& path, std::string_view bytes) {
  const sys::UniqueFd file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (::write(file.get(), bytes.data(), bytes.size()) !=
      static_cast<ssize_t>(bytes.size()))
    std::abort();
}

/// What was believed is written as something that is read as the same.
void run_state(std::string_view bytes) {
  put(places().nite() + "/statefile", bytes);
  const auto state = read_state(places());
  if (!state) return;
  put(places().nite() + "/statefile", std::string(name_of(*state)) + "\n");
  if (read_state(places()).value_or(RunState::kSetup) != *state) std::abort();
}

void last_runs(std::string_view bytes) {
  const std::string path = places().nite() + "/clastdate";
  put(path, bytes);
  const auto runs = read_last_runs(places());
  if (!runs) return;
  const auto line = [](const Stamp& stamp) {
    return stamp.date + " " + stamp.time + "\n";
  };
  put(path, line(runs->last) + line(runs->before));
  const auto again = read_last_runs(places());
  if (!again || again->last != runs->last || again->before != runs->before)
    std::abort();
  (void)runs->last.moment(1'790'000'000);
}

/// Its records in the other byte order; empty: not one of which all is known.
std::vector<std::byte> turned(std::span<const std::byte> group) {
  std::vector<std::byte> other(group.begin(), group.end());
  for (std::size_t at = 0; at < group.size();) {
    csa::Head head = {};
    if (group.size() - at < sizeof head) return {};
    std::memcpy(&head, group.data() + at, sizeof head);
    const auto type = static_cast<csa::RecordType>(head.type);
    const std::size_t size = csa::size_of(type);
    if (size == 0 || size > group.size() - at) return {};
    swap_record(other.data() + at, type);
    at += size;
  }
  return other;
}

void other_order(std::string_view bytes) {
  auto rest = std::as_bytes(std::span(bytes));
  while (!rest.empty()) {
    const ParseResult here = parse_group(rest, true);
    if (here.verdict != ParseVerdict::kGroup) {
      rest = rest.subspan(1);
      continue;
    }
    const auto group = rest.first(here.group.size);
    rest = rest.subspan(here.group.size);
    // Corral's own appends have a checksum over the bytes as they were.
    if (here.group.site || here.group.is_torn || here.group.is_foreign)
      continue;
    const std::vector<std::byte> other = turned(group);
    if (other.empty()) continue;
    const ParseResult there = parse_group(other, true);
    if (there.verdict != ParseVerdict::kGroup || !there.group.is_foreign)
      std::abort();
    if (to_json(view_of(there.group)) != to_json(view_of(here.group)))
      std::abort();
  }
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr fuzz::Reader kReaders[] = {
    {'t', toml}, {'s', run_state}, {'l', last_runs}, {'o', other_order}};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  return fuzz::read_by_first_byte(kReaders, data, size);
}
