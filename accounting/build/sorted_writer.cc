// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/sorted_writer.h"

#include <algorithm>
#include <cstring>

#include "accounting/records/entry_write.h"
#include "accounting/records/output_guard.h"
#include "accounting/records/sorted_file.h"
#include "accounting/text/progress.h"

namespace accounting::build {

namespace {

template <std::size_t N>
void copy_name(char (&to)[N], const char (&from)[N], std::size_t most) {
  std::memcpy(to, from, ::strnlen(from, std::min(N, most)));
}

/// A record has no negative units, and no more than it has room for.
std::uint64_t whole_units(double units) {
  constexpr double kMost = 18446744073709549568.0;  // below 2^64
  return units > 0 ? static_cast<std::uint64_t>(std::min(units, kMost)) : 0;
}

}  // namespace

void SortedWriter::add_members(std::size_t index,
                               std::vector<std::size_t>& members) {
  std::vector<std::size_t> rest = {index};
  while (!rest.empty()) {
    const std::size_t next = rest.back();
    rest.pop_back();
    members.push_back(next);
    const auto& joined = input_.segments().at(next).joined;
    rest.insert(rest.end(), joined.rbegin(), joined.rend());
  }
}

void SortedWriter::plan_job(std::size_t index, std::size_t uptime) {
  Segments& segments = input_.segments();
  Job job{
      .segment = index, .members = {}, .uptime = uptime, .header_at = size_};
  add_members(index, job.members);
  size_ += sizeof(csa::JobHeader);
  std::size_t requests = 0;
  for (const std::size_t member : job.members) {
    segments.at(member).process_at = size_;
    size_ += segments.at(member).process_bytes;
    segments.at(member).process_end = size_;
    requests += segments.at(member).workload.size();
  }
  for (const std::size_t member : job.members) {
    segments.at(member).event_at = size_;
    size_ += segments.at(member).event_bytes;
    segments.at(member).event_end = size_;
  }
  job.workload_at = size_;
  size_ += requests * sizeof(csa::Workload);
  job.end = size_;
  jobs_.push_back(std::move(job));
}

/// Boot after boot, in each the jobs by their jid.
void SortedWriter::plan() {
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
      if (segments.at(head).is_joined || !segments.at(head).has_records())
        continue;
      for (std::size_t at = head; at != Segment::kNone;
           at = segments.at(at).next)
        if (!segments.at(at).is_joined) plan_job(at, u);
    }
    boots_.back().end = size_;
  }
}

csa::Configuration SortedWriter::boot_record(std::size_t uptime,
                                             std::uint64_t length) {
  const csa::SystemName& system = input_.system();
  csa::Configuration boot = {};
  boot.head = csa::make_head(csa::RecordType::kConfiguration, sizeof boot);
  boot.uptimelen = static_cast<std::int64_t>(length);
  boot.boottime = input_.segments().uptimes()[uptime].start;
  boot.curtime = input_.segments().uptimes()[uptime].stop;
  copy_name(boot.name.sysname, system.sysname, 25);
  copy_name(boot.name.nodename, system.nodename, 25);
  copy_name(boot.name.release, system.release, 41);
  copy_name(boot.name.version, system.version, 41);
  copy_name(boot.name.machine, system.machine, 25);
  return boot;
}

void SortedWriter::write_boots(BlockFile& file) {
  for (std::size_t u = 0; u < boots_.size(); ++u)
    file.put_record(boots_[u].at,
                    boot_record(u, boots_[u].end - boots_[u].at -
                                       sizeof(csa::Configuration)));
}

csa::JobHeader SortedWriter::header_of(const Job& job) {
  Segments& segments = input_.segments();
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

void SortedWriter::write_headers(BlockFile& file) {
  for (const Job& job : jobs_) {
    file.put_record(job.header_at, header_of(job));
    std::uint64_t at = job.workload_at;
    for (const std::size_t member : job.members)
      for (csa::Workload record : input_.segments().at(member).workload) {
        record.sbu_wt = weights_.weight_of(record);
        file.put_record(at, record);
        at += sizeof record;
      }
  }
}

/// Writes an entry to the place of its segment. False: it is not the entry that
/// the place was made for.
bool SortedWriter::put(const Entry& entry, std::size_t index, BlockFile& file) {
  Segment& segment = input_.segments().at(index);
  const bool is_process =
      entry.process != nullptr && entry.type() == csa::RecordType::kCsa;
  std::uint64_t& at = is_process ? segment.process_at : segment.event_at;
  const std::uint64_t end =
      is_process ? segment.process_end : segment.event_end;
  char bytes[kLargestEntry];
  const std::size_t size = write_entry(bytes, entry);
  if (size > end - at) return false;
  if (is_process && entry.process->head.size >= sizeof(csa::Csa)) {
    const std::uint64_t units = whole_units(biller_.units(entry));
    std::memcpy(bytes + offsetof(csa::Csa, sbu), &units, sizeof units);
  }
  file.put(at, {bytes, size});
  at += size;
  return true;
}

/// Has every place got what it was made for?
bool SortedWriter::is_complete() {
  for (const Job& job : jobs_)
    for (const std::size_t member : job.members) {
      const Segment& segment = input_.segments().at(member);
      if (segment.process_at != segment.process_end ||
          segment.event_at != segment.event_end)
        return false;
    }
  return true;
}

Outcome<void> SortedWriter::copy_file(const InputFile& input, BlockFile& file) {
  const auto changed = [&input](std::string_view how) {
    return stop("An error occurred during the reading of file '" + input.path +
                "': it has " + std::string(how) + ".");
  };
  auto window = window_on(input.file);
  if (!window)
    return stop(
        "An error occurred during the opening of file '" + input.path + "'.",
        window.error().code);
  Progress progress(window->size());
  ResilientReader reader(std::move(*window));
  Entry entry;
  for (const Stretch& stretch : input.stretches)
    for (std::uint64_t i = 0; i < stretch.entries; ++i) {
      if (!reader.next(entry)) return changed("become shorter");
      if (stretch.segment != Segment::kNone &&
          !put(entry, stretch.segment, file))
        return changed("changed meanwhile");
      progress.show(entry.offset);
    }
  return {};
}

std::optional<SortedWriter::GivenUp> SortedWriter::misread_in(const Job& job,
                                                              BlockFile& file) {
  std::uint64_t before = 0;
  for (const std::size_t member : job.members) {
    const Segment& segment = input_.segments().at(member);
    if (!segment.misread) {
      before += segment.process_bytes;
      continue;
    }
    const Misread& misread = *segment.misread;
    const InputFile& input = input_.files()[misread.file];
    const std::string& path = input.path;
    auto window = window_on(input.file);
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
std::optional<SortedWriter::GivenUp> SortedWriter::misread(BlockFile& file) {
  for (const Job& job : jobs_)
    if (auto given_up = misread_in(job, file)) return given_up;
  return std::nullopt;
}

Outcome<void> SortedWriter::run() {
  plan();
  for (const InputFile& input : input_.files())
    TRY(must_differ(options_.sorted, input.path));
  auto file = BlockFile::create(options_.sorted.c_str(), size_);
  if (!file)
    return stop("An error occurred during the opening of file '" +
                    options_.sorted + "'.",
                file.error().code);
  write_boots(*file);
  write_headers(*file);
  for (const InputFile& input : input_.files())
    TRY(copy_file(input, *file));
  if (!is_complete())
    return stop("The pacct files '" + options_.pacct +
                "*' have changed while they were read.");
  const auto given_up = misread(*file);
  if (const int code = file->finish(given_up ? given_up->size : size_);
      code != 0)
    return stop("An error occurred during the writing of file '" +
                    options_.sorted + "' during write.",
                code);
  return given_up ? stop(given_up->text) : Outcome<void>();
}

}  // namespace accounting::build
