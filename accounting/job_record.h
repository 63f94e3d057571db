// SPDX-License-Identifier: Apache-2.0
// What of an append goes into a user's own file (ja(1)): CSA's records as the
// published daemon wrote them there, without Corral's. The key stands in two
// fields that CSA has to spare, so that no two records of a file are alike.
// Pure.
#pragma once

#include <cstring>
#include <optional>
#include <span>

#include "accounting/csa_encode.h"

namespace accounting {

struct JobRecord {
  RecordKey key;
  std::uint64_t jid = 0;
  bool is_end_of_job = false;        ///< nothing of the job comes behind it
  std::span<const std::byte> bytes;  ///< empty: it is not for users' files
};

namespace detail {

template <class Record>
std::optional<Record> copy_of(std::span<const std::byte> bytes) {
  Record record = {};
  if (bytes.size() < sizeof record) return std::nullopt;
  std::memcpy(&record, bytes.data(), sizeof record);
  return record;
}

}  // namespace detail

/// Of an append of Corral's; nothing: it is of no job, or none of Corral's.
/// `scratch` holds the bytes.
inline std::optional<JobRecord> job_record_of(std::span<const std::byte> append,
                                              RecordBytes& scratch) {
  const auto head = detail::copy_of<csa::Head>(append);
  if (!head || append.size() <= sizeof(SiteRecord) ||
      append.size() > sizeof scratch.data)
    return std::nullopt;
  const std::size_t records = append.size() - sizeof(SiteRecord);
  const auto site = detail::copy_of<SiteRecord>(append.subspan(records));
  if (!site || !is_site_record(site->head)) return std::nullopt;
  JobRecord found;
  found.key = {.instance = site->head.instance, .key = site->key};
  found.jid = site->head.jid;
  const auto type = static_cast<csa::RecordType>(head->type);
  found.is_end_of_job = type == csa::RecordType::kEndOfJob;
  if (type == csa::RecordType::kWorkload &&
      kind_of(site->head) == SiteKind::kDaemon &&
      records == sizeof(csa::Workload)) {
    auto told = detail::copy_of<csa::Workload>(append);
    told->mark = 0;
    scratch.size = 0;
    detail::put_bytes(scratch, &*told, sizeof *told);
    found.bytes = scratch.view();
    return found;
  }
  if (type != csa::RecordType::kCsa) return found;
  auto process = detail::copy_of<csa::Csa>(append);
  if (!process || kind_of(site->head) != SiteKind::kProcess)
    return std::nullopt;
  process->mark = 0;
  process->spare = found.key.instance;
  process->spare1 = found.key.key;
  scratch.size = 0;
  detail::put_bytes(scratch, append.data(), records);
  std::memcpy(scratch.data, &*process, sizeof *process);
  found.bytes = scratch.view();
  return found;
}

/// What a user's file begins with, and each start after: one acctcfg.
inline csa::Configuration job_configuration(const FileOpened& opened) {
  csa::Configuration record = {};
  const RecordBytes bytes = encode(opened);
  std::memcpy(&record, bytes.data, sizeof record);
  record.mark = 0;
  return record;
}

}  // namespace accounting
