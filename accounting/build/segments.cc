// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/segments.h"

#include "accounting/request_runs.h"

namespace accounting::build {

std::size_t Segments::make(std::uint64_t jid) {
  segments_.push_back({});
  segments_.back().jid = jid;
  return segments_.size() - 1;
}

std::size_t Segments::head_of(std::size_t uptime, std::uint64_t jid) {
  const auto [found, is_new] =
      uptimes_[uptime].jobs.try_emplace(jid, Segment::kNone);
  if (is_new) found->second = make(jid);
  return found->second;
}

std::size_t Segments::last_of(std::size_t head) const {
  while (segments_[head].next != Segment::kNone)
    head = segments_[head].next;
  return head;
}

/// Processes, starts and ends belong to the last use of their jid; behind its
/// end there begins another one.
std::size_t Segments::place_process(const Wanted& wanted, std::size_t head,
                                    std::string& said) {
  const std::size_t last = last_of(head);
  if (segments_[last].is_closed) {
    if (wanted.etime != 0) {
      said += "A pacct EOJ record was found with no other records.\n";
      return Segment::kNone;
    }
    const std::size_t next = make(wanted.jid);
    segments_[next].start = wanted.stime;
    segments_[last].next = next;
    segments_[last].is_closed = false;
    return next;
  }
  Segment& segment = segments_[last];
  if (wanted.etime != 0) {
    segment.stop = wanted.etime;
    segment.is_closed = true;
  } else if (wanted.stime < segment.start || segment.start == 0) {
    segment.start = wanted.stime;
  }
  return last;
}

/// Other records belong to the use within whose times they are.
std::size_t Segments::place_other(const Wanted& wanted, std::size_t head) {
  for (std::size_t at = head; at != Segment::kNone; at = segments_[at].next) {
    Segment& segment = segments_[at];
    if (segment.start == 0 && segment.stop == 0) return at;
    if (wanted.kind == Kind::kWorkload && segment.reqid != -1) continue;
    if (segment.start != 0 && wanted.btime >= segment.start &&
        segment.stop != 0 && wanted.btime <= segment.stop)
      return at;
    if (segment.start == 0 && wanted.btime <= segment.stop) return at;
    if (segment.stop == 0) {
      if (segment.start == 0 ||
          (wanted.stime != 0 && segment.start > wanted.stime))
        segment.start = wanted.stime;
      return at;
    }
  }
  const std::size_t next = make(wanted.jid);
  Segment& last = segments_[last_of(head)];
  last.next = next;
  last.is_closed = false;
  return next;
}

Outcome<std::size_t> Segments::place(const Wanted& wanted, std::size_t uptime,
                                     std::string& said) {
  if (uptime > uptimes_.size()) {
    const std::string text =
        "An invalid time stamp value was found in record type (" +
        std::to_string(static_cast<int>(wanted.kind)) + ").";
    if (!ignores_bad_) return stop(text);
    said += text + "\nThe record was ignored.\n";
    return Segment::kNone;
  }
  if (stop_of(uptime) == 0) {
    said += "All of the boot times have been used.\n";
    return Segment::kNone;
  }
  if (wanted.kind == Kind::kWorkload && wanted.jid == kNoJid) {
    const std::size_t segment = make(wanted.jid);
    uptimes_[uptime].without_jid.push_back(segment);
    return segment;
  }
  const std::size_t head = head_of(uptime, wanted.jid);
  if (wanted.kind == Kind::kProcess || wanted.kind == Kind::kStart ||
      wanted.kind == Kind::kEnd)
    return place_process(wanted, head, said);
  return place_other(wanted, head);
}

}  // namespace accounting::build
