// SPDX-License-Identifier: Apache-2.0
// Maps of eBPF programs by their descriptors (bpf(2)), for who was given them:
// a look, a change, and what of them can be mapped. Loading programs is not
// done here.
#pragma once

#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/error.h"

namespace sys {

namespace detail {

inline core::Result<void> change_map(int command, int map, const void* key,
                                     void* value, std::uint64_t flags,
                                     const char* verb) {
  bpf_attr attributes = {};
  attributes.map_fd = static_cast<std::uint32_t>(map);
  attributes.key = reinterpret_cast<std::uint64_t>(key);
  attributes.value = reinterpret_cast<std::uint64_t>(value);
  attributes.flags = flags;
  if (::syscall(SYS_bpf, command, &attributes, sizeof attributes) < 0)
    return core::fail(errno, verb);
  return {};
}

}  // namespace detail

/// Errors: ENOENT; EPERM without CAP_BPF.
template <class Key, class Value>
[[nodiscard]] core::Result<Value> look_up(int map, const Key& key) {
  Value value = {};
  TRY(detail::change_map(BPF_MAP_LOOKUP_ELEM, map, &key, &value, 0,
                         "look up in a map"));
  return value;
}

/// Puts what is not there yet. Errors: EEXIST; E2BIG when the map is full.
template <class Key, class Value>
[[nodiscard]] core::Result<void> insert(int map, const Key& key, Value value) {
  return detail::change_map(BPF_MAP_UPDATE_ELEM, map, &key, &value, BPF_NOEXIST,
                            "insert into a map");
}

/// Puts, whatever is there. Errors: E2BIG when the map is full.
template <class Key, class Value>
[[nodiscard]] core::Result<void> replace(int map, const Key& key, Value value) {
  return detail::change_map(BPF_MAP_UPDATE_ELEM, map, &key, &value, BPF_ANY,
                            "put into a map");
}

/// Changes what is there. Errors: ENOENT.
template <class Key, class Value>
[[nodiscard]] core::Result<void> change(int map, const Key& key, Value value) {
  return detail::change_map(BPF_MAP_UPDATE_ELEM, map, &key, &value, BPF_EXIST,
                            "change in a map");
}

/// Errors: ENOENT.
template <class Key>
[[nodiscard]] core::Result<void> erase(int map, const Key& key) {
  return detail::change_map(BPF_MAP_DELETE_ELEM, map, &key, nullptr, 0,
                            "erase from a map");
}

/// Whether it has no key. Not that: it could not be told.
template <class Key>
[[nodiscard]] bool is_empty_map(int map) {
  Key first = {};
  const auto found = detail::change_map(BPF_MAP_GET_NEXT_KEY, map, nullptr,
                                        &first, 0, "list a map");
  return !found && found.error().code == ENOENT;
}

/// A range of a map in our memory.
class MappedRange {
 public:
  MappedRange() = default;
  /// Errors: those of mmap(2).
  [[nodiscard]] static core::Result<MappedRange> map(int fd, std::size_t offset,
                                                     std::size_t size,
                                                     int protection) {
    void* const at = ::mmap(nullptr, size, protection, MAP_SHARED, fd,
                            static_cast<off_t>(offset));
    if (at == MAP_FAILED) return core::fail(errno, "mmap", "a map");
    MappedRange range;
    range.at_ = at;
    range.size_ = size;
    return range;
  }
  MappedRange(MappedRange&& other) noexcept
      : at_(std::exchange(other.at_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  MappedRange& operator=(MappedRange&& other) noexcept {
    std::swap(at_, other.at_);
    std::swap(size_, other.size_);
    return *this;
  }
  MappedRange(const MappedRange&) = delete;
  MappedRange& operator=(const MappedRange&) = delete;
  ~MappedRange() {
    if (at_ != nullptr) (void)::munmap(at_, size_);
  }

  [[nodiscard]] void* get() const { return at_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void* at_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sys
