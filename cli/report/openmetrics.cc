// SPDX-License-Identifier: Apache-2.0
#include "cli/report/openmetrics.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/utf8.h"

namespace cli {

namespace {

using accounting::UseKey;
using accounting::UseRow;
using accounting::UseSum;

std::string count_text(std::uint64_t value) {
  return std::to_string(value);
}

/// Exactly: no number of microseconds is rounded.
std::string seconds_text(std::uint64_t us) {
  constexpr std::uint64_t kSecond = 1000000;
  const std::string part = std::to_string(kSecond + us % kSecond);
  return std::to_string(us / kSecond) + "." + part.substr(1);
}

/// Of each row a number that is always there, or a sum.
struct Family {
  std::string_view name;  ///< ends with its unit, if it has one
  std::string_view unit;
  std::string_view help;
  std::uint64_t UseRow::* count;
  UseSum UseRow::* sum;
};

constexpr Family kFamilies[] = {
    {.name = "corral_jobs",
     .unit = "",
     .help = "Jobs in the accounting files.",
     .count = &UseRow::jobs,
     .sum = nullptr},
    {.name = "corral_open_jobs",
     .unit = "",
     .help = "Jobs of which the accounting files have no end.",
     .count = &UseRow::open,
     .sum = nullptr},
    {.name = "corral_processes",
     .unit = "",
     .help = "Processes that have ended.",
     .count = &UseRow::processes,
     .sum = nullptr},
    {.name = "corral_wall_seconds",
     .unit = "seconds",
     .help = "Elapsed time, summed up.",
     .count = nullptr,
     .sum = &UseRow::wall_us},
    {.name = "corral_cpu_user_seconds",
     .unit = "seconds",
     .help = "Processor time in user mode.",
     .count = nullptr,
     .sum = &UseRow::user_us},
    {.name = "corral_cpu_system_seconds",
     .unit = "seconds",
     .help = "Processor time in the kernel.",
     .count = nullptr,
     .sum = &UseRow::system_us},
    {.name = "corral_memory_peak_bytes",
     .unit = "bytes",
     .help = "The most memory of a job, or of a process.",
     .count = nullptr,
     .sum = &UseRow::memory_bytes},
    {.name = "corral_read_bytes",
     .unit = "bytes",
     .help = "Read by read calls.",
     .count = nullptr,
     .sum = &UseRow::read_bytes},
    {.name = "corral_written_bytes",
     .unit = "bytes",
     .help = "Written by write calls.",
     .count = nullptr,
     .sum = &UseRow::written_bytes},
    {.name = "corral_storage_read_bytes",
     .unit = "bytes",
     .help = "Read from disks.",
     .count = nullptr,
     .sum = &UseRow::storage_read_bytes},
    {.name = "corral_storage_written_bytes",
     .unit = "bytes",
     .help = "Written to disks.",
     .count = nullptr,
     .sum = &UseRow::storage_written_bytes},
};

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// As the ABNF wants label values; bytes that are no UTF-8 are U+FFFD.
std::string escaped(std::string_view text) {
  std::string label;
  while (!text.empty()) {
    // NUL is a character here, as all but three are.
    const std::size_t length = text[0] == '\0' ? 1 : core::utf8_length(text);
    if (text[0] == '\n')
      label += "\\n";
    else if (text[0] == '"' || text[0] == '\\')
      label.append({'\\', text[0]});
    else if (length == 0)
      label += kReplacement;
    else
      label.append(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return label;
}

/// Prometheus gives each target a label `job` of its own.
std::string_view label_of(const UseReport& report) {
  return report.by == UseKey::kJob ? "jid" : report.title;
}

/// Of each row, without a pair that is the same: bytes that are no UTF-8 look
/// alike, and whoever names a command so must not spoil what is said of others.
std::vector<std::string> labels_of(const UseReport& report) {
  std::vector<std::string> all;
  std::set<std::string> keys;
  for (const UseRow row : report.rows) {
    std::string key = escaped(row.key);
    while (!keys.insert(key).second)
      key += kReplacement;
    std::string labels = std::string(label_of(report)) + "=\"" + key + "\"";
    if (has_name(report.by))
      labels += ",name=\"" + escaped(shown_name(report.by, row)) + "\"";
    all.push_back(std::move(labels));
  }
  return all;
}

std::string head_of(const Family& family) {
  const std::string name(family.name);
  std::string head = "# TYPE " + name + " gauge\n";
  if (!family.unit.empty())
    head += "# UNIT " + name + " " + std::string(family.unit) + "\n";
  return head + "# HELP " + name + " " + std::string(family.help) + "\n";
}

std::string sample(std::string_view name, const std::string& labels,
                   const std::string& value) {
  return std::string(name) + "{" + labels + "} " + value + "\n";
}

constexpr Family kUnknown = {
    .name = "corral_unknown",
    .unit = "",
    .help =
        "Of how many jobs or processes the counter is not known: its sum "
        "is at least what is said.",
    .count = nullptr,
    .sum = nullptr};

constexpr Family kUnits = {.name = "corral_billing_units",
                           .unit = "",
                           .help = "System billing units, by csa.conf.",
                           .count = nullptr,
                           .sum = nullptr};

std::string units_of(const UseReport& report,
                     const std::vector<std::string>& labels,
                     std::string& unknown) {
  std::string text = head_of(kUnits);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const accounting::UnitSum units = report.rows[i].units;
    if (units.get())
      text += sample(kUnits.name, labels[i], units_text(*units.get()));
    if (units.unknown > 0)
      unknown +=
          sample(kUnknown.name,
                 labels[i] + ",counter=\"" + std::string(kUnits.name) + "\"",
                 count_text(units.unknown));
  }
  return text;
}

}  // namespace

std::string openmetrics(const UseReport& report) {
  const auto labels = labels_of(report);
  std::string text;
  std::string unknown = head_of(kUnknown);
  for (const Family& family : kFamilies) {
    text += head_of(family);
    const auto shown = family.unit == "seconds" ? seconds_text : count_text;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const UseRow row = report.rows[i];
      const auto value = family.count != nullptr
                             ? std::optional(row.*family.count)
                             : (row.*family.sum).get();
      if (value) text += sample(family.name, labels[i], shown(*value));
      if (family.sum != nullptr && (row.*family.sum).unknown > 0)
        unknown +=
            sample(kUnknown.name,
                   labels[i] + ",counter=\"" + std::string(family.name) + "\"",
                   count_text((row.*family.sum).unknown));
    }
  }
  if (report.has_units) text += units_of(report, labels, unknown);
  text += unknown;
  text += head_of({.name = "corral_report_complete",
                   .unit = "",
                   .help = "1: all accounting files could be read to the end.",
                   .count = nullptr,
                   .sum = nullptr});
  text += std::string("corral_report_complete ") +
          (report.is_complete ? "1" : "0") + "\n";
  return text + "# EOF\n";
}

}  // namespace cli
