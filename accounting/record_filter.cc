// SPDX-License-Identifier: Apache-2.0
#include "accounting/record_filter.h"

#include <cstring>
#include <optional>

namespace accounting {

namespace {

using core::AccountKind;
using core::RecordSwitches;
using csa::RecordType;

/// A record that may be linked to a process's.
struct LinkedRow {
  RecordType type;
  AccountKind kind;
  std::uint8_t bit;       ///< of the second header
  std::uint32_t present;  ///< bits of SiteProcess that go with it
};

constexpr std::uint32_t bits(std::initializer_list<core::Counters> counters) {
  std::uint32_t all = 0;
  for (const core::Counters counter : counters)
    all |= static_cast<std::uint32_t>(counter);
  return all;
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr LinkedRow kLinked[] = {
    {RecordType::kMem, AccountKind::kMemory, csa::kHasMem,
     bits({core::Counters::kIntegrals, core::Counters::kVirtualPeak})},
    {RecordType::kIo, AccountKind::kIo, csa::kHasIo,
     bits({core::Counters::kIo, core::Counters::kRoundedIo})},
    {RecordType::kDelay, AccountKind::kDelay, csa::kHasDelay,
     bits({core::Counters::kCpuDelay, core::Counters::kBlockDelay})},
};
// NOLINTEND(modernize-use-designated-initializers)

const LinkedRow* find_linked(std::uint8_t type) {
  for (const LinkedRow& row : kLinked)
    if (static_cast<std::uint8_t>(row.type) == type) return &row;
  return nullptr;
}

template <class Record>
std::optional<Record> record_at(std::span<const std::byte> bytes) {
  Record record = {};
  if (bytes.size() < sizeof record) return std::nullopt;
  std::memcpy(&record, bytes.data(), sizeof record);
  return record;
}

/// A process's append, taken apart.
class ProcessAppend {
 public:
  explicit ProcessAppend(std::span<const std::byte> append)
      : append_(append), base_(record_at<csa::Csa>(append)) {
    if (append.size() < sizeof(SiteProcess)) return;
    site_ = record_at<SiteProcess>(
        append.subspan(append.size() - sizeof(SiteProcess)));
    is_whole_ = base_ && site_ && is_site_record(site_->head) &&
                kind_of(site_->head) == SiteKind::kProcess;
  }

  [[nodiscard]] bool is_whole() const { return is_whole_; }

  /// A counter that was not collected is below nothing.
  [[nodiscard]] bool is_below(const RecordSwitches& switches) const {
    if (switches.has(AccountKind::kMemoryThreshold) &&
        has(core::Counters::kVirtualPeak)) {
      const auto memory = find_memory();
      if (memory && memory->virt.himem < switches.memory_kib) return true;
    }
    return switches.has(AccountKind::kTimeThreshold) &&
           has(core::Counters::kUsage) &&
           base_->utime + base_->stime < switches.time_us;
  }

  void rewrite(const RecordSwitches& switches, RecordBytes& to) {
    to.size = 0;
    base_->head.flag &= static_cast<std::uint8_t>(~csa::kMoreFollow);
    base_->second =
        csa::make_second_head(RecordType::kCsa, 0, 0);  // grows in link()
    detail::put(to, *base_);
    std::size_t last = 0;  // where the record is that another one follows
    for_each_linked([&](const LinkedRow& row, std::span<const std::byte> one) {
      if (switches.has(row.kind)) return link(row, one, last, to);
      site_->present &= ~row.present;
      if (row.kind == AccountKind::kIo) site_->read_bytes = 0;
      if (row.kind == AccountKind::kIo) site_->write_bytes = 0;
    });
    std::memcpy(to.data + offsetof(csa::Csa, second), &base_->second,
                sizeof base_->second);
    site_->head.kind_and_size = static_cast<std::int32_t>(SiteKind::kProcess);
    detail::put_last(to, *site_);
  }

 private:
  [[nodiscard]] bool has(core::Counters counters) const {
    return (site_->present & static_cast<std::uint32_t>(counters)) != 0;
  }

  template <class Each>
  void for_each_linked(const Each& each) const {
    auto rest = append_.subspan(sizeof(csa::Csa));
    for (auto head = record_at<csa::Head>(rest); head;
         head = record_at<csa::Head>(rest)) {
      const LinkedRow* const row = find_linked(head->type);
      if (row == nullptr || head->size > rest.size() || head->size == 0) return;
      each(*row, rest.first(head->size));
      rest = rest.subspan(head->size);
    }
  }

  [[nodiscard]] std::optional<csa::Mem> find_memory() const {
    std::optional<csa::Mem> memory;
    for_each_linked([&](const LinkedRow& row, std::span<const std::byte> one) {
      if (row.type == RecordType::kMem) memory = record_at<csa::Mem>(one);
    });
    return memory;
  }

  static void set_flag(std::byte* record, bool more_follow) {
    constexpr std::size_t kPlace = offsetof(csa::Head, flag);
    record[kPlace] = more_follow
                         ? record[kPlace] | std::byte{csa::kMoreFollow}
                         : record[kPlace] & ~std::byte{csa::kMoreFollow};
  }

  void link(const LinkedRow& row, std::span<const std::byte> one,
            std::size_t& last, RecordBytes& to) {
    set_flag(to.data + last, true);
    last = to.size;
    detail::put_bytes(to, one.data(), one.size());
    set_flag(to.data + last, false);
    base_->second.type |= row.bit;
    base_->second.size =
        static_cast<std::uint16_t>(base_->second.size + one.size());
  }

  std::span<const std::byte> append_;
  std::optional<csa::Csa> base_;
  std::optional<SiteProcess> site_;
  bool is_whole_ = false;
};

constexpr std::uint32_t kWholeProcess =
    core::bit_of(AccountKind::kCsa) | core::bit_of(AccountKind::kMemory) |
    core::bit_of(AccountKind::kIo) | core::bit_of(AccountKind::kDelay);
constexpr std::uint32_t kThresholds =
    core::bit_of(AccountKind::kMemoryThreshold) |
    core::bit_of(AccountKind::kTimeThreshold);

std::span<const std::byte> filter_process(const RecordSwitches& switches,
                                          std::span<const std::byte> append,
                                          RecordBytes& scratch) {
  if (!switches.has(AccountKind::kCsa)) return {};
  if ((switches.kinds & (kWholeProcess | kThresholds)) == kWholeProcess)
    return append;
  ProcessAppend process(append);
  if (!process.is_whole()) return append;
  if (process.is_below(switches)) return {};
  if ((switches.kinds & kWholeProcess) == kWholeProcess) return append;
  process.rewrite(switches, scratch);
  return scratch.view();
}

/// What bears its kind in the site record that ends it.
std::span<const std::byte> filter_site(const RecordSwitches& switches,
                                       std::span<const std::byte> append) {
  if (append.size() < sizeof(SiteDaemon)) return append;
  const auto site =
      record_at<SiteDaemon>(append.subspan(append.size() - sizeof(SiteDaemon)));
  if (!is_site_record(site->head)) return append;
  bool is_on = true;
  if (kind_of(site->head) == SiteKind::kLimits ||
      kind_of(site->head) == SiteKind::kEnd)
    is_on = switches.has(AccountKind::kJob);
  if (kind_of(site->head) == SiteKind::kDaemon)
    is_on = site->kind < 32 && (switches.kinds & (1U << site->kind)) != 0;
  if (!is_on) return {};
  return append;
}

}  // namespace

std::span<const std::byte> filter_append(const RecordSwitches& switches,
                                         std::span<const std::byte> append,
                                         RecordBytes& scratch) {
  const auto head = record_at<csa::Head>(append);
  if (!head || head->magic != csa::kMagic) return append;
  if (!switches.is_writing()) return {};
  switch (static_cast<RecordType>(head->type)) {
    case RecordType::kCsa:
      return filter_process(switches, append, scratch);
    case RecordType::kStartOfJob:
    case RecordType::kEndOfJob:
      if (!switches.has(AccountKind::kJob)) return {};
      return append;
    case RecordType::kWorkload:
      return filter_site(switches, append);
    default:
      return append;
  }
}

}  // namespace accounting
