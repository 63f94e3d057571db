// SPDX-License-Identifier: Apache-2.0
#include "accounting/use_part.h"

#include <algorithm>

#include "accounting/bounded_sum.h"

namespace accounting {

void UseSum::add(std::optional<std::uint64_t> more) {
  add_bounded(value, more.value_or(0));
  ++(more ? known : unknown);
}

void UseSum::add_at_least(std::optional<std::uint64_t> more) {
  add_bounded(value, more.value_or(0));
  ++unknown;
  partly += more ? 1U : 0U;
}

void UseSum::raise(std::optional<std::uint64_t> other) {
  value = std::max(value, other.value_or(0));
  ++(other ? known : unknown);
}

void UseSum::join(const UseSum& other) {
  add_bounded(value, other.value);
  known += other.known;
  unknown += other.unknown;
  partly += other.partly;
}

void UseSum::join_largest(const UseSum& other) {
  value = std::max(value, other.value);
  known += other.known;
  unknown += other.unknown;
  partly += other.partly;
}

UseFacts UseFacts::of(const RecordView& view) {
  return {.uid = view.uid,
          .gid = view.gid,
          .name = view.name,
          .project = view.project,
          .account = view.account,
          .asked = view.asked,
          .started_us = view.started_us,
          .ended_us = view.ended_us,
          .wall_us = view.wall_us,
          .user_us = view.user_us,
          .system_us = view.system_us,
          .memory_bytes = view.memory_bytes,
          .read_bytes = view.read_bytes,
          .written_bytes = view.written_bytes,
          .storage_read_bytes = view.storage_read_bytes,
          .storage_written_bytes = view.storage_written_bytes,
          .processes_not_seen = view.processes_not_seen,
          .has_totals = view.result.has_value()};
}

void JobPart::add_start(const RecordView& view) {
  start = UseFacts::of(view);
  has_start = true;
}

void JobPart::add_process(const RecordView& view,
                          std::optional<std::uint64_t> project_of_it) {
  ++processes;
  project = project_of_it;
  inclusive += view.is_inclusive.value_or(false) ? 1U : 0U;
  user_us.add(view.user_us);
  system_us.add(view.system_us);
  memory_bytes.raise(view.memory_bytes);
  read_bytes.add(view.read_bytes);
  written_bytes.add(view.written_bytes);
  storage_read_bytes.add(view.storage_read_bytes);
  storage_written_bytes.add(view.storage_written_bytes);
  if (!start.uid) start.uid = view.uid;
  if (!start.gid) start.gid = view.gid;
  if (!start.started_us) start.started_us = view.started_us;
}

void JobPart::join(const JobPart& later) {
  if (later.has_start) {
    start = later.start;
    has_start = true;
  } else {
    if (!start.uid) start.uid = later.start.uid;
    if (!start.gid) start.gid = later.start.gid;
    if (!start.started_us) start.started_us = later.start.started_us;
  }
  if (later.processes > 0) project = later.project;
  processes += later.processes;
  inclusive += later.inclusive;
  user_us.join(later.user_us);
  system_us.join(later.system_us);
  memory_bytes.join_largest(later.memory_bytes);
  read_bytes.join(later.read_bytes);
  written_bytes.join(later.written_bytes);
  storage_read_bytes.join(later.storage_read_bytes);
  storage_written_bytes.join(later.storage_written_bytes);
  units.join(later.units);
  end = later.end;
}

void CommandPart::add(const RecordView& view) {
  ++processes;
  wall_us.add(view.wall_us);
  user_us.add(view.user_us);
  system_us.add(view.system_us);
  memory_bytes.raise(view.memory_bytes);
  read_bytes.add(view.read_bytes);
  written_bytes.add(view.written_bytes);
  storage_read_bytes.add(view.storage_read_bytes);
  storage_written_bytes.add(view.storage_written_bytes);
}

std::uint64_t time_of(const RecordView& view) {
  return (view.ended_us ? view.ended_us : view.started_us).value_or(0);
}

}  // namespace accounting
