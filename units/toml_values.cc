// SPDX-License-Identifier: Apache-2.0
#include "units/toml_values.h"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
// Its formatters want libm.
#define TOML_ENABLE_FORMATTERS 0
#include <algorithm>
#include <cstddef>
#include <utility>

#include <toml++/toml.h>

namespace units {

namespace {

bool is_bare(std::string_view key) {
  constexpr std::string_view kBare =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return !key.empty() && key.find_first_not_of(kBare) == std::string_view::npos;
}

/// The lines of a text, found once.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      lines_.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  }
  /// From 1; empty if there is none.
  [[nodiscard]] std::string_view line(std::size_t number) const {
    return number == 0 || number > lines_.size() ? std::string_view()
                                                 : lines_[number - 1];
  }

 private:
  std::vector<std::string_view> lines_;
};

/// What stands in the file, if it stands in one line. (toml++ counts columns in
/// code points: behind other than ASCII the line's rest is shown.)
std::string text_of(const toml::node& node, const Lines& lines) {
  const toml::source_region& source = node.source();
  if (source.end.line != source.begin.line) return {};
  const std::string_view line = lines.line(source.begin.line);
  const std::size_t begin = source.begin.column - 1;
  if (begin >= line.size()) return {};
  return std::string(
      line.substr(begin, source.end.column - source.begin.column));
}

TomlData data_of(const toml::node& node, const Lines& lines) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  const auto* array = node.as_array();
  if (array == nullptr || !array->is_homogeneous<std::string>())
    return TomlOther{text_of(node, lines)};
  std::vector<std::string> texts;
  for (const toml::node& element : *array)
    texts.push_back(element.ref<std::string>());
  return texts;
}

class Collector {
 public:
  explicit Collector(std::string_view file_text) : lines_(file_text) {}

  /// Depth first.
  void collect(const toml::table& table) {
    for (const auto& [key, node] : table) {
      path_.emplace_back(key.str());
      const toml::table* const inner = node.as_table();
      if (inner != nullptr && !inner->empty())
        collect(*inner);
      else if (inner != nullptr)
        add(node, TomlEmptyTable());
      else
        add(node, data_of(node, lines_));
      path_.pop_back();
    }
  }

  [[nodiscard]] std::vector<TomlValue> take_values() {
    std::ranges::stable_sort(values_, {}, &Placed::position);
    std::vector<TomlValue> values;
    for (Placed& placed : values_)
      values.push_back(std::move(placed.value));
    return values;
  }

 private:
  struct Placed {
    std::pair<std::uint32_t, std::uint32_t> position;  ///< line, column
    TomlValue value;
  };

  void add(const toml::node& node, TomlData data) {
    const toml::source_position& begin = node.source().begin;
    values_.push_back(
        {.position = {begin.line, begin.column},
         .value = {
             .path = path_, .data = std::move(data), .line = begin.line}});
  }

  Lines lines_;
  std::vector<std::string> path_;
  std::vector<Placed> values_;
};

/// The line in which too many tables stand in each other for who goes through
/// them, toml++ among them; 0: none.
std::size_t too_deep_line(std::string_view text) {
  constexpr int kMostDots = 1000;
  std::size_t line = 1;
  int dots = 0;
  char quote = '\0';
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      dots = 0;
      quote = '\0';
    } else if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '.' && ++dots > kMostDots) {
      return line;
    }
  }
  return 0;
}

}  // namespace

std::expected<std::vector<TomlValue>, TomlError> read_toml(
    std::string_view text, std::string_view file) {
  if (const std::size_t line = too_deep_line(text); line != 0)
    return std::unexpected(std::string(file) + ":" + std::to_string(line) +
                           ": more than 1000 dots, expected a key of a few "
                           "names");
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed)
    return std::unexpected(
        std::string(file) + ":" +
        std::to_string(parsed.error().source().begin.line) +
        ": this is no TOML: " + std::string(parsed.error().description()));
  Collector collector(text);
  collector.collect(parsed.table());
  return collector.take_values();
}

std::string key_text(const std::vector<std::string>& path) {
  std::string text;
  for (const std::string& key : path) {
    if (!text.empty()) text += '.';
    text += is_bare(key) ? key : "\"" + key + "\"";
  }
  return text;
}

std::string shown(const TomlData& data) {
  struct {
    std::string operator()(const std::string& text) { return "'" + text + "'"; }
    std::string operator()(std::int64_t number) {
      return std::to_string(number);
    }
    std::string operator()(bool flag) { return flag ? "true" : "false"; }
    std::string operator()(const std::vector<std::string>& list) {
      std::string text;
      for (const std::string& word : list)
        text += (text.empty() ? "['" : ", '") + word + "'";
      return text.empty() ? "[]" : text + "]";
    }
    std::string operator()(const TomlEmptyTable& /*table*/) {
      return "an empty table";
    }
    std::string operator()(const TomlOther& other) {
      return other.text.empty() ? "neither text nor number" : other.text;
    }
  } visitor;
  return std::visit(visitor, data);
}

TomlError error_at(std::string_view file, const TomlValue& value,
                   std::string_view what) {
  return std::string(file) + ":" + std::to_string(value.line) + ": " +
         key_text(value.path) + ": " + std::string(what);
}

}  // namespace units
