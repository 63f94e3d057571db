// SPDX-License-Identifier: Apache-2.0
// Any bytes as the accounting file that a scribe goes on with. The first byte
// says from where it is read forwards.
//
// What a scribe has repaired keeps every whole append, and is not cut a second
// time; backwards and forwards the last key is the same. Of jobs that the file
// leaves open each has a start in it and no end behind that.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "accounting/boot_told.h"
#include "accounting/csa_group.h"
#include "accounting/open_jobs.h"
#include "accounting/recovery.h"
#include "sys/unique_fd.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using namespace accounting;

/// Of a machine alone, of a cluster's node, of a private instance.
constexpr std::uint32_t kHids[] = {0, 1, 0x80000001U};

void must(bool holds) {
  if (!holds) std::abort();
}

sys::UniqueFd file_of(std::span<const std::byte> bytes) {
  sys::UniqueFd file(::memfd_create("pacct", MFD_CLOEXEC));
  must(::write(file.get(), bytes.data(), bytes.size()) ==
       static_cast<ssize_t>(bytes.size()));
  return file;
}

/// What the whole appends say.
struct Told {
  std::uint64_t instance = 1;  ///< of the last one of Corral's
  std::optional<std::uint64_t> last_key;
  std::uint64_t whole_end = 0;

  explicit Told(std::span<const std::byte> bytes) {
    for (std::uint64_t at = 0; at < bytes.size();) {
      const ParseResult result = parse_group(bytes.subspan(at), true);
      if (result.verdict != ParseVerdict::kGroup) {
        ++at;
        continue;
      }
      at += result.group.size;
      if (result.group.is_torn || !result.group.is_sound) continue;
      whole_end = at;
      if (!result.group.site) continue;
      instance = result.group.site->head.instance;
      keys_[instance] = result.group.site->key;
    }
    if (keys_.contains(instance)) last_key = keys_[instance];
  }

 private:
  std::map<std::uint64_t, std::uint64_t> keys_;  ///< the last, by instance
};

void recover(std::span<const std::byte> bytes, const Told& told,
             std::uint64_t from) {
  const sys::UniqueFd file = file_of(bytes);
  const auto forwards = read_from(file.get(), 0, told.instance);
  const auto later = read_from(file.get(), from, told.instance);
  const auto tail = repair_tail(file.get(), told.instance);
  must(tail && forwards && later && find_before(file.get(), SIZE_MAX));
  must(tail->size + tail->torn == bytes.size() &&
       tail->size >= told.whole_end && tail->last_key == told.last_key &&
       forwards->last_key == told.last_key);
  const auto again = repair_tail(file.get(), told.instance);
  must(again && again->torn == 0 && again->size == tail->size &&
       again->last_key == told.last_key);
}

/// As many bytes are searched as there are: no switched file is looked for.
void find_open(std::span<const std::byte> bytes, std::uint32_t hid) {
  const sys::UniqueFd file = file_of(bytes);
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  static const sys::Boot kBoot = sys::this_boot();
  const auto found = find_open_jobs(path, hid, bytes.size(), kBoot);
  must(found.has_value());
  std::optional<core::JobId> before;
  for (const OpenJob& job : found->open) {
    must(is_heir(hid, core::hid_of(job.jid)) && job.jid != core::kNoJob);
    must(!before || *before < job.jid);
    must(core::hid_of(job.jid) != hid ||
         core::sequence_of(job.jid) <= found->last_sequence);
    before = job.jid;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  recover(bytes, Told(bytes), bytes.size() * data[0] / UINT8_MAX);
  find_open(bytes, kHids[data[0] % std::size(kHids)]);
  return 0;
}
