// SPDX-License-Identifier: Apache-2.0
#include "accounting/billing/start_kinds.h"

#include <strings.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/number_text.h"
#include "sys/whole_file.h"

namespace accounting {

namespace {

constexpr std::string_view kBetween = " \t,";
constexpr std::uint64_t kSecond = 1000000;  // usec

/// The first word, which is taken away.
std::string take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
  const std::size_t end = std::min(text.find_first_of(kBetween), text.size());
  std::string word(text.substr(0, end));
  text.remove_prefix(end);
  return word;
}

/// "FILE:LINE: LABEL: 'WORD': expected WHAT"
std::string fault_of(const CsaConf& conf, std::string_view label,
                     const std::string& word, std::string_view expected) {
  std::string text = conf.place_of(label) + ": ";
  text.append(label).append(": '").append(word).append("': expected ");
  return text.append(expected) + "\n";
}

/// Any letters, as the published program has it.
bool is_word(const std::string& word, const char* wanted) {
  return ::strcasecmp(word.c_str(), wanted) == 0;
}

/// The published words first, then where and what.
std::optional<std::uint64_t> threshold_of(std::string_view text,
                                          std::string_view label,
                                          std::uint64_t unit,
                                          const CsaConf& conf,
                                          std::string& faults) {
  const std::string word = take_word(text);
  const auto number = core::parse_number(word, UINT64_MAX / unit);
  if (number) return *number * unit;
  faults.append(word.empty() ? "A threshold value is required for "
                             : "Threshold value for ");
  faults.append(label).append(" in the csa.conf file");
  faults.append(word.empty() ? ".\n" : " must be positive.\n");
  faults += fault_of(conf, label, "on" + (word.empty() ? "" : " " + word),
                     unit == 1 ? "'on' and a number of KB, or 'off'"
                               : "'on' and a number of seconds, or 'off'");
  return std::nullopt;
}

}  // namespace

StartKinds read_start_kinds(CsaConf& conf) {
  StartKinds start;
  for (const core::AccountKindRow& row : core::kAccountKinds) {
    if (row.label.empty()) continue;
    const auto value = conf.find(row.label);
    if (!value) continue;
    start.has_labels = true;
    std::string_view rest = *value;
    const std::string word = take_word(rest);
    if (!is_word(word, "on") && !is_word(word, "off"))
      start.faults += fault_of(conf, row.label, word, "'on' or 'off'");
    if (!is_word(word, "on")) continue;
    core::RecordSwitches one = {.kinds = core::bit_of(row.kind)};
    if (row.kind == core::AccountKind::kMemoryThreshold ||
        row.kind == core::AccountKind::kTimeThreshold) {
      const bool is_time = row.kind == core::AccountKind::kTimeThreshold;
      const auto threshold = threshold_of(
          rest, row.label, is_time ? kSecond : 1, conf, start.faults);
      if (!threshold) continue;
      (is_time ? one.time_us : one.memory_kib) = *threshold;
    }
    start.switches = core::turned_on(start.switches, one);
  }
  return start;
}

core::RecordSwitches usual_switches(CsaConf& conf, std::string& faults) {
  if (!sys::is_there(conf.path())) return {};
  const StartKinds start = read_start_kinds(conf);
  const std::string distrust = conf.distrust();
  faults += start.faults + distrust + (distrust.empty() ? "" : "\n");
  if (!start.has_labels) return {};
  core::RecordSwitches switches = start.switches;
  switches.kinds |= core::bit_of(core::AccountKind::kJob);
  return switches;
}

}  // namespace accounting
