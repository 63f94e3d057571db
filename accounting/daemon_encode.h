// SPDX-License-Identifier: Apache-2.0
// What a daemon told (a workload manager, a tape daemon, the site's own), to
// the bytes of one append, and what is wrong with it. A workload manager's is
// CSA's record; CSA's types for the others no published reader passes over
// (accounting/site_record.h), so their bytes stand in site records. Pure.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/csa_encode.h"
#include "core/record_switches.h"

namespace accounting {

/// MAX_WRACCT: the most that a daemon tells at once.
inline constexpr std::size_t kMostDaemonBytes = 1024;

struct DaemonEvent {
  RecordKey key;
  core::AccountKind kind = core::AccountKind::kWorkload;
  core::JobId jid;  ///< 0: of no job
  core::Uid by;
  core::RealTime when;
  std::vector<std::byte> bytes;
};

namespace detail {

/// Of a type of a workload record: its subtypes, as bits.
inline constexpr unsigned kWorkloadSubtypes[] = {0, 06, 02, 016, 0120, 076};

inline const char* fault_of(const csa::Workload& record) {
  const auto types = static_cast<std::int16_t>(std::size(kWorkloadSubtypes));
  if (record.type < 1 || record.type >= types)
    return "its type is unknown, expected 1 to 5";
  const bool has_subtype = record.subtype >= 0 && record.subtype < 32 &&
                           ((kWorkloadSubtypes[record.type] >>
                             static_cast<unsigned>(record.subtype)) &
                            1U) != 0;
  if (!has_subtype) return "its type has no such subtype";
  if (record.time <= 0 || record.enter_time < 0 || record.qwtime < 0)
    return "its times are not positive";
  if (record.reqid < 0 || record.arrayid < 0 || record.qtype < 0)
    return "its request, array and queue numbers are not positive";
  if (record.serv_provider[0] == '\0') return "it names no provider";
  if (std::memcmp(record.serv_provider, kSiteProvider, sizeof kSiteProvider) ==
      0)
    return "its provider is Corral";
  const bool is_named = record.machname[0] != '\0' &&
                        record.reqname[0] != '\0' && record.quename[0] != '\0';
  if (record.type != csa::kWorkloadInfo && !is_named)
    return "it names no machine, request or queue";
  return nullptr;
}

inline csa::Workload workload_of(const DaemonEvent& event) {
  csa::Workload record = {};
  std::memcpy(&record, event.bytes.data(),
              std::min(sizeof record, event.bytes.size()));
  record.head = csa::make_head(csa::RecordType::kWorkload, sizeof record);
  record.mark = csa::kAppendMark;
  record.spare = 0;
  return record;
}

}  // namespace detail

/// Null: it is right.
inline const char* fault_of(const DaemonEvent& event) {
  if (event.kind != core::AccountKind::kWorkload) {
    if (event.bytes.empty() || event.bytes.size() > kMostDaemonBytes)
      return "expected 1 to 1024 bytes";
    return nullptr;
  }
  if (event.bytes.size() != sizeof(csa::Workload))
    return "expected a wkmgmtbs, 208 bytes";
  return detail::fault_of(detail::workload_of(event));
}

/// Of an event without fault. A workload record's job is its own word, unless
/// that is 0.
inline std::vector<std::byte> encode(const DaemonEvent& event) {
  std::vector<std::byte> bytes;
  const auto put = [&bytes](const auto& record) {
    const auto view = std::as_bytes(std::span(&record, 1));
    bytes.insert(bytes.end(), view.begin(), view.end());
  };
  SiteDaemon site = {};
  site.head = detail::site_head(SiteKind::kDaemon, event.key, event.when);
  site.head.uid = event.by.raw();
  site.head.jid = event.jid.raw();
  site.key = event.key.key;
  site.kind = static_cast<std::uint32_t>(event.kind);
  site.size = static_cast<std::uint32_t>(event.bytes.size());
  if (event.kind == core::AccountKind::kWorkload) {
    csa::Workload record = detail::workload_of(event);
    if (record.jid == 0) record.jid = event.jid.raw();
    site.head.jid = record.jid;
    put(record);
  } else {
    for (std::size_t at = 0; at < event.bytes.size(); at += kSiteTextSize) {
      RecordBytes piece;
      const std::size_t size = std::min(kSiteTextSize, event.bytes.size() - at);
      detail::put_text(
          piece, site.head, site.key, SiteText::kPayload,
          {reinterpret_cast<const char*>(event.bytes.data() + at), size});
      bytes.insert(bytes.end(), piece.view().begin(), piece.view().end());
    }
  }
  site.head.kind_and_size |= static_cast<std::int32_t>(
      (bytes.size() + sizeof site) / csa::kRecordUnit << 8U);
  put(site);
  const std::size_t end = bytes.size() - sizeof(std::uint32_t);
  const std::uint32_t checksum = core::crc32c(std::span(bytes).first(end));
  std::memcpy(bytes.data() + end, &checksum, sizeof checksum);
  return bytes;
}

}  // namespace accounting
