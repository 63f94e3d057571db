// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <ctime>

#include "accounting/packed_file.h"
#include "accounting/records/damage_text.h"
#include "accounting/records/entry_write.h"
#include "accounting/site_record.h"
#include "accounting/text/local_clock.h"

namespace accounting::build {

namespace {

/// A process may have begun so much before accounting did.
constexpr std::int64_t kSlack = 60;
constexpr std::int64_t kYear = 365L * 86400;
/// No record is that old.
constexpr std::int64_t kTooEarly = 28 * kYear;

std::string number_and_date(std::int64_t time) {
  return std::to_string(static_cast<std::int32_t>(time)) + " - " +
         LocalClock::text(time).substr(0, 24);
}

/// Bytes of an entry as its own headers have them.
std::uint64_t told_size(const Entry& entry) {
  if (entry.process != nullptr)
    return entry.process->head.size + entry.process->second.size;
  if (entry.end != nullptr)
    return entry.end->head.size + entry.end->second.size;
  return entry.prime->size;
}

/// Unpacked, where it is packed, once for all that read it.
core::Result<sys::UniqueFd> open_input(const std::string& path) {
  return unpacked(
      TRY(sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NOCTTY)));
}

}  // namespace

core::Result<ByteWindow> window_on(const sys::UniqueFd& input) {
  return ByteWindow::of(TRY(input.duplicate()));
}

std::string FileReader::here() const {
  return "'" + options_.pacct + std::to_string(number_) + "'";
}

std::string FileReader::early_text() const {
  return "An earlier than expected time stamp was discovered in the file " +
         here() + " near offset (" + std::to_string(offset_) +
         ").  Examine the data set.";
}

void FileReader::tell_early(std::int64_t time, std::string_view kind) {
  console_.complain(
      std::string(kind) + ": EARLY_FUDGE error (" + number_and_date(time) +
      ") < (" + number_and_date(kTooEarly) + ")" +
      (kind == "REC_EOP" ? "." : "") + "\n" + early_text() + "\n");
}

void FileReader::tell_late(std::int64_t time, std::string_view kind) {
  has_damage_ = true;
  console_.complain(
      std::string(kind) + ": a time stamp (" + std::to_string(time) +
      ") behind the end of the last uptime was found in file " + here() +
      " near offset " + std::to_string(offset_) + "; the record is ignored.\n");
}

/// Puts an uptime before all others, once.
Outcome<void> FileReader::shift(std::int64_t begin) {
  if (is_shifted_)
    return stop(
        "Another record with an earlier than expected time stamp\n   "
        "was found in file " +
        here() + ".");
  is_shifted_ = true;
  auto& uptimes = segments_.uptimes();
  const Uptime before{.start = std::time(nullptr) - kYear,
                      .stop = begin - 1,
                      .jobs = {},
                      .without_jid = {}};
  uptimes.insert(uptimes.begin(), before);
  uptime_ = 0;
  requests_.shift_uptimes();
  return {};
}

Outcome<bool> FileReader::accept_time(std::int64_t time, std::string_view kind,
                                      std::int64_t slack) {
  auto& uptimes = segments_.uptimes();
  if (uptimes.empty()) enter_uptime(time);  // no boot was told
  const std::int64_t begin = uptimes.front().start;
  if (time >= begin || time + slack >= begin) return true;
  if (time < kTooEarly) {
    tell_early(time, kind);
    if (options_.ignores_bad) {
      console_.complain("The record was ignored.\n");
      return false;
    }
  }
  if (uptime_ != 0) return stop(early_text());
  TRY(shift(begin));
  return true;
}

Outcome<std::size_t> FileReader::find(const Wanted& wanted) {
  std::string said;
  const std::size_t index = TRY(segments_.place(wanted, uptime_, said));
  console_.complain(said);
  if (index != Segment::kNone) return index;
  console_.complain("No Job ID was found for a record from file " + here() +
                    " near offset " + std::to_string(offset_) + ".\n" +
                    (options_.ignores_bad ? "The record was ignored.\n" : ""));
  return index;
}

Outcome<std::size_t> FileReader::place_process(const csa::Csa& process) {
  if (!TRY(accept_time(process.btime, "REC_EOP", kSlack)))
    return Segment::kNone;
  const std::size_t count = segments_.uptimes().size();
  std::size_t uptime = uptime_;
  while (uptime < count && segments_.stop_of(uptime) < process.btime)
    ++uptime;
  if (uptime >= count) {  // only this record's time is wrong
    tell_late(process.btime, "REC_EOP");
    return Segment::kNone;
  }
  uptime_ = uptime;
  return find({.kind = Kind::kProcess,
               .jid = process.jid,
               .btime = process.btime,
               .stime = process.btime});
}

void FileReader::enter_uptime(std::int64_t boot) {
  auto& uptimes = segments_.uptimes();
  if (uptime_ < uptimes.size() && uptimes[uptime_].start == boot) return;
  for (std::size_t i = 0; i < uptimes.size(); ++i)
    if (uptimes[i].start == boot) {
      uptime_ = i;
      return;
    }
  uptime_ = uptimes.size();
  uptimes.push_back({.start = boot,
                     .stop = std::time(nullptr),
                     .jobs = {},
                     .without_jid = {}});
}

Outcome<std::size_t> FileReader::place_configuration(
    const csa::Configuration& record) {
  system_ = record.name;
  if (record.boottime != 0 || segments_.uptimes().empty())
    enter_uptime(record.boottime);
  return find(
      {.kind = Kind::kConfiguration, .jid = 0, .btime = record.curtime});
}

Outcome<std::size_t> FileReader::place_event(const Entry& entry) {
  if (entry.configuration != nullptr)
    return place_configuration(*entry.configuration);
  const bool is_start = entry.start != nullptr;
  const std::int64_t begin = is_start ? entry.start->btime : entry.end->btime;
  if (segments_.uptimes().empty()) enter_uptime(begin);
  if (is_start)
    return find({.kind = Kind::kStart,
                 .jid = entry.start->jid,
                 .btime = begin,
                 .stime = entry.start->rstime});
  return find({.kind = Kind::kEnd,
               .jid = entry.end->jid,
               .btime = begin,
               .etime = entry.end->etime});
}

Outcome<std::size_t> FileReader::place_workload(const csa::Workload& record) {
  // Corral's own site records are of no request; appends of several writers
  // need not be in the order of their times.
  const bool is_site_record = record.type == csa::kWorkloadInfo &&
                              std::memcmp(record.serv_provider, kSiteProvider,
                                          sizeof kSiteProvider) == 0;
  if (is_site_record) return Segment::kNone;
  const std::int64_t time = record.time;
  if (last_workload_ == 0) {
    if (!TRY(accept_time(time, "REC_WKMG", 0))) return Segment::kNone;
  } else if (last_workload_ > time && !is_disorder_told_) {
    is_disorder_told_ = true;
    console_.complain(
        "The workload management records were out of time order in file " +
        here() + "\n   near offset " + std::to_string(offset_) +
        " due to a date change or an invalid file.\n");
  }
  if (segments_.uptimes().empty()) enter_uptime(time);
  last_workload_ = time;
  std::size_t uptime = uptime_;
  while (uptime <= segments_.uptimes().size() &&
         segments_.stop_of(uptime) < time)
    ++uptime;
  // A time behind all uptimes is told when the request gets its segment; the
  // records behind this one do not suffer from it.
  if (uptime < segments_.uptimes().size()) uptime_ = uptime;
  requests_.add(record, {.uptime = uptime, .file = number_, .offset = offset_});
  return Segment::kNone;
}

Outcome<std::size_t> FileReader::place(const Entry& entry) {
  switch (entry.type()) {
    case csa::RecordType::kCsa:
      return place_process(*entry.process);
    case csa::RecordType::kConfiguration:
    case csa::RecordType::kStartOfJob:
    case csa::RecordType::kEndOfJob:
      return place_event(entry);
    case csa::RecordType::kWorkload:
      return place_workload(*entry.workload);
    default:
      console_.complain("Bad daemon identifier (" +
                        std::to_string(entry.prime->type) +
                        ") in header field.\n");
      return Segment::kNone;
  }
}

/// Adds an entry to what is known of its segment.
void FileReader::count(const Entry& entry, std::size_t index) {
  Segment& segment = segments_.at(index);
  const std::uint64_t size = written_size(entry);
  if (offset_ != entry.offset && !segment.misread)
    segment.misread = {.file = files_.size() - 1,
                       .offset = offset_,
                       .process_bytes_before = segment.process_bytes};
  if (entry.process != nullptr && entry.type() == csa::RecordType::kCsa) {
    const csa::Csa& process = *entry.process;
    segment.process_bytes += size;
    ++segment.processes;
    segment.by_process = {
        .jid = process.jid, .uid = process.uid, .btime = process.btime};
    return;
  }
  segment.event_bytes += size;
  ++segment.events;
  if (entry.end != nullptr) {
    segment.has_end = true;
    segment.by_event = {.jid = entry.end->jid,
                        .uid = entry.end->uid,
                        .btime = entry.end->btime};
  } else if (entry.start != nullptr) {
    segment.by_event = {.jid = entry.start->jid,
                        .uid = entry.start->uid,
                        .btime = entry.start->btime};
  }
}

Outcome<void> FileReader::read(InputFile& file, ByteWindow window) {
  ResilientReader reader(std::move(window));
  Entry entry;
  std::uint64_t drift = 0;  // the sum of what headers told wrongly
  file.is_empty = true;
  for (;;) {
    const bool is_entry = reader.next(entry);
    if (const auto& damage = reader.damage()) {
      console_.complain(damage_text(options_.program, file.path, *damage));
      has_damage_ = true;
    }
    if (!is_entry) break;
    file.is_empty = false;
    offset_ = entry.offset + drift;
    const std::size_t index = TRY(place(entry));
    if (index != Segment::kNone) count(entry, index);
    auto& stretches = file.stretches;
    if (stretches.empty() || stretches.back().segment != index)
      stretches.push_back({.segment = index, .entries = 0});
    ++stretches.back().entries;
    drift += told_size(entry) - entry.size;
  }
  if (file.is_empty)
    console_.complain(options_.program +
                      ": CAUTION: Empty pacct file found.\n");
  return {};
}

Outcome<void> FileReader::read_all(int most_files) {
  int last = 0;
  for (number_ = 0; number_ < 2; ++number_) {
    for (;; ++number_) {
      const std::string path = options_.pacct + std::to_string(number_);
      struct stat status = {};
      if (::stat(path.c_str(), &status) != 0) break;
      if (static_cast<int>(files_.size()) >= most_files)
        return stop("The file table is full.");
      auto input = open_input(path);
      auto window =
          input ? window_on(*input)
                : core::Result<ByteWindow>(std::unexpected(input.error()));
      if (!window)
        return stop(
            "An error occurred during the opening of file '" + path + "'.",
            window.error().code);
      last = number_;
      files_.push_back({.path = path,
                        .file = std::move(*input),
                        .number = number_,
                        .stretches = {}});
      TRY(read(files_.back(), std::move(*window)));
    }
  }
  if (last == 0)
    return stop("Could not open the first pacct file '" + options_.pacct +
                "1'.");
  std::string said;
  const auto attached = requests_.attach(segments_, options_.pacct, said);
  console_.complain(said);
  TRY(attached);
  if (options_.condenses) TRY(requests_.condense(segments_));
  return {};
}

}  // namespace accounting::build
