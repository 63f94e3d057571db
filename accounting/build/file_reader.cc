// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <ctime>

#include "accounting/records/damage_text.h"
#include "accounting/records/entry_write.h"
#include "accounting/site_record.h"
#include "accounting/text/local_clock.h"
#include "accounting/text/progress.h"

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

}  // namespace

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
  uptime_ = 1;  // what comes behind is of the boot that was told
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

/// A record of before the first boot that was told, which those behind it are
/// not.
bool FileReader::is_before_boots(std::int64_t time, std::int64_t slack) const {
  return is_shifted_ && time + slack < segments_.uptimes()[1].start;
}

bool FileReader::is_of_known_job(std::uint64_t jid, std::int64_t time) const {
  return time >= kTooEarly && segments_.knows(uptime_, jid);
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
  const Wanted wanted = {.kind = Kind::kProcess,
                         .jid = process.jid,
                         .btime = process.btime,
                         .stime = process.btime};
  if (is_of_known_job(process.jid, process.btime)) return find(wanted);
  if (!TRY(accept_time(process.btime, "REC_EOP", kSlack)))
    return Segment::kNone;
  const std::size_t count = segments_.uptimes().size();
  const std::size_t before = uptime_;
  const bool is_early = is_before_boots(process.btime, kSlack);
  std::size_t uptime = is_early ? 0 : uptime_;
  while (uptime < count && segments_.stop_of(uptime) < process.btime)
    ++uptime;
  if (uptime >= count) {  // only this record's time is wrong
    tell_late(process.btime, "REC_EOP");
    return Segment::kNone;
  }
  uptime_ = uptime;
  auto found = find(wanted);
  if (is_early) uptime_ = before;
  return found;
}

void FileReader::enter_uptime(std::int64_t boot) {
  auto& uptimes = segments_.uptimes();
  // csarecy puts requests that wait before the boot in which they do.
  const bool is_told_late =
      is_guessed_ && uptimes.size() == 1 && boot <= uptimes.front().start;
  is_guessed_ = false;
  if (is_told_late) uptimes.front().start = boot;
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

Outcome<std::size_t> FileReader::place_start(std::uint64_t jid,
                                             std::int64_t btime,
                                             std::int64_t rstime) {
  if (segments_.uptimes().empty()) enter_uptime(btime);
  return find(
      {.kind = Kind::kStart, .jid = jid, .btime = btime, .stime = rstime});
}

Outcome<std::size_t> FileReader::place_end(std::uint64_t jid,
                                           std::int64_t btime,
                                           std::int64_t etime) {
  if (segments_.uptimes().empty()) enter_uptime(btime);
  return find({.kind = Kind::kEnd, .jid = jid, .btime = btime, .etime = etime});
}

Outcome<std::size_t> FileReader::place_event(const Entry& entry) {
  if (entry.configuration != nullptr)
    return place_configuration(*entry.configuration);
  if (const csa::StartOfJob* const start = entry.start)
    return place_start(start->jid, start->btime, start->rstime);
  return place_end(entry.end->jid, entry.end->btime, entry.end->etime);
}

Outcome<std::size_t> FileReader::place_workload(const csa::Workload& record) {
  // Corral's own site records are of no request; appends of several writers
  // need not be in the order of their times.
  const bool is_site_record = record.type == csa::kWorkloadInfo &&
                              std::memcmp(record.serv_provider, kSiteProvider,
                                          sizeof kSiteProvider) == 0;
  if (is_site_record) return Segment::kNone;
  const std::int64_t time = record.time;
  if (segments_.uptimes().empty()) {
    enter_uptime(time);
    is_guessed_ = true;
  }
  if (last_workload_ == 0) {
    if (!is_of_known_job(record.jid, time) &&
        !TRY(accept_time(time, "REC_WKMG", 0)))
      return Segment::kNone;
  } else if (last_workload_ > time && !is_disorder_told_) {
    is_disorder_told_ = true;
    console_.complain(
        "The workload management records were out of time order in file " +
        here() + "\n   near offset " + std::to_string(offset_) +
        " due to a date change or an invalid file.\n");
  }
  last_workload_ = time;
  const bool is_early = is_before_boots(time, 0);
  std::size_t uptime = is_early ? 0 : uptime_;
  while (uptime <= segments_.uptimes().size() &&
         segments_.stop_of(uptime) < time)
    ++uptime;
  // A time behind all uptimes is told when the request gets its segment; the
  // records behind this one do not suffer from it.
  if (uptime < segments_.uptimes().size() && !is_early) uptime_ = uptime;
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

/// Entries that get one place.
struct FileReader::Counted {
  std::uint32_t entries = 1;
  std::uint32_t bytes = 0;
  bool is_process = false;
  bool is_end = false;
  std::optional<Identity> identity = {};
  bool is_drifted = false;  ///< the published count has another offset

  static Counted of(const Entry& entry) {
    Counted counted = {.bytes =
                           static_cast<std::uint32_t>(written_size(entry))};
    if (entry.process != nullptr && entry.type() == csa::RecordType::kCsa) {
      counted.is_process = true;
      counted.learn(*entry.process);
    } else if (entry.end != nullptr) {
      counted.is_end = true;
      counted.learn(*entry.end);
    } else if (entry.start != nullptr) {
      counted.learn(*entry.start);
    }
    return counted;
  }
  static Counted of(const Scanned& item) {
    return {
        .entries = item.entries,
        .bytes = item.bytes,
        .is_process = item.kind == Scanned::Kind::kProcesses,
        .is_end = item.kind == Scanned::Kind::kEnd,
        .identity = {{.jid = item.jid, .uid = item.uid, .btime = item.btime}}};
  }

 private:
  template <class Record>
  void learn(const Record& record) {
    identity = {.jid = record.jid, .uid = record.uid, .btime = record.btime};
  }
};

Outcome<void> FileReader::end_stretch() {
  if (stretch_.entries == 0) return {};
  const auto added = stretches_.add(stretch_);
  stretch_ = {};
  if (added) return {};
  return stop("An error occurred during the writing of a temporary file.",
              added.error().code);
}

/// Adds to the stretch in hand, or begins another one.
Outcome<void> FileReader::stretch(const Counted& counted, std::size_t index,
                                  const Before& before) {
  const auto segment = static_cast<std::uint32_t>(index);
  const bool goes_on = stretch_.entries > 0 && stretch_.segment == segment &&
                       (stretch_.is_process != 0) == counted.is_process;
  if (!goes_on) {
    TRY(end_stretch());
    stretch_.segment = segment;
    stretch_.before = before.bytes;
    stretch_.processes_before =
        static_cast<std::uint32_t>(before.processes) & 0x7FFFFFFFU;
    stretch_.is_process = counted.is_process ? 1 : 0;
  }
  stretch_.entries += counted.entries;
  stretch_.bytes += counted.bytes;
  return {};
}

/// Adds entries to what is known of their segment.
Outcome<void> FileReader::count(const Counted& counted, std::size_t index) {
  if (index == Segment::kNone) return stretch(counted, index, {});
  Segment& segment = segments_.at(index);
  if (counted.is_drifted && !segment.misread)
    segment.misread = std::make_unique<Misread>(
        Misread{.file = files_.size() - 1,
                .offset = offset_,
                .process_bytes_before = segment.process_bytes});
  std::uint64_t& bytes =
      counted.is_process ? segment.process_bytes : segment.event_bytes;
  const Before before = {.bytes = bytes, .processes = segment.processes};
  bytes += counted.bytes;
  if (counted.is_process) {
    segment.processes += static_cast<std::int32_t>(counted.entries);
    segment.by_process = counted.identity;
  } else {
    segment.events += static_cast<std::int32_t>(counted.entries);
    segment.has_end = segment.has_end || counted.is_end;
    if (counted.identity) segment.by_event = counted.identity;
  }
  return stretch(counted, index, before);
}

class FileReader::Again {
 public:
  Again(ByteWindow window, std::string path)
      : reader_(std::move(window)), path_(std::move(path)) {}

  [[nodiscard]] ResilientReader& reader() { return reader_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  ResilientReader reader_;
  std::string path_;
};

/// Places the entries from `begin` on until that many were read, or `end` is
/// reached.
Outcome<void> FileReader::look_again(Again& again, std::uint64_t begin,
                                     std::uint64_t end, std::uint64_t entries) {
  ResilientReader& reader = again.reader();
  reader.reader().seek(begin);
  Entry entry;
  for (; entries > 0 && reader.reader().position() < end; --entries) {
    const bool is_entry = reader.next(entry);
    if (const auto& damage = reader.damage()) {
      console_.complain(damage_text(options_.program, again.path(), *damage));
      has_damage_ = true;
    }
    if (!is_entry) break;
    files_.back().is_empty = false;
    offset_ = entry.offset + drift_;
    const std::size_t index = TRY(place(entry));
    Counted counted = Counted::of(entry);
    counted.is_drifted = drift_ != 0;
    TRY(count(counted, index));
    drift_ += told_size(entry) - entry.size;
  }
  return {};
}

/// Are all of them of the boot in hand, which then stays in hand?
bool FileReader::is_in_uptime(const Scanned& processes) const {
  const auto& uptimes = segments_.uptimes();
  if (uptime_ >= uptimes.size()) return false;
  const std::int64_t begin = uptimes[is_shifted_ ? 1 : 0].start;
  return segments_.stop_of(uptime_) >= processes.last &&
         (processes.first >= begin || processes.first + kSlack >= begin);
}

Outcome<void> FileReader::take(const Scanned& item, Again& again) {
  using What = Scanned::Kind;
  const bool is_known = item.kind != What::kOther &&
                        (item.kind != What::kProcesses || is_in_uptime(item));
  if (!is_known)
    return look_again(again, item.offset, UINT64_MAX, item.entries);
  files_.back().is_empty = false;
  offset_ = item.offset + drift_;
  const std::size_t index = TRY(
      item.kind == What::kProcesses ? find({.kind = build::Kind::kProcess,
                                            .jid = item.jid,
                                            .btime = item.first,
                                            .stime = item.first})
      : item.kind == What::kStart ? place_start(item.jid, item.btime, item.last)
                                  : place_end(item.jid, item.btime, item.last));
  Counted counted = Counted::of(item);
  counted.is_drifted = drift_ != 0;
  return count(counted, index);
}

Outcome<void> FileReader::take(const BlockResult<std::vector<Scanned>>& block,
                               Again& again) {
  files_.back().blocks.push_back(
      {.begin = block.begin, .first = stretches_.size()});
  if (!block.damages.empty()) {
    TRY(look_again(again, block.begin, block.end, UINT64_MAX));
  } else {
    for (const Scanned& item : block.piece)
      TRY(take(item, again));
  }
  return end_stretch();
}

Outcome<void> FileReader::read(InputFile& file) {
  const ByteWindow& window = file.window;
  const auto unreadable = [&file](const core::Error& error) {
    return stop(
        "An error occurred during the opening of file '" + file.path + "'.",
        error.code);
  };
  auto twin = window.twin();
  if (!twin) return unreadable(twin.error());
  Again again(std::move(*twin), file.path);
  drift_ = 0;
  Progress progress(window.size());
  Outcome<void> outcome;
  const auto done = for_each_block<std::vector<Scanned>>(
      window, 0, [] { return EntryScan(); },
      [&](const BlockResult<std::vector<Scanned>>& block) {
        outcome = take(block, again);
        progress.show(block.end);
        return outcome.has_value();
      });
  TRY(std::move(outcome));
  if (!done) return unreadable(done.error());
  file.last = stretches_.size();
  if (file.is_empty)
    console_.complain(options_.program +
                      ": CAUTION: Empty pacct file found.\n");
  return {};
}

Outcome<void> FileReader::read_all(int most_files, const std::string& place) {
  int last = 0;
  for (number_ = 0; number_ < 2; ++number_) {
    for (;; ++number_) {
      const std::string path = options_.pacct + std::to_string(number_);
      struct stat status = {};
      if (::stat(path.c_str(), &status) != 0) break;
      if (static_cast<int>(files_.size()) >= most_files)
        return stop("The file table is full.\n" + place +
                    ": BUILD_MAXFILES: '" + std::to_string(most_files) +
                    "': expected more, '" + path + "' is the next file");
      auto window = ByteWindow::open(path.c_str());
      if (!window)
        return stop(
            "An error occurred during the opening of file '" + path + "'.",
            window.error().code);
      last = number_;
      files_.push_back({.path = path,
                        .window = std::move(*window),
                        .number = number_,
                        .blocks = {}});
      TRY(read(files_.back()));
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
