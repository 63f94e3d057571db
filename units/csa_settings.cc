// SPDX-License-Identifier: Apache-2.0
#include "units/csa_settings.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "units/toml_values.h"

namespace units {

namespace {

/// The value as csa.conf writes it; nothing: it is not what is expected.
using Writer = std::optional<std::string> (*)(const TomlData& data);

struct Form {
  std::string_view expected;
  Writer write;
};

bool is_line(const std::string& text) {
  return text.find_first_of("\n\"#") == std::string::npos;
}

std::optional<std::string> write_text(const TomlData& data) {
  const auto* const text = std::get_if<std::string>(&data);
  if (text == nullptr || text->empty() || !is_line(*text)) return std::nullopt;
  return *text;
}
std::optional<std::string> write_path(const TomlData& data) {
  auto text = write_text(data);
  if (!text || text->find_first_of(" \t") != std::string::npos ||
      !text->starts_with('/'))
    return std::nullopt;
  return text;
}
std::optional<std::string> write_whole(const TomlData& data) {
  const auto* const number = std::get_if<std::int64_t>(&data);
  if (number == nullptr || *number < 0 || *number > INT32_MAX)
    return std::nullopt;
  return std::to_string(*number);
}
std::optional<std::string> write_number(const TomlData& data) {
  if (auto whole = write_whole(data)) return whole;
  const auto* const other = std::get_if<TomlOther>(&data);
  if (other == nullptr) return std::nullopt;
  // By strtod(3): from_chars for double would bring libm into every start of
  // the command.
  char* end = nullptr;
  const std::string& text = other->text;
  const double number = std::strtod(text.c_str(), &end);
  const bool is_number =
      text.find_first_not_of("0123456789.eE+-") == std::string::npos &&
      end == text.c_str() + text.size();
  if (!is_number || !std::isfinite(number) || number < 0) return std::nullopt;
  return text;
}
std::optional<std::string> write_switch(const TomlData& data) {
  const auto* const is_on = std::get_if<bool>(&data);
  if (is_on == nullptr) return std::nullopt;
  return *is_on ? "on" : "off";
}
std::optional<std::string> write_bit(const TomlData& data) {
  const auto* const is_on = std::get_if<bool>(&data);
  if (is_on == nullptr) return std::nullopt;
  return *is_on ? "1" : "0";
}
std::optional<std::string> write_threshold(const TomlData& data) {
  const auto* const is_on = std::get_if<bool>(&data);
  if (is_on != nullptr && !*is_on) return "off 0";
  auto number = write_whole(data);
  return number ? std::optional("on " + *number) : std::nullopt;
}
std::optional<std::string> write_mode(const TomlData& data) {
  auto text = write_text(data);
  const bool is_octal =
      text && text->size() <= 4 &&
      text->find_first_not_of("01234567") == std::string::npos;
  return is_octal ? text : std::nullopt;
}
std::optional<std::string> write_list(const TomlData& data) {
  const auto* const list = std::get_if<std::vector<std::string>>(&data);
  if (list == nullptr) return std::nullopt;
  std::string text;
  for (const std::string& word : *list) {
    if (!is_line(word) || word.find_first_of(" \t") != std::string::npos)
      return std::nullopt;
    text += (text.empty() ? "" : " ") + word;
  }
  return "\"" + text + "\"";
}

// NOLINTBEGIN(modernize-use-designated-initializers): tables
constexpr Form kText = {"a text of one line", write_text};
constexpr Form kPath = {"an absolute path without blanks", write_path};
constexpr Form kWhole = {"a whole number, 0 or more", write_whole};
constexpr Form kNumber = {"a number, 0 or more", write_number};
constexpr Form kSwitch = {"true or false", write_switch};
constexpr Form kBit = {"true or false", write_bit};
constexpr Form kThreshold = {"a whole number, or false", write_threshold};
constexpr Form kMode = {"a mode in octal digits, as \"770\"", write_mode};
constexpr Form kList = {"an array of names, as [\"root\"]", write_list};

struct KeyRow {
  std::string_view section;
  std::string_view key;
  std::string_view label;
  const Form& form;
};

constexpr KeyRow kRows[] = {
    {"site", "accounting_dir", "ACCT_DIR", kPath},
    {"site", "exit_dir", "EXIT_DIR", kPath},
    {"site", "pacct_file", "PACCT_FILE", kPath},
    {"site", "file_system", "ACCT_FS", kPath},
    {"site", "min_blocks", "MIN_BLKS", kWhole},
    {"site", "holiday_file", "HOLIDAY_FILE", kPath},
    {"site", "num_holidays", "NUM_HOLIDAYS", kWhole},
    {"site", "memory_integral", "MEMINT", kWhole},
    {"site", "build_max_files", "BUILD_MAXFILES", kWhole},
    {"site", "cpu_mask", "CPUMASK", kText},
    {"site", "folder_mode", "CHMOD", kMode},
    {"site", "group", "CHGRP", kText},
    {"site", "umask", "UMASK", kMode},
    {"site", "mailer", "MAILER", kPath},
    {"site", "mail_list", "MAIL_LIST", kList},
    {"site", "warning_mail_list", "WMAIL_LIST", kList},
    {"options", "csabuild", "CSABUILD", kText},
    {"options", "csacms", "CSACMS", kText},
    {"options", "csacrep", "CSACREP", kText},
    {"options", "csadrep", "CSADREP", kText},
    {"options", "csarecy", "CSARECY", kText},
    {"start", "csa", "CSA_START", kSwitch},
    {"start", "wkmg", "WKMG_START", kSwitch},
    {"start", "mem", "MEM_START", kSwitch},
    {"start", "io", "IO_START", kSwitch},
    {"start", "delay", "DELAY_START", kSwitch},
    {"start", "memory_threshold", "MEMT_START", kThreshold},
    {"start", "time_threshold", "TIME_START", kThreshold},
    {"billed", "exit", "WKMG_TERM_EXIT", kBit},
    {"billed", "requeue", "WKMG_TERM_REQUEUE", kBit},
    {"billed", "hold", "WKMG_TERM_HOLD", kBit},
    {"billed", "rerun", "WKMG_TERM_RERUN", kBit},
    {"billed", "migrate", "WKMG_TERM_MIGRATE", kBit},
};

/// Keys of the sections "prime" and "nonprime", whose labels are P_ and NP_ and
/// the key in capitals.
constexpr std::string_view kWeights[] = {
    "basic", "time", "stime", "utime", "mem",      "xmem",     "vmem",
    "io",    "cio",  "lio",   "delay", "cpudelay", "blkdelay", "swpdelay"};
struct WeightSection {
  std::string_view name;
  std::string_view prefix;
};
constexpr WeightSection kWeightSections[] = {{"prime", "P_"},
                                             {"nonprime", "NP_"}};

/// Sections whose keys are names of the site's, each with a weight.
struct NamedSection {
  std::string_view name;
  std::string_view count;
  std::string_view label;
};
constexpr NamedSection kNamedSections[] = {
    {"queues", "WKMG_NUM_QUEUES", "WKMG_QUEUE"},
    {"machines", "WKMG_NUM_MACHINES", "WKMG_MACHINE"}};
// NOLINTEND(modernize-use-designated-initializers)
constexpr std::string_view kLabels = "labels";  ///< the site's own, as texts

std::string in_capitals(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

std::string line_of(std::string_view label, std::string_view value) {
  return std::string(label) + "\t" + std::string(value) + "\n";
}

class Translator {
 public:
  /// What is wrong with it; empty: it was taken.
  std::string take(const TomlValue& value) {
    const auto& path = value.path;
    if (std::holds_alternative<TomlEmptyTable>(value.data))
      return path.size() == 1 && is_section(path[0]) ? "" : unknown();
    if (path.size() != 2) return unknown();
    if (path[0] == kLabels) return take_label(path[1], value.data);
    for (std::size_t i = 0; i < std::size(kNamedSections); ++i)
      if (path[0] == kNamedSections[i].name)
        return take_named(i, path[1], value.data);
    for (const WeightSection& section : kWeightSections)
      if (path[0] == section.name &&
          std::ranges::find(kWeights, path[1]) != std::end(kWeights))
        return write(std::string(section.prefix) + in_capitals(path[1]),
                     kNumber, value.data);
    for (const KeyRow& row : kRows)
      if (path[0] == row.section && path[1] == row.key)
        return write(row.label, row.form, value.data);
    return unknown();
  }

  std::string finish() && {
    for (std::size_t i = 0; i < std::size(kNamedSections); ++i) {
      const NamedSection& section = kNamedSections[i];
      text_ += line_of(section.count, std::to_string(named_[i].size()));
      for (std::size_t n = 0; n < named_[i].size(); ++n)
        text_ += line_of(std::string(section.label) + std::to_string(n),
                         named_[i][n]);
    }
    return std::move(text_);
  }

 private:
  static std::string unknown() {
    return "there is no such key, expected one of site, options, start, "
           "billed, prime, nonprime, queues, machines and labels with a key "
           "of its own (csa.toml(5))";
  }
  static bool is_section(const std::string& name) {
    const auto names = [&name](const auto& row) { return row.name == name; };
    return name == kLabels ||
           std::ranges::find(kRows, name, &KeyRow::section) !=
               std::end(kRows) ||
           std::ranges::any_of(kNamedSections, names) ||
           std::ranges::any_of(kWeightSections, names);
  }

  std::string write(std::string_view label, const Form& form,
                    const TomlData& data) {
    const auto value = form.write(data);
    if (!value)
      return "the value is " + shown(data) + ", expected " +
             std::string(form.expected);
    text_ += line_of(label, *value);
    return {};
  }

  std::string take_label(const std::string& label, const TomlData& data) {
    const bool is_label =
        label.find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            "abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos &&
        !label.empty() && (label[0] < '0' || label[0] > '9');
    if (!is_label) return "expected a label of letters, digits and _";
    return write(label, kText, data);
  }

  std::string take_named(std::size_t section, const std::string& name,
                         const TomlData& data) {
    const auto weight = write_number(data);
    if (!weight)
      return "the value is " + shown(data) + ", expected " +
             std::string(kNumber.expected);
    if (!is_line(name) || name.find_first_of(" \t") != std::string::npos)
      return "expected a name without blanks";
    named_[section].push_back(*weight + "\t" + name);
    return {};
  }

  std::string text_;
  std::vector<std::string> named_[std::size(kNamedSections)];
};

}  // namespace

std::expected<std::string, std::vector<std::string>> csa_conf_of_toml(
    std::string_view text, std::string_view file) {
  const auto values = read_toml(text, file);
  if (!values) return std::unexpected(std::vector{values.error()});
  Translator translator;
  std::vector<std::string> faults;
  for (const TomlValue& value : *values)
    if (const std::string fault = translator.take(value); !fault.empty())
      faults.push_back(error_at(file, value, fault));
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return std::move(translator).finish();
}

std::string csa_toml_keys() {
  std::string text;
  for (const KeyRow& row : kRows)
    text.append(row.section)
        .append(".")
        .append(row.key)
        .append("  ")
        .append(row.label)
        .append("  ")
        .append(row.form.expected)
        .append("\n");
  for (const WeightSection& section : kWeightSections)
    for (const std::string_view key : kWeights)
      text.append(section.name)
          .append(".")
          .append(key)
          .append("  ")
          .append(section.prefix)
          .append(in_capitals(key))
          .append("  ")
          .append(kNumber.expected)
          .append("\n");
  for (const NamedSection& section : kNamedSections)
    text.append(section.name)
        .append(".NAME  ")
        .append(section.label)
        .append("n  ")
        .append(kNumber.expected)
        .append("\n");
  return text;
}

}  // namespace units
