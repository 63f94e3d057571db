// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/summary_file.h"

#include <algorithm>

namespace accounting {

namespace {

template <class Number>
void turn(Number& number) {
  auto* const bytes = reinterpret_cast<std::byte*>(&number);
  std::reverse(bytes, bytes + sizeof number);
}

template <class... Numbers>
void turn_all(Numbers&... numbers) {
  (turn(numbers), ...);
}

void turn_head(csa::Head& head) {
  turn_all(head.magic, head.revision, head.size);
  head.magic = csa::kMagic;
}

/// A struct of 64-bit numbers only.
template <class Struct>
void turn_words(Struct& words) {
  static_assert(sizeof words % 8 == 0);
  auto* const bytes = reinterpret_cast<std::byte*>(&words);
  for (std::size_t at = 0; at < sizeof words; at += 8)
    std::reverse(bytes + at, bytes + at + 8);
}

}  // namespace

void swap_record(csa::Consolidated& record) {
  turn_head(record.head);
  turn_all(record.uid, record.gid, record.prid, record.jid, record.ash,
           record.jobs, record.disk_use, record.disk_samples, record.processes,
           record.sbu, record.fee);
  turn_words(record.prime);
  turn_words(record.nonprime);
  for (csa::Consolidated::Tape& tape : record.tapes)
    turn_all(tape.mounts, tape.reads, tape.writes, tape.reserved, tape.utime,
             tape.stime);
  turn_all(record.requests, record.request_utime, record.request_stime);
}

void swap_record(csa::CommandSummary& record) {
  turn_head(record.head);
  turn_words(record.prime);
  turn_words(record.nonprime);
}

}  // namespace accounting
