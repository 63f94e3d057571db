// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/requests.h"

#include <algorithm>
#include <tuple>

namespace accounting::build {

void Requests::shift_uptimes() {
  for (BatchRequest& request : runs_.requests()) {
    for (RequestRun& run : request.runs)
      ++run.place.uptime;
    for (RequestRun& run : request.spools)
      ++run.place.uptime;
  }
}

void Requests::track(const csa::Workload& record, std::size_t uptime) {
  const auto [found, is_new] = track_by_key_.try_emplace(
      {record.reqid, record.arrayid, uptime, record.jid}, tracks_.size());
  if (!is_new) {
    ++tracks_[found->second].more;
    return;
  }
  tracks_.push_back({.reqid = record.reqid,
                     .arrayid = record.arrayid,
                     .uptime = uptime,
                     .jid = record.jid});
}

Outcome<void> Requests::attach_run(const RequestRun& run, Segments& segments,
                                   const std::string& pacct,
                                   std::string& said) {
  const csa::Workload& record = run.record;
  const std::size_t index = TRY(segments.place(
      {.kind = Kind::kWorkload, .jid = record.jid, .btime = record.time},
      run.place.uptime, said));
  if (index == Segment::kNone) return {};
  Segment& segment = segments.at(index);
  segment.workload.push_back(record);
  track(record, run.place.uptime);
  if (segment.reqid != -1 && segment.reqid != record.reqid) {
    ReportText jid;
    jid.plain_hex(record.jid);
    return stop(
        "An invalid (or multiple) request ID, array ID, or Job ID occurred in "
        "the file '" +
        pacct + std::to_string(run.place.file) + "'\n  near offset (" +
        std::to_string(run.place.offset) + ").  Job ID " +
        std::string(jid.view()) +
        " is associated with workload management request ID's " +
        std::to_string(record.reqid) + " and " + std::to_string(segment.reqid) +
        ".");
  }
  segment.reqid = record.reqid;
  segment.arrayid = record.arrayid;
  return {};
}

Outcome<void> Requests::attach(Segments& segments, const std::string& pacct,
                               std::string& said) {
  for (const BatchRequest& request : runs_.requests()) {
    for (const RequestRun& run : request.runs)
      TRY(attach_run(run, segments, pacct, said));
    for (const RequestRun& run : request.spools)
      TRY(attach_run(run, segments, pacct, said));
  }
  return {};
}

/// The runs of requests that have several. As published: as soon as one request
/// has a single run, only runs whose jid sorts before the mark that such a run
/// is given are left, which are those that never had a jid.
std::vector<Requests::Track> Requests::tracks_to_join() const {
  constexpr auto kMark = static_cast<std::uint64_t>(-9);
  std::vector<Track> tracks(tracks_.rbegin(), tracks_.rend());
  const auto by_key = [](const Track& a, const Track& b) {
    const auto key = [](const Track& t) {
      return std::tuple(t.reqid, t.arrayid, t.uptime);
    };
    if (key(a) != key(b)) return key(a) < key(b);
    // As published, by the low half: as a difference it would be no order.
    return static_cast<std::int32_t>(a.jid) < static_cast<std::int32_t>(b.jid);
  };
  std::ranges::stable_sort(tracks, by_key);
  bool has_single = false;
  for (auto begin = tracks.begin(); begin != tracks.end();) {
    const auto end = std::find_if(begin, tracks.end(), [&](const Track& t) {
      return t.reqid != begin->reqid || t.arrayid != begin->arrayid;
    });
    const bool is_kept = std::any_of(begin, end, [&](const Track& t) {
      return t.uptime != begin->uptime || t.more > 0 || t.jid != begin->jid;
    });
    has_single = has_single || !is_kept;
    begin = is_kept ? end : tracks.erase(begin, end);
  }
  if (has_single)
    std::erase_if(tracks, [](const Track& t) { return t.jid <= kMark; });
  return tracks;
}

Outcome<std::size_t> Requests::segment_of(const Track& track,
                                          Segments& segments) {
  const auto matches = [&](std::size_t at) {
    return segments.at(at).reqid == track.reqid &&
           segments.at(at).arrayid == track.arrayid;
  };
  if (track.jid == kNoJid) {
    for (const std::size_t at : segments.uptimes()[track.uptime].without_jid)
      if (matches(at)) return at;
  } else {
    for (std::size_t at = segments.head_of(track.uptime, track.jid);
         at != Segment::kNone; at = segments.at(at).next)
      if (matches(at)) return at;
  }
  ReportText jid;
  jid.plain_hex(track.jid);
  return stop("Could not find workload management request ID (reqid) " +
              std::to_string(track.reqid) + ", array ID (arrayid) " +
              std::to_string(track.arrayid) + ", Job ID (job) " +
              std::string(jid.view()) + ", uptime index (upind) " +
              std::to_string(track.uptime) + ".");
}

/// Joins the uses of one jid, or what an uptime has without one, that belong to
/// one request.
void Requests::join_uses(const Track& track, std::size_t first,
                         Segments& segments) {
  if (track.more == 0) return;
  if (track.jid == kNoJid) {
    for (const std::size_t at : segments.uptimes()[track.uptime].without_jid) {
      Segment& segment = segments.at(at);
      if (at == first || segment.reqid != track.reqid ||
          segment.arrayid != track.arrayid)
        continue;
      segments.at(first).joined.push_back(at);
      segment.is_joined = true;
    }
    return;
  }
  std::size_t before = first;
  for (std::size_t at = segments.at(first).next; at != Segment::kNone;
       at = segments.at(before).next) {
    Segment& segment = segments.at(at);
    if (segment.reqid != track.reqid || segment.arrayid != track.arrayid) {
      before = at;
      continue;
    }
    segments.at(first).joined.push_back(at);
    segment.is_joined = true;
    segments.at(before).next = segment.next;
    segments.at(before).is_closed = segment.is_closed;
  }
}

Outcome<void> Requests::condense(Segments& segments) {
  const std::vector<Track> tracks = tracks_to_join();
  for (std::size_t i = 0; i < tracks.size();) {
    const std::size_t first = TRY(segment_of(tracks[i], segments));
    join_uses(tracks[i], first, segments);
    std::size_t j = i + 1;
    for (; j < tracks.size() && tracks[j].reqid == tracks[i].reqid &&
           tracks[j].arrayid == tracks[i].arrayid;
         ++j) {
      const std::size_t next = TRY(segment_of(tracks[j], segments));
      if (next == first) continue;
      join_uses(tracks[j], next, segments);
      segments.at(first).joined.push_back(next);
      segments.at(next).is_joined = true;
    }
    i = j;
  }
  return {};
}

}  // namespace accounting::build
