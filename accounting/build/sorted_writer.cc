// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/sorted_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "accounting/records/entry_blocks.h"
#include "accounting/records/entry_write.h"
#include "accounting/records/output_guard.h"
#include "accounting/records/sorted_file.h"
#include "accounting/request_runs.h"
#include "accounting/text/progress.h"

namespace accounting::build {

namespace {

template <std::size_t N>
void copy_name(char (&to)[N], const char (&from)[N], std::size_t most) {
  std::memcpy(to, from, ::strnlen(from, std::min(N, most)));
}

}  // namespace

/// Each segment is a member of one job only.
void SortedWriter::add_members(std::size_t index,
                               std::vector<std::uint32_t>& members) {
  std::vector<std::size_t> rest = {index};
  while (!rest.empty()) {
    const std::size_t next = rest.back();
    rest.pop_back();
    if (std::exchange(input_.segments().at(next).is_planned, true)) continue;
    members.push_back(static_cast<std::uint32_t>(next));
    const auto& joined = segment(next).joined;
    rest.insert(rest.end(), joined.rbegin(), joined.rend());
  }
}

/// Requests that share jobs may join these in a circle, of which none would be
/// written: the first of it is what the others are written with.
void SortedWriter::break_circles() {
  Segments& segments = input_.segments();
  std::vector<bool> is_reached(segments.size());
  const auto reach = [&](std::size_t from) {
    std::vector<std::size_t> rest = {from};
    while (!rest.empty()) {
      const std::size_t next = rest.back();
      rest.pop_back();
      if (is_reached[next]) continue;
      is_reached[next] = true;
      const auto& joined = segments.at(next).joined;
      rest.insert(rest.end(), joined.begin(), joined.end());
    }
  };
  for (std::size_t i = 0; i < segments.size(); ++i)
    if (!segments.at(i).is_joined) reach(i);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (is_reached[i]) continue;
    segments.at(i).is_joined = false;
    reach(i);
  }
}

/// Has it records, or one of those that are written with it?
bool SortedWriter::has_records(std::size_t index) const {
  std::vector<std::size_t> rest = {index};
  std::set<std::size_t> seen;
  while (!rest.empty()) {
    const std::size_t next = rest.back();
    rest.pop_back();
    if (segment(next).has_records()) return true;
    if (!seen.insert(next).second) continue;
    rest.insert(rest.end(), segment(next).joined.begin(),
                segment(next).joined.end());
  }
  return false;
}

void SortedWriter::plan_job(std::size_t index, std::size_t uptime) {
  Segments& segments = input_.segments();
  Job job{.segment = index,
          .members = {},
          .uptime = uptime,
          .header_at = size_,
          .units_at = words_++};
  add_members(index, job.members);
  size_ += sizeof(csa::JobHeader);
  std::size_t requests = 0;
  const auto lead = [&](std::size_t member, std::uint64_t bytes,
                        Segment::Lead part) {
    if (job.is_led || bytes == 0) return;
    segments.at(member).lead = part;
    job.is_led = true;
  };
  for (const std::size_t member : job.members) {
    Segment& segment = segments.at(member);
    segment.job = static_cast<std::uint32_t>(jobs_.size());
    segment.process_at = size_;
    size_ += segment.process_bytes;
    segment.units_at = words_;
    words_ += static_cast<std::uint64_t>(segment.processes);
    requests += segment.workload.size();
    lead(member, segment.process_bytes, Segment::Lead::kProcesses);
  }
  for (const std::size_t member : job.members) {
    segments.at(member).event_at = size_;
    size_ += segments.at(member).event_bytes;
    lead(member, segments.at(member).event_bytes, Segment::Lead::kEvents);
  }
  job.workload_at = size_;
  size_ += requests * sizeof(csa::Workload);
  job.end = size_;
  jobs_.push_back(std::move(job));
}

/// Boot after boot, in each the jobs by their jid.
void SortedWriter::plan() {
  break_circles();
  Segments& segments = input_.segments();
  for (std::size_t u = 0; u < segments.uptimes().size(); ++u) {
    const Uptime& uptime = segments.uptimes()[u];
    if (uptime.stop == 0) break;
    boots_.push_back({.at = size_});
    size_ += sizeof(csa::Configuration);
    for (const std::size_t index : uptime.without_jid)
      if (!segments.at(index).is_joined) plan_job(index, u);
    std::vector<std::pair<std::uint64_t, std::size_t>> heads(
        uptime.jobs.begin(), uptime.jobs.end());
    std::ranges::sort(heads);
    for (const auto& [jid, head] : heads) {
      // A use of a jid without records is written if its first use has some.
      const bool has_first = !segments.at(head).is_joined && has_records(head);
      for (std::size_t at = head; at != Segment::kNone;
           at = segments.at(at).next)
        if (!segments.at(at).is_joined && (has_first || has_records(at)))
          plan_job(at, u);
    }
    boots_.back().end = size_;
  }
}

csa::Configuration SortedWriter::boot_record(std::size_t uptime,
                                             std::uint64_t length) const {
  const csa::SystemName& system = input_.system();
  csa::Configuration boot = {};
  boot.head = csa::make_head(csa::RecordType::kConfiguration, sizeof boot);
  boot.uptimelen = static_cast<std::int64_t>(length);
  boot.boottime = segments_.uptimes()[uptime].start;
  boot.curtime = segments_.uptimes()[uptime].stop;
  copy_name(boot.name.sysname, system.sysname, 25);
  copy_name(boot.name.nodename, system.nodename, 25);
  copy_name(boot.name.release, system.release, 41);
  copy_name(boot.name.version, system.version, 41);
  copy_name(boot.name.machine, system.machine, 25);
  return boot;
}

std::uint64_t SortedWriter::write_boots(PlacedBytes& file) {
  std::uint64_t sum = 0;
  for (std::size_t u = 0; u < boots_.size(); ++u) {
    const csa::Configuration boot = boot_record(
        u, boots_[u].end - boots_[u].at - sizeof(csa::Configuration));
    file.put_record(boots_[u].at, boot);
    sum = checksum_of(boot, sum);
  }
  return sum;
}

csa::JobHeader SortedWriter::header_of(const Job& job) const {
  const Segments& segments = segments_;
  csa::JobHeader header = {};
  header.head = csa::make_head(csa::RecordType::kJobHeader, sizeof header);
  const Identity* identity = nullptr;
  const auto learn = [&](const std::optional<Identity>& told) {
    if (told) identity = &*told;
  };
  for (const std::size_t member : job.members)
    learn(segments.at(member).by_process);
  for (const std::size_t member : job.members)
    learn(segments.at(member).by_event);
  for (const std::size_t member : job.members) {
    const Segment& segment = segments.at(member);
    header.processes.count += segment.processes;
    header.events.count += segment.events;
    header.workload.count += static_cast<std::int32_t>(segment.workload.size());
    if (segment.has_end) header.flags |= JobFlags::kInteractiveEnd;
    for (const csa::Workload& record : segment.workload) {
      header.flags |= JobFlags::kHasWorkload;
      if (record.term_subtype != kNoTerm) header.flags |= JobFlags::kBatchEnd;
    }
  }
  if (identity != nullptr) {
    header.jid = identity->jid;
    header.uid = identity->uid;
    header.btime = identity->btime;
  }
  const bool is_batch = (header.flags & JobFlags::kHasWorkload) != 0;
  const Segment& first = segments.at(job.segment);
  if (is_batch) header.jid = first.jid;
  if (!is_batch && options_.assumes_crash && job.uptime + 1 < boots_.size() &&
      (header.flags & JobFlags::kInteractiveEnd) == 0)
    header.flags |= JobFlags::kCrashed;
  if (first.start != 0 && first.start <= options_.cutoff)
    header.flags |= JobFlags::kTimedOut;
  const std::uint64_t begin = job.header_at + sizeof header;
  const auto start_of = [&](std::int32_t count, std::uint64_t at) {
    return count == 0 ? 0 : static_cast<std::int64_t>(at - begin);
  };
  header.processes.start = 0;
  header.events.start =
      start_of(header.events.count, segments.at(job.members.front()).event_at);
  header.workload.start = start_of(header.workload.count, job.workload_at);
  header.length = static_cast<std::int64_t>(job.end - begin);
  return header;
}

void SortedWriter::write_headers(PlacedBytes& file, UnitsWriter* units) {
  for (const Job& job : jobs_) {
    if (!job.is_led) {
      const csa::JobHeader header = header_of(job);
      file.put_record(job.header_at, header);
      if (units != nullptr) units->put(job.units_at, checksum_of(header));
    }
    std::uint64_t at = job.workload_at;
    for (const std::size_t member : job.members)
      for (csa::Workload record : segment(member).workload) {
        record.sbu_wt = weights_.weight_of(record);
        file.put_record(at, record);
        at += sizeof record;
      }
  }
}

/// Copies parts of a file, each worker with its own.
class SortedWriter::Copier {
 public:
  Copier(const SortedWriter& writer, ByteWindow window, int file,
         std::unique_ptr<UnitsWriter> units)
      : writer_(writer),
        reader_(std::move(window)),
        biller_(writer.rules_),
        bytes_(file, writer.size_),
        units_(std::move(units)) {}

  /// How a file has changed since it was read first; null: it has not.
  const char* copy(std::uint64_t begin, const std::vector<Stretch>& stretches) {
    reader_.reader().seek(begin);
    for (const Stretch& stretch : stretches)
      if (const char* const how = copy(stretch); how != nullptr) return how;
    bytes_.flush();
    if (units_) units_->flush();
    return nullptr;
  }
  [[nodiscard]] int error() const { return bytes_.error(); }
  [[nodiscard]] const UnitsWriter* units() const { return units_.get(); }

 private:
  static constexpr const char* kChanged = "changed meanwhile";

  const char* copy(const Stretch& stretch) {
    if (stretch.segment == Stretch::kNone) return skip(stretch);
    const Segment& segment = writer_.segment(stretch.segment);
    if (!segment.is_planned) return "jobs that have no place";
    const bool is_process = stretch.is_process != 0;
    std::uint64_t at =
        (is_process ? segment.process_at : segment.event_at) + stretch.before;
    const std::uint64_t end = at + stretch.bytes;
    const auto lead =
        is_process ? Segment::Lead::kProcesses : Segment::Lead::kEvents;
    if (segment.lead == lead && stretch.before == 0) {
      const Job& job = writer_.jobs_[segment.job];
      const csa::JobHeader header = writer_.header_of(job);
      bytes_.put_record(job.header_at, header);
      if (units_) units_->put(job.units_at, checksum_of(header));
    }
    word_ = segment.units_at + stretch.processes_before;
    Entry entry;
    for (std::uint32_t i = 0; i < stretch.entries; ++i) {
      if (!reader_.next(entry)) return "become shorter";
      const std::size_t size = put(entry, at, is_process);
      if (size == 0 || size > end - at) return kChanged;
      at += size;
    }
    return at == end ? nullptr : kChanged;
  }

  const char* skip(const Stretch& stretch) {
    Entry entry;
    for (std::uint32_t i = 0; i < stretch.entries; ++i)
      if (!reader_.next(entry)) return "become shorter";
    return nullptr;
  }

  /// Its bytes; 0: it is not of that part.
  std::size_t put(const Entry& entry, std::uint64_t at, bool is_process) {
    const bool is_one =
        entry.process != nullptr && entry.type() == csa::RecordType::kCsa;
    if (is_one != is_process) return 0;
    char* const room = bytes_.room(at, kLargestEntry);
    const std::size_t size = write_entry({room, kLargestEntry}, entry);
    double units = kNoUnits;
    if (is_process && entry.process->head.size >= sizeof(csa::Csa)) {
      units = billed_units(biller_.units(entry));
      const std::uint64_t whole = whole_units(units);
      std::memcpy(room + offsetof(csa::Csa, sbu), &whole, sizeof whole);
    }
    bytes_.keep(size);
    if (is_process && units_) units_->put(word_++, units);
    return size;
  }

  const SortedWriter& writer_;
  ResilientReader reader_;
  Biller biller_;
  PlacedBytes bytes_;
  std::unique_ptr<UnitsWriter> units_;  ///< null: none are kept
  std::uint64_t word_ = 0;              ///< the next process's
};

Outcome<void> SortedWriter::copy_file(const InputFile& input, int file,
                                      UnitsFile& units) {
  constexpr std::size_t kBlocks = 4;  // at a time
  const auto unreadable = [&input](const core::Error& error) {
    return stop(
        "An error occurred during the opening of file '" + input.path + "'.",
        error.code);
  };
  const std::size_t count = (input.blocks.size() + kBlocks - 1) / kBlocks;
  const std::size_t workers = std::min(worker_count(input.window), count);
  std::vector<std::unique_ptr<Copier>> crew;
  for (std::size_t i = 0; i < workers; ++i) {
    auto twin = input.window.twin();
    if (!twin) return unreadable(twin.error());
    crew.push_back(std::make_unique<Copier>(*this, std::move(*twin), file,
                                            units.writer()));
  }
  struct Copied {
    const char* changed = nullptr;
    int error = 0;
  };
  Progress progress(input.window.size());
  Copied copied;
  OrderedWork<Copied>::run(
      workers, count,
      [&](std::size_t w, std::size_t i) -> Copied {
        const std::size_t next = (i + 1) * kBlocks;
        const auto stretches = input_.stretches().read(
            input.blocks[i * kBlocks].first,
            next < input.blocks.size() ? input.blocks[next].first : input.last);
        if (!stretches) return {.error = stretches.error().code};
        const char* const changed =
            crew[w]->copy(input.blocks[i * kBlocks].begin, *stretches);
        return {.changed = changed, .error = crew[w]->error()};
      },
      [&](std::size_t i, const Copied& result) {
        copied = result;
        progress.show(input.blocks[i * kBlocks].begin);
        return copied.changed == nullptr && copied.error == 0;
      });
  for (const auto& copier : crew)
    if (copier->units() != nullptr) units.take(*copier->units());
  if (copied.changed != nullptr)
    return stop("An error occurred during the reading of file '" + input.path +
                "': it has " + copied.changed + ".");
  return copied.error == 0 ? Outcome<void>() : unwritable(copied.error);
}

std::optional<SortedWriter::GivenUp> SortedWriter::misread_in(
    const Job& job, PlacedBytes& file) {
  std::uint64_t before = 0;
  for (const std::size_t member : job.members) {
    const Segment& segment = segments_.at(member);
    if (!segment.misread) {
      before += segment.process_bytes;
      continue;
    }
    const Misread& misread = *segment.misread;
    const InputFile& input = input_.files()[misread.file];
    const std::string& path = input.path;
    auto window = input.window.twin();
    if (!window) continue;
    EntryReader reader(std::move(*window));
    reader.seek(std::min(misread.offset, reader.size()));
    Entry entry;
    const ReadStatus status = reader.next(entry);
    if (status == ReadStatus::kEntry) continue;
    ReportText octal;
    octal.octal(misread.offset);
    const std::string from = "from offset " + std::to_string(misread.offset) +
                             ", 0" + std::string(octal.view());
    file.put_record(boots_[job.uptime].at, boot_record(job.uptime, 0));
    csa::JobHeader header = {};
    header.head = csa::make_head(csa::RecordType::kJobHeader, sizeof header);
    file.put_record(job.header_at, header);
    return GivenUp{.size = job.header_at + sizeof header + before +
                           misread.process_bytes_before,
                   .text = reader.complaint() + "error(" +
                           std::to_string(static_cast<int>(status)) + "), " +
                           from +
                           "\nAn error occurred during the reading of file '" +
                           path + "' " + from + "."};
  }
  return std::nullopt;
}

/// Where a record told its own size wrongly, everything behind it is looked for
/// at a wrong place. As published: the first job that it meets is not written
/// to its end, and that is the end of all.
std::optional<SortedWriter::GivenUp> SortedWriter::misread(PlacedBytes& file) {
  for (const Job& job : jobs_)
    if (auto given_up = misread_in(job, file)) return given_up;
  return std::nullopt;
}

std::unexpected<Stop> SortedWriter::unwritable(int code) const {
  return stop("An error occurred during the writing of file '" +
                  options_.sorted + "' during write.",
              code);
}

Outcome<void> SortedWriter::write(OutputFile& output) {
  PlacedBytes file(output.fd(), size_);
  UnitsFile units(options_.sorted, output, words_);
  const std::uint64_t boots = write_boots(file);
  const auto words = units.writer();
  write_headers(file, words.get());
  for (const InputFile& input : input_.files())
    TRY(copy_file(input, output.fd(), units));
  // Behind all that was copied, as this may replace some of it.
  file.flush();
  const auto given_up = misread(file);
  file.flush();
  const std::uint64_t size = given_up ? given_up->size : size_;
  int code = file.error();
  if (code == 0 && ::ftruncate(output.fd(), static_cast<off_t>(size)) < 0)
    code = errno;
  if (code == 0) code = output.commit();
  if (code != 0) return unwritable(code);
  if (words) {
    words->flush();
    units.take(*words);
  }
  if (given_up) return stop(given_up->text);
  commit_units(units, boots);
  return {};
}

/// The sorted file is whole without them.
void SortedWriter::commit_units(UnitsFile& units, std::uint64_t boots) {
  units.commit(size_, boots);
  if (units.error() == 0) return;
  (void)::unlink(units.path().c_str());
  console_.complain(with_system_error(
      options_.program + ": the fractions of units are not kept in '" +
          units.path() + "'.",
      units.error()));
}

Outcome<void> SortedWriter::run() {
  plan();
  for (const InputFile& input : input_.files())
    TRY(must_differ(options_.sorted, input.path));
  auto output = OutputFile::create(options_.sorted);
  if (!output)
    return stop("An error occurred during the opening of file '" +
                    options_.sorted + "'.",
                errno);
  return write(*output);
}

}  // namespace accounting::build
