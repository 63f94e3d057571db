// SPDX-License-Identifier: Apache-2.0
#include "accounting/billing/csa_conf.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "accounting/trusted_file.h"

namespace accounting {

namespace {

/// No product of such weights and of what a job can use is infinite.
constexpr double kGreatest = 1e30;

constexpr std::string_view kBlanks = " \t\n\r";
constexpr std::string_view kSeparators = " \t\n:,;";
constexpr std::size_t kLongestLine = 4096;

ConfTranslator conf_translator = nullptr;

std::expected<std::string, std::string> published_form(
    std::string text, const std::string& path) {
  if (!path.ends_with(".toml")) return text;
  if (conf_translator == nullptr)
    return std::unexpected(path + ": TOML is not read here\n");
  return conf_translator(text, path);
}

bool is_label(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string_view behind(std::string_view text, std::string_view skipped) {
  const std::size_t at = text.find_first_not_of(skipped);
  return at == std::string_view::npos ? std::string_view() : text.substr(at);
}

/// Whether all of `text` is an integer, put into `to`.
bool read_whole(std::string_view text, int& to) {
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, to);
  return code == std::errc() && stop == end;
}

/// Likewise a decimal number. By strtod: libstdc++'s from_chars for double
/// would bring libm into every start of `corral`.
bool read_whole(std::string_view text, double& to) {
  if (text.empty() || text.front() == '+' ||
      text.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
    return false;
  const std::string copy(text);
  char* end = nullptr;
  to = std::strtod(copy.c_str(), &end);
  return end == copy.c_str() + copy.size();
}

}  // namespace

void set_conf_translator(ConfTranslator translator) {
  conf_translator = translator;
}

CsaConf::CsaConf() : path_("/etc/csa.conf") {
  constexpr const char kOtherForm[] = "/etc/csa.toml";
  const char* const named = ::secure_getenv("CSACONFIG");
  if (named != nullptr)
    path_ = named;
  else if (!sys::is_there(path_) && sys::is_there(kOtherForm))
    path_ = kOtherForm;
}

std::string CsaConf::take_complaints() {
  return std::exchange(complaints_, std::string());
}

/// Keeps the first value of a label. False: the line cannot be understood, and
/// nothing behind it is.
bool CsaConf::add_line(std::string_view line, int number) {
  line = behind(line.substr(0, line.find('#')), kBlanks);
  if (line.empty()) return true;
  if (!is_label(line[0]) || std::isdigit(static_cast<unsigned char>(line[0]))) {
    fault_ = "config(): Parameter token found on line " +
             std::to_string(number) + " starts with a non-alpha character.\n" +
             path_ + ":" + std::to_string(number) + ": '" +
             std::string(line.substr(0, line.find_first_of(kBlanks))) +
             "': expected a label, which begins with a letter\n";
    return false;
  }
  std::size_t length = 0;
  while (length < line.size() && is_label(line[length]))
    ++length;
  const std::string label(line.substr(0, length));
  std::string_view value = line.substr(std::min(length + 1, line.size()));
  value = behind(value, kSeparators);
  if (value.ends_with('\r')) value.remove_suffix(1);
  if (value.starts_with('"')) value = value.substr(1, value.find('"', 1) - 1);
  const bool is_translated = path_.ends_with(".toml");
  values_.try_emplace(label, std::string(value), is_translated ? 0 : number);
  return true;
}

/// What is no regular file: a folder cannot be read, a device is empty.
bool CsaConf::complain_of_kind() {
  struct stat status = {};
  if (::stat(path_.c_str(), &status) < 0 || S_ISREG(status.st_mode))
    return false;
  if (S_ISDIR(status.st_mode))
    complaints_ += "An error occurred during the reading of file '" + path_ +
                   "'.\n   System Error(21): Is a directory.\n";
  else
    complaints_ +=
        "config(): The configuration file '" + path_ + "' is empty.\n";
  return true;
}

/// Reads the file once it can be read. A file that is empty is no file.
bool CsaConf::load() {
  if (is_loaded_ || is_absent_) return is_loaded_;
  constexpr std::size_t kMost = 1U << 20U;
  auto file = read_trusted_file(path_, kMost, distrust_);
  if (!distrust_.empty()) {
    is_absent_ = true;
    has_wrong_value_ = true;
    complaints_ += distrust_ + "\n";
    return false;
  }
  if (!file) {
    const int code = file.error().code;
    if (complain_of_kind()) return false;
    is_absent_ = code == ENOENT;
    complaints_ += "An error occurred during the opening of file '" + path_ +
                   "'.\n   System Error(" + std::to_string(code) +
                   "): " + std::strerror(code) + ".\n";
    return false;
  }
  const auto published = published_form(*std::move(file), path_);
  if (!published) {
    complaints_ += published.error();
    has_wrong_value_ = true;
    return false;
  }
  const std::string& text = *published;
  if (text.empty()) {
    complaints_ +=
        "config(): The configuration file '" + path_ + "' is empty.\n";
    return false;
  }
  is_loaded_ = true;
  int number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    if (line.size() >= kLongestLine) {
      fault_ = path_ + ":" + std::to_string(number) +
               ": the line is too long: expected less than " +
               std::to_string(kLongestLine) + " bytes\n";
      break;
    }
    if (!add_line(line, number)) break;
  }
  return true;
}

std::string CsaConf::distrust() {
  std::string said = take_complaints();
  (void)load();
  if (distrust_.empty())
    complaints_ = said + complaints_;
  else
    complaints_ = std::move(said);
  return distrust_;
}

std::optional<std::string> CsaConf::find(std::string_view label) {
  if (!load()) return std::nullopt;
  const auto found = values_.find(std::string(label));
  if (found != values_.end()) return found->second.text;
  complaints_ += fault_;
  if (!fault_.empty()) has_wrong_value_ = true;
  return std::nullopt;
}

std::vector<std::string> CsaConf::labels_with(std::string_view prefix) const {
  std::vector<std::string> labels;
  for (const auto& [label, value] : values_)
    if (label.starts_with(prefix)) labels.push_back(label);
  std::ranges::sort(labels);
  return labels;
}

std::string CsaConf::place_of(std::string_view label) const {
  const auto found = values_.find(std::string(label));
  if (found == values_.end() || found->second.line == 0) return path_;
  return path_ + ":" + std::to_string(found->second.line);
}

std::optional<std::string> CsaConf::value_or_complaint(
    std::string_view function, std::string_view label) {
  auto value = find(label);
  if (value || tells_no_missing_ || is_absent_) return value;
  complaints_.append(function)
      .append(": The '")
      .append(label)
      .append(
          "' parameter is missing from configuration file.\n    Please "
          "add '")
      .append(label)
      .append("' to the configuration file.\n");
  return value;
}

std::string CsaConf::text(std::string_view label, std::string_view fallback) {
  return value_or_complaint("init_char()", label)
      .value_or(std::string(fallback));
}

/// What stands behind the number is a comment, if a blank divides them.
template <class Number>
Number CsaConf::number(std::string_view label, std::string_view value,
                       std::string_view expected, Number fallback) {
  value = value.substr(0, value.find_first_of(kBlanks));
  Number number = {};
  const std::string_view digits =
      value.substr(value.starts_with('+') ? 1U : 0U);
  const bool is_number = read_whole(digits, number) &&
                         std::isfinite(static_cast<double>(number)) &&
                         number >= 0;
  const bool is_too_great = static_cast<double>(number) > kGreatest;
  if (is_number && !is_too_great) return number;
  has_wrong_value_ = true;
  complaints_.append(place_of(label)).append(": ");
  complaints_.append(label).append(": '");
  complaints_.append(value).append("': expected ").append(expected);
  if (is_number) complaints_.append(", and at most 1e30");
  complaints_.append("\n");
  return fallback;
}

int CsaConf::integer(std::string_view label, int fallback) {
  const auto value = value_or_complaint("init_int()", label);
  return value ? number(label, *value, "a whole number, 0 or more", fallback)
               : fallback;
}

double CsaConf::real(std::string_view label, double fallback) {
  const auto value = value_or_complaint("init_real()", label);
  return value ? number(label, *value, "a number, 0 or more", fallback)
               : fallback;
}

double CsaConf::real_in(std::string_view label, std::string_view word) {
  return number(label, word, "a number, 0 or more", 1.0);
}

}  // namespace accounting
