// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/command_table.h"

#include <algorithm>
#include <cstring>

#include "accounting/bounded_sum.h"
#include "accounting/text/quantities.h"
#include "accounting/text/report_text.h"
#include "accounting/text/shown_text.h"

namespace accounting {

namespace {

constexpr std::size_t kLongestName = 15;

/// One part of the day of a process. The published programs reckon the prime
/// part in single precision where it is multiplied with a whole number, the
/// other in double; so do we, to the last bit.
template <class Real>
void fill(csa::CommandUse& use, const Entry& entry, Real part,
          int memory_integral_number) {
  const csa::Csa& process = *entry.process;
  const auto times = [part](std::uint64_t count) {
    return static_cast<double>(static_cast<Real>(count) * part);
  };
  const auto wide = static_cast<double>(part);
  use.cpu = minutes_of_usec(process.stime + process.utime) * wide;
  use.system = minutes_of_usec(process.stime) * wide;
  use.real = minutes_of_usec(process.etime) * wide;
  if (entry.memory != nullptr) {
    const csa::Mem& memory = *entry.memory;
    const auto kb_minutes = [&](const csa::MemoryUse& of) {
      return minutes_of_usec(
          static_cast<double>(memory_integral(of, memory_integral_number)) *
          1024);
    };
    use.kcore = kb_minutes(memory.core) * wide;
    use.kvirt = kb_minutes(memory.virt) * wide;
    use.minor_faults = times(memory.minflt);
    use.major_faults = times(memory.majflt);
  }
  if (entry.io != nullptr) {
    use.chars_read = times(entry.io->chr);
    use.chars_written = times(entry.io->chw);
    use.reads = times(entry.io->scr);
    use.writes = times(entry.io->scw);
  }
  if (entry.delay != nullptr) {
    use.cpu_delay = minutes_of_nsec(entry.delay->cpu_delay_total) * wide;
    use.block_delay = minutes_of_nsec(entry.delay->blkio_delay_total) * wide;
    use.swap_delay = minutes_of_nsec(entry.delay->swapin_delay_total) * wide;
  }
}

/// Did it run more often than once?
bool is_repeated(const csa::CommandSummary& summary) {
  std::int64_t all = summary.prime.processes;
  add_bounded(all, summary.nonprime.processes);
  return all > 1;
}

/// What also a part without any time has.
void add_counts(csa::CommandUse& to, const csa::CommandUse& from) {
  add_bounded(to.processes, from.processes);
  to.core_himem += from.core_himem;
  to.virt_himem += from.virt_himem;
}

}  // namespace

void add_use(csa::CommandUse& to, const csa::CommandUse& from) {
  add_bounded(to.processes, from.processes);
  to.cpu += from.cpu;
  to.system += from.system;
  to.real += from.real;
  to.kcore += from.kcore;
  to.kvirt += from.kvirt;
  to.core_himem += from.core_himem;
  to.virt_himem += from.virt_himem;
  to.minor_faults += from.minor_faults;
  to.major_faults += from.major_faults;
  to.chars_read += from.chars_read;
  to.chars_written += from.chars_written;
  to.reads += from.reads;
  to.writes += from.writes;
  to.cpu_delay += from.cpu_delay;
  to.block_delay += from.block_delay;
  to.swap_delay += from.swap_delay;
}

std::size_t CommandTable::place_of(std::string_view name) {
  NameKey key;
  std::memcpy(&key, name.data(), std::min(name.size(), kLongestName));
  if (last_ != SIZE_MAX && key == last_key_) return last_;
  last_key_ = key;
  const auto found = by_name_.find(key);
  last_ = found != by_name_.end() ? found->second : place_of_new(name);
  by_name_.try_emplace(key, last_);
  return last_;
}

/// What may not be shown is '?': two names can be shown alike.
std::size_t CommandTable::place_of_new(std::string_view name) {
  csa::CommandSummary summary = {};
  std::memcpy(summary.name, name.data(), std::min(name.size(), kLongestName));
  mask_text({summary.name, std::strlen(summary.name)});
  const auto alike =
      std::ranges::find_if(summaries_, [&](const csa::CommandSummary& other) {
        return text_of(other.name) == text_of(summary.name);
      });
  if (alike != summaries_.end())
    return static_cast<std::size_t>(alike - summaries_.begin());
  summaries_.push_back(summary);
  largest_.push_back({});
  return summaries_.size() - 1;
}

void CommandReckoner::add(const Entry& entry,
                          std::vector<CommandShare>& shares) {
  const csa::Csa& process = *entry.process;
  auto elapsed = static_cast<std::int64_t>(seconds_of_usec(process.etime));
  if (elapsed == 0) elapsed = 1;
  const std::int64_t prime = biller_.prime_seconds(process.btime, elapsed);
  const auto part = static_cast<float>(static_cast<double>(prime) /
                                       static_cast<double>(elapsed));
  const int which = biller_.rules().memory_integral;
  const bool is_mostly_prime = prime > elapsed - prime;
  const auto begin = [&](CommandShare::Part kind) -> csa::CommandUse& {
    CommandShare& share = shares.emplace_back();
    share.part = kind;
    text_of(process.comm)
        .substr(0, kLongestName)
        .copy(share.name, kLongestName);
    share.has_memory = entry.memory != nullptr;
    if (share.has_memory) {
      share.use.core_himem = static_cast<double>(entry.memory->core.himem);
      share.use.virt_himem = static_cast<double>(entry.memory->virt.himem);
    }
    return share.use;
  };
  if (part != 0) {
    csa::CommandUse& use = begin(part == 1 ? CommandShare::Part::kPrime
                                           : CommandShare::Part::kBoth);
    fill(use, entry, part, which);
    use.processes = is_mostly_prime ? 1 : 0;
  }
  if (part == 1) return;
  csa::CommandUse& use = begin(CommandShare::Part::kNonprime);
  fill(use, entry, 1.0 - static_cast<double>(part), which);
  use.processes = is_mostly_prime ? 0 : 1;
}

void CommandTable::add(const std::vector<CommandShare>& shares) {
  bool is_second = false;
  for (const CommandShare& share : shares) {
    const std::size_t at = place_of(text_of(share.name));
    csa::CommandSummary& to = summaries_[at];
    const bool is_prime = share.part != CommandShare::Part::kNonprime;
    add_use(is_prime ? to.prime : to.nonprime, share.use);
    if (share.has_memory) {
      largest_[at].core = std::max(largest_[at].core, share.use.core_himem);
      largest_[at].virt = std::max(largest_[at].virt, share.use.virt_himem);
    }
    // What has no time of the other part counts there all the same.
    const bool is_first = share.part == CommandShare::Part::kBoth;
    if (!is_first && !is_second) {
      csa::CommandUse counts = share.use;
      counts.processes = 1 - share.use.processes;
      add_counts(is_prime ? to.nonprime : to.prime, counts);
    }
    is_second = is_first;
  }
}

void CommandTable::add(const csa::CommandSummary& summary) {
  knows_largest_ = false;
  const std::size_t at =
      place_of(text_of(summary.name).substr(0, kLongestName));
  add_use(summaries_[at].prime, summary.prime);
  add_use(summaries_[at].nonprime, summary.nonprime);
}

void CommandTable::join_singles() {
  const std::size_t other = place_of("***other");
  std::vector<csa::CommandSummary> kept;
  std::vector<LargestUse> kept_largest;
  for (std::size_t i = 0; i < summaries_.size(); ++i) {
    const csa::CommandSummary& summary = summaries_[i];
    if (i == other || is_repeated(summary)) continue;
    add_use(summaries_[other].prime, summary.prime);
    add_use(summaries_[other].nonprime, summary.nonprime);
    largest_[other].core = std::max(largest_[other].core, largest_[i].core);
    largest_[other].virt = std::max(largest_[other].virt, largest_[i].virt);
  }
  for (std::size_t i = 0; i < summaries_.size(); ++i) {
    const csa::CommandSummary& summary = summaries_[i];
    if (i != other && !is_repeated(summary)) continue;
    kept.push_back(summary);
    kept_largest.push_back(largest_[i]);
  }
  summaries_ = std::move(kept);
  largest_ = std::move(kept_largest);
  by_name_.clear();
  last_ = SIZE_MAX;
}

}  // namespace accounting
