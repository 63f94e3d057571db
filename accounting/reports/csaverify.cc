// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csaverify.h"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "accounting/records/entry_blocks.h"
#include "accounting/records/entry_check.h"
#include "accounting/records/output_guard.h"
#include "accounting/reports/offset_list.h"
#include "accounting/text/progress.h"

namespace accounting {

namespace csaverify {
namespace {

using csa::RecordType;

constexpr const char kDefaultFile[] = "/var/csa/work/Wpacct";

struct Options {
  std::string program;
  std::string pacct = kDefaultFile;
  std::string offsets;  ///< "": none are written
  int most = -1;        ///< damages to report; -1: all
  bool is_verbose = false;
  bool is_recycled = false;  ///< the file's name ends with 0
};

/// What is wrong with an entry of sound records.
struct Misplaced {
  enum class Kind : std::uint8_t { kNothing, kNotPrimary, kLinked, kFileType };
  Kind kind = Kind::kNothing;
  std::string_view record;
  std::string_view fault;  ///< of kFileType
};

bool has_more(const Entry& entry) {
  return (entry.prime->flag & csa::kMoreFollow) != 0;
}

Misplaced linked(bool is_linked, std::string_view record) {
  return {
      .kind = is_linked ? Misplaced::Kind::kLinked : Misplaced::Kind::kNothing,
      .record = record,
      .fault = {}};
}

Misplaced wrong_file(std::string_view fault) {
  return {.kind = Misplaced::Kind::kFileType, .record = {}, .fault = fault};
}

Misplaced misplaced_workload(const Entry& entry, bool is_sorted,
                             bool is_recycled) {
  const bool is_consolidated =
      entry.workload->type == csa::kWorkloadConsolidated;
  if (is_sorted && !is_consolidated)
    return wrong_file(
        " Pre-processed workload management record is\n"
        "not allowed in a sorted pacct file.");
  if (!is_sorted && is_consolidated && !is_recycled)
    return wrong_file(
        " Consolidated workload management record is\n"
        "not allowed in a regular (unsorted) pacct file.");
  return linked(has_more(entry), "'Wkmg'");
}

Misplaced misplaced(const Entry& entry, bool is_sorted, bool is_recycled) {
  const auto not_primary = [](std::string_view record) {
    return Misplaced{
        .kind = Misplaced::Kind::kNotPrimary, .record = record, .fault = {}};
  };
  switch (entry.type()) {
    case RecordType::kCsa:
      return linked(entry.start != nullptr || entry.end != nullptr ||
                        entry.configuration != nullptr ||
                        entry.job != nullptr || entry.workload != nullptr ||
                        entry.site != nullptr,
                    "'CSA'");
    case RecordType::kMem:
      return not_primary("'Mem'");
    case RecordType::kIo:
      return not_primary("'I/O'");
    case RecordType::kDelay:
      return not_primary("'Delay'");
    case RecordType::kStartOfJob:
      return linked(has_more(entry), "'SOJ'");
    case RecordType::kEndOfJob:
      return linked(has_more(entry), "'EOJ'");
    case RecordType::kConfiguration:
      return linked(has_more(entry), "'CFG'");
    case RecordType::kWorkload:
      return misplaced_workload(entry, is_sorted, is_recycled);
    case RecordType::kJobHeader:
      if (!is_sorted)
        return wrong_file(
            " Job header record is not allowed in a\n"
            "regular (unsorted) pacct file.");
      return linked(has_more(entry), "'Job-hdr'");
    default:
      return {};
  }
}

/// A block without any damage is done with; any other is looked at closely.
struct Piece {
  int good = 0;
  std::uint64_t last = 0;  ///< offset of its last entry
  bool is_clean = true;
};

class BlockVerifier {
 public:
  BlockVerifier(bool is_sorted, bool is_recycled)
      : is_sorted_(is_sorted), is_recycled_(is_recycled) {}
  void begin() { piece_ = {}; }
  bool entry(const Entry& entry) {
    piece_.is_clean = check_entry(entry).is_valid() &&
                      misplaced(entry, is_sorted_, is_recycled_).kind ==
                          Misplaced::Kind::kNothing;
    if (!piece_.is_clean) return false;
    ++piece_.good;
    piece_.last = entry.offset;
    return true;
  }
  Piece finish() { return piece_; }

 private:
  bool is_sorted_;
  bool is_recycled_;
  Piece piece_;
};

/// Goes through a file as csaverify does: one entry at a time, and behind each
/// damage from the next byte at which a primary record begins.
class Verifier {
 public:
  Verifier(const Options& options, Console& console, EntryReader reader)
      : options_(options), console_(console), reader_(std::move(reader)) {}

  Outcome<int> run();

 private:
  enum class Next : std::uint8_t { kContinue, kQuit };

  bool begins_well();
  core::Result<void> verify_blocks();
  Next verify_until(std::uint64_t end);
  Next verify_entry(const Entry& entry);
  Next unreadable(const std::string& fault);
  Next report_linked(const Misplaced& misplaced);
  Next report(const std::string& fault, std::int64_t offset,
              std::int64_t length);
  void report_torn();
  void good_line();
  void range(std::int64_t offset, std::int64_t length);
  [[nodiscard]] std::string subject() const {
    return options_.program + ": File '" + options_.pacct + "'";
  }

  const Options options_;
  Console& console_;
  EntryReader reader_;
  OffsetWriter offsets_;
  bool is_sorted_ = false;
  std::int64_t last_ = 0;         ///< where the entry in hand began
  std::int64_t before_last_ = 0;  ///< where the one before it began
  std::int64_t behind_ = 0;       ///< the position behind the entry in hand
  int good_ = 0;
  int bad_ = 0;
  bool is_too_many_ = false;
};

void Verifier::good_line() {
  console_.out().add("Found ").number(good_).add(" good ");
  console_.out().add(good_ > 1 ? "records" : "record").add(" in file '");
  console_.out().add(options_.pacct).add("'.\n");
  good_ = 0;
}

void Verifier::range(std::int64_t offset, std::int64_t length) {
  console_.out().add("  byte offset: ").add(offset_text(offset));
  console_.out().add(", length: ").number(length).add('\n');
  offsets_.add({.offset = offset, .length = length});
}

Verifier::Next Verifier::report(const std::string& fault, std::int64_t offset,
                                std::int64_t length) {
  if (options_.is_verbose) good_line();
  console_.out().add(subject()).add(':').add(fault).add('\n');
  range(offset, length);
  ++bad_;
  if (options_.most != -1 && bad_ >= options_.most) {
    if (options_.is_verbose)
      console_.out().add(
          options_.program + ": Reached the max number of bad records (" +
          std::to_string(options_.most) +
          ") -\nignoring the rest of the file '" + options_.pacct + "'.");
    is_too_many_ = true;
  }
  console_.out().add('\n');
  return is_too_many_ ? Next::kQuit : Next::kContinue;
}

/// No record was found in hand: either it is none, or the one before it was
/// cut short and this is its wrong end.
Verifier::Next Verifier::unreadable(const std::string& fault) {
  const auto found = find_primary(reader_.window(),
                                  static_cast<std::uint64_t>(before_last_) + 1);
  if (!found) {
    (void)report(fault, last_, kToTheEnd);
    return Next::kQuit;
  }
  reader_.seek(*found);
  const auto offset = static_cast<std::int64_t>(*found);
  if (offset >= last_) return report(fault, last_, offset - last_);
  last_ = before_last_;
  return report(" Incomplete record.", before_last_, offset - before_last_);
}

Verifier::Next Verifier::report_linked(const Misplaced& misplaced) {
  const std::string record = " Record " + std::string(misplaced.record);
  const std::string linked = record + " has an illegally linked record.";
  const auto found =
      find_primary(reader_.window(), static_cast<std::uint64_t>(last_) + 1);
  if (!found) {
    (void)report(linked, last_, kToTheEnd);
    return Next::kQuit;
  }
  reader_.seek(*found);
  const auto offset = static_cast<std::int64_t>(*found);
  const bool is_behind = offset >= behind_;
  return report(is_behind ? linked
                          : record +
                                " erroneously indicates that there\nis "
                                "more linked record.",
                last_, offset - last_);
}

Verifier::Next Verifier::verify_entry(const Entry& entry) {
  const Validity validity = check_entry(entry);
  if (validity.kind == Validity::Kind::kBadHeader)
    return unreadable(validity.fault);
  if (validity.kind == Validity::Kind::kBadValue)
    return report(validity.fault, last_, behind_ - last_);
  const Misplaced wrong = misplaced(entry, is_sorted_, options_.is_recycled);
  switch (wrong.kind) {
    case Misplaced::Kind::kNothing:
      ++good_;
      return Next::kContinue;
    case Misplaced::Kind::kNotPrimary:
      return unreadable(" Record " + std::string(wrong.record) +
                        " cannot be a primary record.");
    case Misplaced::Kind::kLinked:
      return report_linked(wrong);
    case Misplaced::Kind::kFileType:
      return report(std::string(wrong.fault), last_, behind_ - last_);
  }
  return Next::kContinue;
}

void Verifier::report_torn() {
  if (options_.is_verbose) good_line();
  console_.out().add("An error occurred during the reading of file '");
  console_.out().add(options_.pacct).add("'.\n");
  range(last_, kToTheEnd);
  ++bad_;
}

Verifier::Next Verifier::verify_until(std::uint64_t end) {
  Entry entry;
  while (reader_.position() < end) {
    const ReadStatus status = reader_.next(entry);
    if (status != ReadStatus::kEntry) console_.complain(reader_.complaint());
    behind_ = static_cast<std::int64_t>(reader_.position());
    if (status == ReadStatus::kEnd) return Next::kQuit;
    if (status == ReadStatus::kTornHeader ||
        status == ReadStatus::kTornRecord) {
      report_torn();
      return Next::kQuit;
    }
    const Next next = status == ReadStatus::kNoRecord
                          ? unreadable(" Unrecognizable data.")
                          : verify_entry(entry);
    if (next == Next::kQuit) return next;
    before_last_ = last_;
    last_ = static_cast<std::int64_t>(reader_.position());
  }
  return Next::kContinue;
}

/// Is there a primary record at the very begin? Says if not.
bool Verifier::begins_well() {
  const auto bytes = reader_.window().at(0, sizeof(csa::Configuration));
  const auto cannot = [this] {
    console_.out().add(subject()).add(": Cannot read the first record.\n");
    ++bad_;
    return false;
  };
  if (bytes.size() < sizeof(csa::Head)) return cannot();
  Entry first;
  const auto found = find_primary(reader_.window(), 0);
  if (found != 0U) {
    if (found)
      console_.out().add(subject() + ": The first " + std::to_string(*found) +
                         " bytes contain unrecognizable\ndata.  Please delete "
                         "that section of the file and invoke csaverify "
                         "again.\n");
    else
      console_.out().add(subject()).add(" contains unrecognizable data.\n");
    ++bad_;
    return false;
  }
  const ReadStatus status = reader_.next(first);
  reader_.seek(0);
  csa::Head head = {};
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.type == static_cast<std::uint8_t>(csa::RecordType::kConfiguration) &&
      bytes.size() < sizeof(csa::Configuration))
    return cannot();
  if (first.configuration == nullptr) return true;
  if (status != ReadStatus::kEntry) return cannot();
  is_sorted_ = first.configuration->event == 0;
  return true;
}

/// Sound blocks are verified by all processors at once; from the first damage
/// of a block on it is done one entry after the other.
core::Result<void> Verifier::verify_blocks() {
  Progress progress(reader_.size(), Progress::Rows::kMeanwhile);
  return for_each_block<Piece>(
      reader_.window(), 0,
      [this] { return BlockVerifier(is_sorted_, options_.is_recycled); },
      [&](BlockResult<Piece>& block) {
        progress.show(block.end);
        if (block.piece.is_clean && block.damages.empty()) {
          good_ += block.piece.good;
          if (block.piece.good > 0)
            before_last_ = static_cast<std::int64_t>(block.piece.last);
          last_ = static_cast<std::int64_t>(block.end);
          return true;
        }
        reader_.seek(static_cast<std::uint64_t>(last_));
        const std::uint64_t end =
            std::max<std::uint64_t>(block.begin / kBlock * kBlock + kBlock, 1);
        const Next next = verify_until(std::min(end, reader_.size()));
        block.end = reader_.position();
        return next == Next::kContinue;
      });
}

Outcome<int> Verifier::run() {
  if (begins_well()) {
    if (const auto done = verify_blocks(); !done)
      return stop("An error occurred during the reading of file '" +
                      options_.pacct + "'.",
                  done.error().code);
  }
  if (!options_.offsets.empty()) TRY(offsets_.save(options_.offsets));
  if (is_too_many_) return 2;
  return bad_ > 0 ? 1 : 0;
}

Options read_options(const CommandLine& line) {
  Options options;
  options.program = line.program;
  if (const auto* const path = line.value('P')) options.pacct = *path;
  options.is_recycled = options.pacct.ends_with('0') && line.has('P');
  if (const auto* const path = line.value('o')) options.offsets = *path;
  if (const auto* const most = line.value('m'))
    options.most = std::atoi(most->c_str());
  options.is_verbose = line.has('v');
  return options;
}

Outcome<int> run(const CommandLine& line, Console& console) {
  const Options options = read_options(line);
  if (!line.operands.empty())
    return stop("Extra arguments were found on the command line.");
  auto window = ByteWindow::open(options.pacct.c_str());
  if (!window)
    return stop(
        "An error occurred during the opening of file '" + options.pacct + "'.",
        window.error().code);
  if (!options.offsets.empty()) {
    TRY(must_differ(options.offsets, options.pacct));
    TRY(can_be_written(options.offsets));
  }
  return Verifier(options, console, EntryReader(std::move(*window))).run();
}

}  // namespace
}  // namespace csaverify

int csaverify_command(const CommandLine& line, Console& console) {
  const auto code = csaverify::run(line, console);
  return code ? *code : console.give_up(code.error());
}

}  // namespace accounting
