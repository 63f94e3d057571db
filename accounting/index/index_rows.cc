// SPDX-License-Identifier: Apache-2.0
#include "accounting/index/index_rows.h"

#include <utility>

#include "accounting/packed_fields.h"

namespace accounting::index {

namespace {

const UseFacts kNoEnd;

// Each function goes through the columns of a table, or the fields of a packed
// job, in their order: for a RowWriter or a FieldWriter with values to be
// written, and for a RowReader or a FieldReader with such to be filled.

template <class Row, class Sum>
void sum(Row& row, Sum& sum) {
  row.number(sum.value);
  row.number(sum.known);
  row.number(sum.unknown);
}

template <class Row, class Facts>
void amounts(Row& row, Facts& facts) {
  row.perhaps(facts.ended_us);
  row.perhaps(facts.wall_us);
  row.perhaps(facts.user_us);
  row.perhaps(facts.system_us);
  row.perhaps(facts.memory_bytes);
  row.perhaps(facts.read_bytes);
  row.perhaps(facts.written_bytes);
  row.perhaps(facts.storage_read_bytes);
  row.perhaps(facts.storage_written_bytes);
  row.perhaps(facts.processes_not_seen);
  row.number(facts.has_totals);
}

template <class Row, class File>
void columns(Row& row, File& file) {
  row.number(file.id);
  row.text(file.name);
  row.number(file.inode);
  row.number(file.size);
  row.number(file.mtime_ns);
  row.number(file.edges);
  row.number(file.covered);
  row.number(file.is_packed);
  row.text(file.node);
  row.number(file.lost);
  row.number(file.jobs);
  row.number(file.commands);
  row.number(file.places);
}

template <class Row, class Key>
void key_columns(Row& row, Key& key) {
  row.number(key.file);
  row.number(key.number);
}

/// `end`: of a job without one its columns are those of nothing.
template <class Row, class Part, class Facts>
void job_fields(Row& row, Part& part, Facts& end, bool& has_end) {
  row.number(part.jid);
  row.text(part.node);
  row.number(part.has_start);
  row.text(part.start.name);
  row.perhaps(part.start.uid);
  row.perhaps(part.start.gid);
  row.text(part.start.project);
  row.text(part.start.account);
  row.perhaps(part.start.started_us);
  row.number(has_end);
  row.perhaps(end.uid);
  row.perhaps(end.gid);
  row.perhaps(end.started_us);
  amounts(row, end);
  row.perhaps(part.project);
  row.number(part.processes);
  row.number(part.inclusive);
  sum(row, part.user_us);
  sum(row, part.system_us);
  sum(row, part.memory_bytes);
  sum(row, part.read_bytes);
  sum(row, part.written_bytes);
  sum(row, part.storage_read_bytes);
  sum(row, part.storage_written_bytes);
}

template <class Row, class Part>
void command_columns(Row& row, Part& part) {
  row.text(part.name);
  row.perhaps(part.uid);
  row.number(part.time_us);
  row.number(part.processes);
  sum(row, part.wall_us);
  sum(row, part.user_us);
  sum(row, part.system_us);
  sum(row, part.memory_bytes);
  sum(row, part.read_bytes);
  sum(row, part.written_bytes);
  sum(row, part.storage_read_bytes);
  sum(row, part.storage_written_bytes);
}

template <class Row, class Place>
void place_columns(Row& row, Place& place) {
  row.number(place.jid);
  row.number(place.first);
  row.number(place.last);
  row.text(place.node);
  row.number(place.lost);
}

}  // namespace

void add(JobBunch& bunch, const JobPart& part) {
  FieldWriter row(bunch.bytes);
  bool has_end = part.end.has_value();
  job_fields(row, part, has_end ? *part.end : kNoEnd, has_end);
  row.number(part.start.asked.size());
  for (const auto& [kind, bound] : part.start.asked) {
    row.number(kind);
    row.number(bound);
  }
  ++bunch.jobs;
}

bool unpack(const JobBunch& bunch,
            const std::function<void(const JobPart&)>& take) {
  FieldReader row(bunch.bytes);
  for (std::uint64_t i = 0; i < bunch.jobs; ++i) {
    JobPart part;
    UseFacts end;
    bool has_end = false;
    std::size_t asked = 0;
    job_fields(row, part, end, has_end);
    row.number(asked);
    constexpr std::size_t kLeast = 2;  // bytes of each
    if (!row.is_whole() || asked > row.left() / kLeast) return false;
    part.start.asked.resize(asked);
    for (auto& [kind, bound] : part.start.asked) {
      row.number(kind);
      row.number(bound);
    }
    if (!row.is_whole() || (!has_end && end != kNoEnd)) return false;
    if (has_end) part.end = std::move(end);
    take(part);
  }
  return row.left() == 0;
}

bool put(Statement& statement, const FileRow& file) {
  RowWriter row(statement);
  columns(row, file);
  return row.finish();
}

bool put(Statement& statement, const RowKey& key, const JobBunch& bunch) {
  RowWriter row(statement);
  key_columns(row, key);
  row.number(bunch.jobs);
  row.bytes(bunch.bytes);
  return row.finish();
}

bool put(Statement& statement, const RowKey& key, const CommandPart& part) {
  RowWriter row(statement);
  key_columns(row, key);
  command_columns(row, part);
  return row.finish();
}

bool put(Statement& statement, const RowKey& key, const PlaceRow& place) {
  RowWriter row(statement);
  key_columns(row, key);
  place_columns(row, place);
  return row.finish();
}

bool get(const Statement& statement, FileRow& file) {
  RowReader row(statement);
  columns(row, file);
  return row.is_sound();
}

bool get(const Statement& statement, RowKey& key, JobBunch& bunch) {
  RowReader row(statement);
  key_columns(row, key);
  row.number(bunch.jobs);
  row.bytes(bunch.bytes);
  return row.is_sound();
}

bool get(const Statement& statement, RowKey& key, CommandPart& part) {
  RowReader row(statement);
  key_columns(row, key);
  command_columns(row, part);
  return row.is_sound();
}

bool get(const Statement& statement, RowKey& key, PlaceRow& place) {
  RowReader row(statement);
  key_columns(row, key);
  place_columns(row, place);
  return row.is_sound();
}

}  // namespace accounting::index
