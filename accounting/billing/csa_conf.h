// SPDX-License-Identifier: Apache-2.0
// csa.conf: one label and its value a line, '#' begins a comment. The file is
// the one that CSACONFIG names, else /etc/csa.conf, else /etc/csa.toml, if that
// alone is there. A file whose name ends with .toml is translated first. A
// value is read as the published programs read it: from behind the separators
// (blank , : ;) to the end of the line, or within double quotes.
//
// Root believes no file that somebody else may have written
// (accounting/trusted_file.h): it names folders that root writes into, and
// those of scripts that root runs.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace accounting {

/// The published form of a text of another one; the error is whole lines for
/// standard error.
using ConfTranslator = std::expected<std::string, std::string> (*)(
    std::string_view text, const std::string& path);

/// For files whose names end with .toml. Without one they are refused.
void set_conf_translator(ConfTranslator translator);

class CsaConf {
 public:
  /// The file that the environment names, read when it is first asked.
  CsaConf();
  explicit CsaConf(std::string path) : path_(std::move(path)) {}

  /// The value of a label. Nothing: it has none; complaints() says so too if
  /// the file itself could not be used.
  [[nodiscard]] std::optional<std::string> find(std::string_view label);

  /// The value, or `fallback` with a published sentence in complaints().
  [[nodiscard]] std::string text(std::string_view label,
                                 std::string_view fallback);
  [[nodiscard]] int integer(std::string_view label, int fallback);
  [[nodiscard]] double real(std::string_view label, double fallback);
  /// The number that is a word of a label's value; 1 where it is none.
  [[nodiscard]] double real_in(std::string_view label, std::string_view word);

  /// From now on a label that is not there is no complaint.
  void tell_no_missing() { tells_no_missing_ = true; }

  [[nodiscard]] const std::string& path() const { return path_; }

  /// Why the file is not believed, which complaints() does not say any more;
  /// empty: it is.
  [[nodiscard]] std::string distrust();

  /// Those of the file that begin so, sorted; none before it was read.
  [[nodiscard]] std::vector<std::string> labels_with(
      std::string_view prefix) const;

  /// "FILE:LINE" of a label, or "FILE".
  [[nodiscard]] std::string place_of(std::string_view label) const;

  /// Was a value asked for that is none, or one behind a line that cannot be
  /// understood? What is reckoned with it would be wrong.
  [[nodiscard]] bool has_wrong_value() const { return has_wrong_value_; }

  /// What was said since the last call, in whole lines for standard error.
  [[nodiscard]] std::string take_complaints();

 private:
  bool complain_of_kind();
  bool load();
  [[nodiscard]] std::optional<std::string> value_or_complaint(
      std::string_view function, std::string_view label);
  template <class Number>
  Number number(std::string_view label, std::string_view value,
                std::string_view expected, Number fallback);
  bool add_line(std::string_view line, int number);

  std::string path_;
  bool is_loaded_ = false;
  bool is_absent_ = false;  ///< which was told, and is not for each label
  std::string distrust_;    ///< then it is as if it were absent
  bool has_wrong_value_ = false;
  bool tells_no_missing_ = false;
  struct Value {
    std::string text;
    int line = 0;  ///< of the file; 0: it has another form
  };
  std::unordered_map<std::string, Value> values_;
  std::string fault_;  ///< of the first line that is wrong
  std::string complaints_;
};

}  // namespace accounting
