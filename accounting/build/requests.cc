// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/requests.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace accounting::build {

namespace {

enum Type : std::int16_t { kReceived = 2, kBegun, kSpooled, kEnded };
constexpr std::int16_t kSpoolInit = 4;
constexpr std::int16_t kNoType = -1;

template <std::size_t N>
void copy_text(char (&to)[N], const char (&from)[N]) {
  std::memset(to, 0, N);
  std::memcpy(to, from, ::strnlen(from, N));
}

/// A consolidated record about nothing yet.
csa::Workload empty_record() {
  csa::Workload record = {};
  record.head = csa::make_head(csa::RecordType::kWorkload, sizeof record);
  record.term_subtype = kNoTerm;
  return record;
}

/// Fills a consolidated record from the first record about the run.
void begin_record(csa::Workload& to, const csa::Workload& from) {
  to.time = from.time;
  to.uid = from.uid;
  to.type = csa::kWorkloadConsolidated;
  to.prid = from.prid;
  to.ash = from.ash;
  to.jid = from.jid;
  to.reqid = from.reqid;
  to.arrayid = from.arrayid;
  to.qtype = from.qtype;
  to.code = 0;
  to.utime = from.utime;
  to.stime = from.stime;
  to.subtype = kNoInit;
  to.term_subtype = kNoTerm;
  to.qwtime = 0;
  to.sbu_wt = 1.0;
  copy_text(to.serv_provider, from.serv_provider);
  copy_text(to.machname, from.machname);
  copy_text(to.quename, from.quename);
  copy_text(to.reqname, from.reqname);
}

}  // namespace

Requests::Run& Requests::add_run(std::vector<Run>& runs, const Place& place) {
  runs.push_back({.place = place, .record = empty_record()});
  return runs.back();
}

Requests::Request& Requests::find_or_make(const csa::Workload& record,
                                          bool& is_new) {
  const auto [found, made] =
      by_key_.try_emplace({record.reqid, record.arrayid}, requests_.size());
  is_new = made;
  if (made) {
    requests_.push_back({});
    requests_.back().reqid = record.reqid;
    requests_.back().arrayid = record.arrayid;
  }
  return requests_[found->second];
}

void Requests::add(const csa::Workload& record, const Place& place) {
  switch (record.type) {
    case kReceived:
      return add_received(record, place);
    case kBegun:
      return add_begun(record, place);
    case kSpooled:
      return add_spooled(record, place);
    case kEnded:
      return add_ended(record, place);
    case csa::kWorkloadConsolidated:
      return add_recycled(record, place);
    default:
      return;  // information
  }
}

void Requests::add_received(const csa::Workload& record, const Place& place) {
  bool is_new = false;
  Request& request = find_or_make(record, is_new);
  if (request.runs.empty()) {
    begin_record(add_run(request.runs, place).record, record);
    request.runs.back().record.jid = kNoJid;
  }
  csa::Workload& run = request.runs.back().record;
  run.qtype = record.qtype;
  copy_text(run.quename, record.quename);
  request.last_type = kReceived;
}

void Requests::add_begun(const csa::Workload& record, const Place& place) {
  bool is_new = false;
  Request& request = find_or_make(record, is_new);
  const bool is_next =
      request.last_type != kReceived && request.last_type != kNoType;
  if (request.runs.empty() || is_next) add_run(request.runs, place);
  csa::Workload& run = request.runs.back().record;
  begin_record(run, record);
  run.subtype = record.subtype;
  if (record.enter_time > 0) run.qwtime = record.time - record.enter_time;
  request.last_type = kBegun;
}

void Requests::add_ended(const csa::Workload& record, const Place& place) {
  bool is_new = false;
  Request& request = find_or_make(record, is_new);
  if (request.runs.empty())
    begin_record(add_run(request.runs, place).record, record);
  csa::Workload& run = request.runs.back().record;
  if (run.term_subtype != kNoTerm) return;  // out of order
  run.code = record.code;
  run.utime = record.utime;
  run.stime = record.stime;
  run.term_subtype = record.subtype;
  request.last_type = kEnded;
}

/// Output that is spooled: jobs of their own, told apart by their jid; jid 0
/// means the first that has not ended.
void Requests::add_spooled(const csa::Workload& record, const Place& place) {
  bool is_new = false;
  Request& request = find_or_make(record, is_new);
  auto found = std::ranges::find_if(request.spools, [&](const Run& run) {
    return record.jid == 0 ? run.record.term_subtype == kNoTerm
                           : run.record.jid == record.jid;
  });
  if (found == request.spools.end()) {
    begin_record(add_run(request.spools, place).record, record);
    found = request.spools.end() - 1;
  }
  csa::Workload& run = found->record;
  run.subtype = kSpoolInit;
  if (record.subtype != csa::kSpoolTerm) return;
  run.utime = record.utime;
  run.stime = record.stime;
  run.term_subtype = csa::kSpoolTerm;
}

/// A consolidated record that csarecy put back: counts where nothing else is
/// known of the request.
void Requests::add_recycled(const csa::Workload& record, const Place& place) {
  bool is_new = false;
  Request& request = find_or_make(record, is_new);
  if (is_new) begin_record(add_run(request.runs, place).record, record);
}

void Requests::shift_uptimes() {
  for (Request& request : requests_) {
    for (Run& run : request.runs)
      ++run.place.uptime;
    for (Run& run : request.spools)
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

Outcome<void> Requests::attach_run(const Run& run, Segments& segments,
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
  for (const Request& request : requests_) {
    for (const Run& run : request.runs)
      TRY(attach_run(run, segments, pacct, said));
    for (const Run& run : request.spools)
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
