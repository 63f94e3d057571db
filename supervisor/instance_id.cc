// SPDX-License-Identifier: Apache-2.0
#include "supervisor/instance_id.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "core/ids.h"
#include "core/text.h"
#include "supervisor/ledger.h"
#include "supervisor/log.h"
#include "sys/cgroup_tree.h"
#include "sys/lock_file.h"

namespace supervisor {

namespace {

constexpr std::uint32_t kPrivate = 0x80000000U;
/// For the last processes of an instance that was killed.
constexpr core::Microseconds kPatience = core::seconds(1);

std::string path_of(const sys::Places& places) {
  return places.runtime + "/hid";
}

std::optional<std::uint32_t> read_hid(const std::string& path) {
  char buffer[16];
  auto text = sys::read_small_file(path.c_str(), buffer);
  if (!text) return std::nullopt;
  if (text->ends_with('\n')) text->remove_suffix(1);
  const auto value = core::parse_hex(*text);
  if (!value || *value > UINT32_MAX || (*value & kPrivate) == 0)
    return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

core::Result<void> write_hid(const std::string& path, std::uint32_t hid) {
  const auto text = core::Text<9>().append_hex(hid, 8).append("\n");
  const sys::UniqueFd file = TRY(sys::open_at(
      AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  if (::write(file.get(), text.c_str(), text.size()) < 0)
    return core::fail(errno, "write", path);
  return {};
}

core::Result<std::uint32_t> random_hid(const std::string& path) {
  std::uint32_t hid = 0;
  if (::getrandom(&hid, sizeof hid, 0) != sizeof hid)
    return core::fail(errno, "getrandom");
  hid |= kPrivate;
  if (const auto written = write_hid(path, hid); !written)
    spdlog::warn("the host id is not kept: {}",
                 text_of(written.error().message()));
  return hid;
}

}  // namespace

core::Result<sys::UniqueFd> lock_hid(const std::string& base) {
  sys::UniqueFd directory =
      TRY(sys::open_at(AT_FDCWD, base.c_str(), O_RDONLY | O_DIRECTORY));
  TRY(sys::lock_within(directory.get(), base, kPatience));
  return directory;
}

core::Result<InstanceId> id_for(const sys::Places& places,
                                const std::string& base) {
  const std::string path = path_of(places);
  if (const auto hid = read_hid(path))
    return InstanceId{.hid = *hid, .lock = {}};
  if (places.kind == sys::InstanceKind::kSystem) {
    if (base.empty()) return InstanceId();
    auto lock = lock_hid(base);
    if (lock) return InstanceId{.hid = 0, .lock = *std::move(lock)};
    spdlog::info(
        "the jobs of another system instance are in '{}' too ({}); "
        "the jids of this one begin with a random number",
        base, text_of(lock.error().message()));
  }
  return InstanceId{.hid = TRY(random_hid(path)), .lock = {}};
}

void forget_hid(const sys::Places& places) {
  // They may not have been written. The hid goes first: jids without it are
  // nobody's, but without its jids it would begin anew.
  (void)::unlink(path_of(places).c_str());
  if (places.kind == sys::InstanceKind::kPrivate)
    (void)::unlink(jid_file(places).c_str());
}

}  // namespace supervisor
