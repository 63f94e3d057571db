// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csaedit.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <vector>

#include "accounting/records/byte_window.h"
#include "accounting/records/entry_check.h"
#include "accounting/records/entry_reader.h"
#include "accounting/records/entry_write.h"
#include "accounting/records/output_file.h"
#include "accounting/records/output_guard.h"
#include "accounting/reports/csaedit_text.h"
#include "accounting/reports/offset_list.h"

namespace accounting {

namespace csaedit {
namespace {

struct Options {
  std::string pacct = "/var/csa/work/Wpacct";
  std::string offsets;
  std::string output;
  std::vector<int> numbers;  ///< of records to cut out, ascending
  TextColumns columns;
  bool is_text = false;
  bool is_dry_run = false;
  bool is_verbose = false;

  [[nodiscard]] bool prints() const { return is_text || is_dry_run; }
};

std::string opening(const std::string& path) {
  return "An error occurred during the opening of file '" + path + "'.";
}

/// "1,3,5", ascending and each once.
Outcome<std::vector<int>> read_numbers(const std::string& list) {
  std::vector<int> numbers;
  const char* at = list.data();
  const char* const end = at + list.size();
  for (;;) {
    int number = 0;
    const auto [behind, code] = std::from_chars(at, end, number);
    if (code != std::errc() || number < 1 || (behind != end && *behind != ','))
      return stop("The (-r) option's argument, '" + list +
                  "', is invalid: expected numbers of records, as in 1,3,5.");
    numbers.push_back(number);
    if (behind == end) break;
    at = behind + 1;
  }
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

/// Nothing: the letters contradict each other.
std::optional<Options> read_options(const CommandLine& line) {
  Options options;
  if (const auto* const path = line.value('P')) options.pacct = *path;
  if (const auto* const path = line.value('b')) options.offsets = *path;
  if (const auto* const path = line.value('o')) options.output = *path;
  options.columns = {.times = line.has('t'), .marks = line.has('m')};
  options.is_text = line.has('A');
  options.is_dry_run = line.has('x');
  options.is_verbose = line.has('v');
  const bool has_list = line.has('r');
  const bool has_output = line.has('o');
  const bool cuts_ranges = line.has('b');
  const bool is_wrong =
      (options.is_text && options.is_dry_run) ||
      (options.is_dry_run && !has_list) || (!has_output && !options.prints()) ||
      (!cuts_ranges && !options.is_text && !has_list) ||
      ((options.columns.times || options.columns.marks) && !options.prints()) ||
      (cuts_ranges && (has_list || !has_output || options.prints()));
  if (is_wrong) return std::nullopt;
  return options;
}

/// The file without the ranges that csaverify found.
class RangeCutter {
 public:
  RangeCutter(const Options& options, Console& console, ByteWindow window,
              OutputFile output)
      : options_(options),
        console_(console),
        window_(std::move(window)),
        output_(std::move(output)) {}

  Outcome<void> run() {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> list(
        std::fopen(options_.offsets.c_str(), "re"), std::fclose);
    if (list == nullptr) return stop(opening(options_.offsets), errno);
    if (options_.is_verbose)
      console_.complain("Processing the byte offset file '" + options_.offsets +
                        "'.\n");
    for (;;) {
      unsigned long long octal = 0;
      long long length = 0;
      // NOLINTNEXTLINE(cert-err34-c): out of range is refused below
      const int items =
          std::fscanf(list.get(), "%llo (%*d), %lld\n", &octal, &length);
      if (items == EOF) break;
      if (items != 2)
        return stop("An error occurred during the reading of file '" +
                        options_.offsets + "'.",
                    errno);
      const bool goes_on = TRY(
          cut({.offset = static_cast<std::int64_t>(octal), .length = length}));
      if (!goes_on) return finish();
    }
    if (position_ == 0)
      return stop("Byte offset file '" + options_.offsets + "' is empty.");
    TRY(copy_until(window_.size()));
    return finish();
  }

 private:
  Outcome<bool> cut(const OffsetRange& range) {
    const std::string octal = offset_text(range.offset);
    const std::string shown = octal.substr(0, octal.find(' '));
    const std::string length = std::to_string(range.length);
    if (range.offset < 0 || (range.length <= 0 && range.length != kToTheEnd))
      return stop("Offset value " + shown + " or length value " + length +
                  " in byte\n    offset file '" + options_.offsets +
                  "' is illegal.");
    const auto offset = static_cast<std::uint64_t>(range.offset);
    if (offset < position_)
      return stop("Offset values in byte offset file '" + options_.offsets +
                  "' are out of\n    sequence - stopped at offset " + shown +
                  ", length " + length + ".");
    if (options_.is_verbose)
      console_.complain("Processing byte offset " + octal + ", length " +
                        length + ".\n");
    TRY(copy_until(offset));
    position_ = offset + static_cast<std::uint64_t>(
                             std::max<std::int64_t>(range.length, 0));
    return range.length != kToTheEnd;
  }

  Outcome<void> copy_until(std::uint64_t end) {
    while (position_ < end) {
      const auto wanted =
          std::min<std::uint64_t>(ByteWindow::kReach, end - position_);
      const auto bytes = window_.at(position_, wanted);
      if (bytes.size() < wanted)
        return stop("An error occurred during the reading of file '" +
                        options_.pacct + "'.",
                    window_.error());
      output_.write(
          {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      position_ += wanted;
    }
    return output_.error() == 0 ? Outcome<void>() : write_failed();
  }

  Outcome<void> finish() {
    return output_.commit() == 0 ? Outcome<void>() : write_failed();
  }
  Outcome<void> write_failed() {
    return stop("An error occurred during the writing of file '" +
                    options_.output + "'.",
                output_.error());
  }

  const Options& options_;
  Console& console_;
  ByteWindow window_;
  OutputFile output_;
  std::uint64_t position_ = 0;
};

/// How many of each kind were found.
struct Counts {
  int processes = 0;
  int memory = 0;
  int io = 0;
  int delay = 0;
  int starts = 0;
  int restarts = 0;
  int ends = 0;
  int configurations = 0;
  int jobs = 0;
  int workload = 0;

  void add(const Entry& entry) {
    switch (entry.type()) {
      case csa::RecordType::kCsa:
        ++processes;
        memory += entry.memory != nullptr ? 1 : 0;
        io += entry.io != nullptr ? 1 : 0;
        delay += entry.delay != nullptr ? 1 : 0;
        break;
      case csa::RecordType::kStartOfJob:
        ++(entry.start->type == 1 ? starts : restarts);
        break;
      case csa::RecordType::kEndOfJob:
        ++ends;
        break;
      case csa::RecordType::kConfiguration:
        ++configurations;
        break;
      case csa::RecordType::kWorkload:
        ++workload;
        break;
      case csa::RecordType::kJobHeader:
        ++jobs;
        break;
      default:
        break;
    }
  }

  [[nodiscard]] std::string text() const {
    std::string text = "\n";
    const auto line = [&text](int count, std::string_view kind) {
      text += "Found " + std::to_string(count) + " " + std::string(kind) +
              " records.\n";
    };
    const auto if_any = [&line](int count, std::string_view kind) {
      if (count > 0) line(count, kind);
    };
    if (processes > 0) {
      line(processes, "CSA base");
      text += "    ";
      line(memory, "MEMORY");
      text += "    ";
      line(io, "I/O");
      text += "    ";
      line(delay, "DELAY");
    }
    if_any(starts, "SOJ");
    if_any(restarts, "ROJ");
    if_any(ends, "EOJ");
    if_any(configurations, "CONFIG");
    if_any(jobs, "JOB HEADER");
    if_any(workload, "WORKLOAD MANAGEMENT");
    return text;
  }
};

/// Prints entries, or copies them, but for those that are cut out.
class EntryEditor {
 public:
  EntryEditor(const Options& options, Console& console, EntryReader reader,
              std::optional<OutputFile> output)
      : options_(options),
        console_(console),
        reader_(std::move(reader)),
        output_(std::move(output)) {}

  Outcome<void> run() {
    if (options_.is_dry_run) text_.add("Input records to be deleted:\n\n");
    if (options_.prints()) write_headings(text_, options_.columns);
    const auto done = edit_all();
    write(0);
    if (!done) return std::unexpected(done.error());
    TRY(finish());
    if (options_.is_verbose) summary();
    return {};
  }

 private:
  static constexpr std::size_t kMuch = 256U << 10;

  void write(std::size_t above) {
    if (text_.size() <= above) return;
    if (output_)
      output_->write(text_.view());
    else
      console_.write(text_.view());
    text_.clear();
  }

  Outcome<void> finish() {
    if (!output_ || output_->commit() == 0) return {};
    return write_failed();
  }
  Outcome<void> write_failed() {
    return stop("An error occurred during the writing of file '" +
                    options_.output + "'.",
                output_->error());
  }

  Outcome<void> edit_all() {
    Entry entry;
    ReadStatus status = ReadStatus::kEnd;
    while ((status = reader_.next(entry)) == ReadStatus::kEntry) {
      TRY(edit(entry));
      write(kMuch);
      if (output_ && output_->error() != 0) return write_failed();
    }
    if (status == ReadStatus::kEnd && cut_ < options_.numbers.size())
      return stop("Record " + std::to_string(options_.numbers[cut_]) +
                  " is not in accounting file '" + options_.pacct +
                  "', which has " + std::to_string(read_) + ".");
    if (status == ReadStatus::kEnd) return {};
    console_.complain(reader_.complaint());
    return stop("Accounting file '" + options_.pacct +
                "' contains invalid records.");
  }

  Outcome<void> edit(const Entry& entry) {
    ++read_;
    const auto& numbers = options_.numbers;
    const bool is_cut = cut_ < numbers.size() && numbers[cut_] == read_;
    if (is_cut) ++cut_;
    if (cut_ < numbers.size() && !is_cut && numbers[cut_] < read_)
      return stop(
          "An error was detected while checking the delete record\n"
          "    list.  This is probably caused by a coding error.");
    if (const Validity validity = check_entry(entry); !validity.is_valid())
      return stop("Accounting file '" + options_.pacct +
                  "' contains invalid records. " + validity.fault);
    if (!options_.is_dry_run) counts_.add(entry);
    if (is_cut) {
      bytes_cut_ += entry.size;
      if (options_.is_dry_run) print(entry, read_);
    } else if (options_.is_text) {
      print(entry, ++written_);
    } else if (!options_.is_dry_run) {
      append_entry(text_, entry);
      ++written_;
    }
    return {};
  }

  void print(const Entry& entry, int number) {
    write_entry(text_, entry, number, options_.columns, names_);
  }

  void summary() {
    std::string text = counts_.text();
    text += "Found " + std::to_string(read_) + " input records.\n";
    if (!options_.is_dry_run)
      text += "Output " + std::to_string(written_) + " records total.\n";
    text += "Ignored " + std::to_string(bytes_cut_) +
            " bytes from the input file.\n";
    console_.complain(text);
  }

  const Options& options_;
  Console& console_;
  EntryReader reader_;
  std::optional<OutputFile> output_;
  ReportText text_;
  AccountNames names_;
  Counts counts_;
  std::size_t cut_ = 0;
  std::uint64_t bytes_cut_ = 0;
  int read_ = 0;
  int written_ = 0;
};

Outcome<void> run(Options options, const CommandLine& line, Console& console) {
  if (const auto* const list = line.value('r'))
    options.numbers = TRY(read_numbers(*list));
  auto window = ByteWindow::open(options.pacct.c_str());
  if (!window) return stop(opening(options.pacct), window.error().code);
  std::optional<OutputFile> output;
  if (!options.output.empty()) {
    if (options.prints()) TRY(must_differ(options.output, options.pacct));
    if (!options.offsets.empty())
      TRY(must_differ(options.output, options.offsets));
    output = OutputFile::create(options.output);
    if (!output) return stop(opening(options.output), errno);
  }
  if (!options.offsets.empty())
    return RangeCutter(options, console, std::move(*window), std::move(*output))
        .run();
  return EntryEditor(options, console, EntryReader(std::move(*window)),
                     std::move(output))
      .run();
}

}  // namespace
}  // namespace csaedit

int csaedit_command(const CommandLine& line, Console& console) {
  const auto options = csaedit::read_options(line);
  if (!options) return kWrongUse;
  const auto done = csaedit::run(*options, line, console);
  return done ? 0 : console.give_up(done.error());
}

}  // namespace accounting
