// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/csabuild.h"

#include <sys/times.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "accounting/billing/csa_conf.h"
#include "accounting/billing/request_weights.h"
#include "accounting/billing/sbu.h"
#include "accounting/billing/unknown_labels.h"
#include "accounting/build/file_reader.h"
#include "accounting/build/sorted_writer.h"
#include "core/number_text.h"

namespace accounting {

namespace build {
namespace {

constexpr std::int64_t kDay = 86400;
constexpr std::uint64_t kMostDays = 36500;

Outcome<Options> read_options(const CommandLine& line) {
  Options options;
  options.program = line.program;
  options.assumes_crash = !line.has('a');
  options.ignores_bad = line.has('i');
  options.condenses = !line.has('n');
  options.tells_times = line.has('t');
  if (const auto* const days = line.value('o')) {
    const auto count = core::parse_number(*days, kMostDays);
    if (!count)
      return stop("-o: '" + *days + "': expected days, at most " +
                  std::to_string(kMostDays));
    options.cutoff =
        std::time(nullptr) - kDay * static_cast<std::int64_t>(*count);
  }
  if (const auto* const path = line.value('P')) options.pacct = *path;
  if (const auto* const path = line.value('s')) options.sorted = *path;
  return options;
}

/// Processor time of a part, for -t.
class Stopwatch {
 public:
  Stopwatch() { ::times(&begin_); }
  [[nodiscard]] std::string text() const {
    tms end = {};
    ::times(&end);
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    ReportText text;
    text.add("Times required to build tables: user ");
    text.fixed(static_cast<double>(end.tms_utime - begin_.tms_utime) / ticks, 0,
               6);
    text.add(" seconds, sys ");
    text.fixed(static_cast<double>(end.tms_stime - begin_.tms_stime) / ticks, 0,
               6);
    text.add(" seconds.\n");
    return std::string(text.view());
  }

 private:
  tms begin_ = {};
};

Outcome<int> run(const CommandLine& line, Console& console) {
  constexpr int kMostFiles = 200;
  const Options options = TRY(read_options(line));
  CsaConf conf;
  std::string faults;
  const int integral = conf.integer("MEMINT", 1);
  const int most = conf.integer("BUILD_MAXFILES", kMostFiles);
  const BillingRules rules =
      read_billing_rules(conf, faults, MissingWeights::kTold, integral);
  const auto weights = read_request_weights(conf);
  console.complain(conf.take_complaints() + faults + told_unknown_labels(conf));
  if (conf.has_wrong_value())
    return stop("Nothing is billed by a configuration that is wrong.");
  if (!weights) return std::unexpected(weights.error());
  if (auto fault = fault_of_integral(integral); !fault.empty())
    return stop(std::move(fault));
  Stopwatch reading;
  FileReader reader(options, console);
  TRY(reader.read_all(most, conf.place_of("BUILD_MAXFILES")));
  if (options.tells_times) console.complain(reading.text());
  Stopwatch writing;
  TRY(SortedWriter(options, reader, rules, *weights, console).run());
  if (options.tells_times) console.complain(writing.text());
  return reader.has_damage() ? 1 : 0;
}

}  // namespace
}  // namespace build

int csabuild_command(const CommandLine& line, Console& console) {
  const auto code = build::run(line, console);
  return code ? *code : console.give_up(code.error());
}

}  // namespace accounting
