// SPDX-License-Identifier: Apache-2.0
#include "cli/report/copies.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "accounting/csa_file.h"
#include "accounting/packed_file.h"
#include "cli/terminal_text.h"
#include "sys/unique_fd.h"

namespace cli {

namespace {

constexpr std::size_t kPiece = 256U << 10;

/// What a file holds, from its beginning on.
class Contents {
 public:
  /// Nothing: it cannot be read.
  static std::unique_ptr<Contents> open(const std::string& path) {
    auto file = accounting::open_for_reading(path.c_str());
    if (!file) return nullptr;
    const auto is_packed = accounting::is_packed(file->get());
    if (!is_packed) return nullptr;
    return std::unique_ptr<Contents>(
        new Contents(std::move(*file), *is_packed));
  }

  /// Fewer bytes than there is room for only at the end; nothing: damage.
  std::optional<std::size_t> read(std::span<std::byte> room) {
    if (packed_) {
      const auto n = packed_->read(room);
      return n ? std::optional(*n) : std::nullopt;
    }
    std::size_t held = 0;
    while (held < room.size()) {
      const ssize_t n =
          ::read(file_.get(), room.data() + held, room.size() - held);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return std::nullopt;
      if (n == 0) break;
      held += static_cast<std::size_t>(n);
    }
    return held;
  }

 private:
  Contents(sys::UniqueFd file, bool is_packed) : file_(std::move(file)) {
    if (is_packed) packed_.emplace(file_.get());
  }

  sys::UniqueFd file_;
  std::optional<accounting::UnpackStream> packed_;
};

enum class Holding { kNeither, kFirstHoldsSecond, kSecondHoldsFirst };

/// Reads both side by side as long as they are the same.
Holding compare(const std::string& first, const std::string& second) {
  const auto one = Contents::open(first);
  const auto other = Contents::open(second);
  if (!one || !other) return Holding::kNeither;
  std::vector<std::byte> a(kPiece);
  std::vector<std::byte> b(kPiece);
  for (;;) {
    const auto of_a = one->read(a);
    const auto of_b = other->read(b);
    if (!of_a || !of_b) return Holding::kNeither;
    if (std::memcmp(a.data(), b.data(), std::min(*of_a, *of_b)) != 0)
      return Holding::kNeither;
    if (*of_b < kPiece && *of_b <= *of_a) return Holding::kFirstHoldsSecond;
    if (*of_a < kPiece) return Holding::kSecondHoldsFirst;
  }
}

/// A file, and the bytes that it begins with, by which most are told apart.
struct Candidate {
  std::string path;
  std::vector<std::byte> head;
};

std::vector<std::byte> head_of(const std::string& path) {
  constexpr std::size_t kHead = 4096;
  std::vector<std::byte> head(kHead);
  const auto contents = Contents::open(path);
  const auto size = contents ? contents->read(head) : std::nullopt;
  head.resize(size.value_or(0));
  return head;
}

Holding compare(const Candidate& first, const Candidate& second) {
  const std::size_t size = std::min(first.head.size(), second.head.size());
  // In one that is empty nothing is counted.
  if (size == 0 ||
      std::memcmp(first.head.data(), second.head.data(), size) != 0)
    return Holding::kNeither;
  return compare(first.path, second.path);
}

}  // namespace

std::vector<std::string> pass_over_copies(std::vector<std::string>& paths) {
  std::vector<Candidate> kept;
  std::vector<std::string> said;
  const auto say = [&said](const std::string& copy, const std::string& of) {
    said.push_back("'" + printable(copy) + "' is passed over: '" +
                   printable(of) + "' has all that is in it");
  };
  for (const std::string& path : paths) {
    Candidate next = {.path = path, .head = head_of(path)};
    bool is_held = false;
    std::erase_if(kept, [&](const Candidate& before) {
      const Holding holding =
          is_held ? Holding::kNeither : compare(before, next);
      if (holding == Holding::kFirstHoldsSecond) say(path, before.path);
      if (holding == Holding::kSecondHoldsFirst) say(before.path, path);
      is_held = is_held || holding == Holding::kFirstHoldsSecond;
      return holding == Holding::kSecondHoldsFirst;
    });
    if (!is_held) kept.push_back(std::move(next));
  }
  paths.clear();
  for (Candidate& candidate : kept)
    paths.push_back(std::move(candidate.path));
  return said;
}

}  // namespace cli
