// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csaaddc.h"

#include <cerrno>
#include <cstdio>
#include <optional>

#include "accounting/billing/charge_table.h"
#include "accounting/bounded_sum.h"
#include "accounting/records/output_file.h"
#include "accounting/records/summary_file.h"
#include "accounting/text/account_names.h"

namespace accounting {

namespace csaaddc {
namespace {

struct Options {
  std::string output;  ///< "": standard output
  KeyParts keys;
  bool is_text = false;
  bool is_total = false;
  bool is_verbose = false;
};

void add(csa::Use& to, const csa::Use& from) {
  to.cpu += from.cpu;
  add_bounded(to.chars, from.chars);
  add_bounded(to.requests, from.requests);
  add_bounded(to.minor_faults, from.minor_faults);
  add_bounded(to.major_faults, from.major_faults);
  to.kcore += from.kcore;
  to.kvirt += from.kvirt;
  to.cpu_delay += from.cpu_delay;
  to.block_delay += from.block_delay;
  to.swap_delay += from.swap_delay;
}

void add(Charge& charge, const csa::Consolidated& from) {
  csa::Consolidated& to = charge.use;
  add_bounded(to.jobs, from.jobs);
  add(to.prime, from.prime);
  add(to.nonprime, from.nonprime);
  to.disk_use += from.disk_use;
  add_bounded(to.disk_samples, from.disk_samples);
  add_bounded(to.processes, from.processes);
  for (std::size_t i = 0; i < std::size(to.tapes); ++i) {
    add_bounded(to.tapes[i].mounts, from.tapes[i].mounts);
    add_bounded(to.tapes[i].reads, from.tapes[i].reads);
    add_bounded(to.tapes[i].writes, from.tapes[i].writes);
    add_bounded(to.tapes[i].reserved, from.tapes[i].reserved);
    add_bounded(to.tapes[i].utime, from.tapes[i].utime);
    add_bounded(to.tapes[i].stime, from.tapes[i].stime);
  }
  add_bounded(to.requests, from.requests);
  add_bounded(to.request_utime, from.request_utime);
  add_bounded(to.request_stime, from.request_stime);
  charge.units.add(from.sbu);
  charge.fee.add(from.fee);
}

/// One record as text, by printf(3): this is for people and small files.
class TextLine {
 public:
  TextLine(bool is_verbose, AccountNames& names)
      : is_verbose_(is_verbose), names_(names) {}

  std::string of(const csa::Consolidated& record) {
    text_.clear();
    head(record);
    const csa::Use& p = record.prime;
    const csa::Use& np = record.nonprime;
    both(p.cpu, np.cpu);
    both(p.kcore, np.kcore);
    both(p.kvirt, np.kvirt);
    both(p.chars, np.chars);
    both(p.requests, np.requests);
    both(p.minor_faults, np.minor_faults);
    both(p.major_faults, np.major_faults);
    both(p.cpu_delay, np.cpu_delay);
    both(p.block_delay, np.block_delay);
    both(p.swap_delay, np.swap_delay);
    number(record.disk_use, is_verbose_ ? " " : "\t");
    number(record.processes, is_verbose_ ? " \t" : "\t");
    number(static_cast<std::int64_t>(record.disk_samples), "\t");
    number(record.fee, "\t");
    number(record.sbu, "\t");
    return text_ + "\n";
  }

 private:
  void head(const csa::Consolidated& record) {
    const std::string project = record.prid == csa::kNoLongId ? "default" : "?";
    text_ += std::to_string(static_cast<std::int32_t>(record.uid)) + "\t" +
             names_.user(record.uid).substr(0, 8) + "\t" +
             project.substr(0, 8) + "\t";
  }
  template <class Number>
  void both(Number prime, Number nonprime) {
    number(prime, is_verbose_ ? " " : "\t");
    number(nonprime, is_verbose_ ? " " : "\t");
  }
  void number(double value, std::string_view behind) {
    char digits[400];
    const int length =
        is_verbose_ ? std::snprintf(digits, sizeof digits, "%e", value)
                    : std::snprintf(digits, sizeof digits, "%.0f", value);
    text_.append(digits, static_cast<std::size_t>(length)).append(behind);
  }
  void number(std::int64_t value, std::string_view behind) {
    text_.append(std::to_string(value)).append(behind);
  }

  bool is_verbose_;
  AccountNames& names_;
  std::string text_;
};

class Adder {
 public:
  Adder(const Options& options, Console& console)
      : options_(options), console_(console) {}

  Outcome<void> read(const std::string& path) {
    auto window = ByteWindow::open(path.c_str());
    if (!window)
      return stop(
          "An error occurred during the opening of file '" + path + "'.",
          window.error().code);
    SummaryReader<csa::Consolidated> reader(std::move(*window),
                                            csa::consolidated_head());
    csa::Consolidated record = {};
    while (reader.next(record))
      add(place_for(record), record);
    if (reader.rest() == 0) return {};
    code_ = 1;
    console_.complain("csaaddc: File '" + path +
                      "': " + std::to_string(reader.rest()) +
                      " bytes at offset " + std::to_string(reader.position()) +
                      " are no consolidated records and are left out.\n");
    return {};
  }

  void write(const std::optional<OutputFile>& file) {
    if (options_.is_total) {
      total_.use.head = csa::consolidated_head();
      write(total_.record());
    } else {
      for (const Charge& charge : table_.charges())
        write(charge.record());
    }
    if (!file) return;
    file_text_ = std::string(console_.out().view());
    console_.out().clear();
  }
  [[nodiscard]] const std::string& file_text() const { return file_text_; }
  [[nodiscard]] int exit_code() const { return code_; }

 private:
  Charge& place_for(const csa::Consolidated& record) {
    if (options_.is_total) return total_;
    const ChargeKey key = {.uid = record.uid,
                           .gid = record.gid,
                           .prid = record.prid,
                           .jid = record.jid};
    if (options_.keys.jid) return table_.add(key);  // as cat(1) would
    KeyParts parts = options_.keys;
    if (record.prid == csa::kNoLongId) parts.prid = false;
    if (record.gid == csa::kNoId) parts.gid = false;
    return table_.find(key, parts);
  }

  void write(const csa::Consolidated& record) {
    if (options_.is_text)
      console_.out().add(TextLine(options_.is_verbose, names_).of(record));
    else
      console_.out().add(bytes_of(record));
  }

  const Options& options_;
  Console& console_;
  ChargeTable table_;
  Charge total_;
  AccountNames names_;
  std::string file_text_;
  int code_ = 0;
};

Outcome<int> run(const Options& options, const CommandLine& line,
                 Console& console) {
  std::optional<OutputFile> file;
  if (!options.output.empty()) {
    file = OutputFile::create(options.output);
    if (!file)
      return stop("An error occurred during the opening of file '" +
                      options.output + "'.",
                  errno);
  }
  Adder adder(options, console);
  for (const std::string& path : line.operands)
    TRY(adder.read(path));
  adder.write(file);
  if (!file) return adder.exit_code();
  file->write(adder.file_text());
  const int code = file->commit();
  if (code == 0) return adder.exit_code();
  return stop(
      "An error occurred during the writing of file '" + options.output + "'.",
      code);
}

}  // namespace
}  // namespace csaaddc

int csaaddc_command(const CommandLine& line, Console& console) {
  csaaddc::Options options;
  options.is_text = line.has('A');
  options.is_total = line.has('t');
  options.is_verbose = line.has('v');
  options.keys = {.uid = line.has('u'),
                  .gid = line.has('g'),
                  .prid = line.has('p'),
                  .jid = line.has('j')};
  if (const auto* const path = line.value('o')) options.output = *path;
  if (options.keys.bits() == 0) options.keys.uid = options.keys.prid = true;
  if (!options.keys.uid && !options.keys.prid && !options.keys.jid)
    return kWrongUse;
  if (line.operands.empty()) {
    console.complain("The input file was not specified.\n");
    return kWrongUse;
  }
  const auto code = csaaddc::run(options, line, console);
  return code ? *code : console.give_up(code.error());
}

}  // namespace accounting
