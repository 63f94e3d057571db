// SPDX-License-Identifier: Apache-2.0
// Reading a command line by a table of options. Options end at "--" or at the
// first word that is none; the rest stays where it is in argv, so that
// `command[-1]` is writable (reaper/exec_search.h needs it).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/number_text.h"
#include "core/text.h"

namespace reaper {

/// What is wrong with a command line.
using OptionError = core::Text<200>;

/// Where an option may be given: the people's own also as a variable, what
/// Corral's programs say to each other only by them.
enum class Given : std::uint8_t { kWords, kVariableToo, kByPrograms };

template <class Options>
struct OptionRow {
  const char* name;               ///< "--name"
  const char* expects = nullptr;  ///< null: it takes no value
  bool (*set)(Options& options, const char* value) = nullptr;
  Given given = Given::kWords;
};

namespace detail {

/// A setter for the number of a descriptor.
template <auto field, class Options>
constexpr bool set_fd(Options& options, const char* value) {
  return core::parse_fd(options.*field, value);
}

/// An option and its value: "--name value" or "--name=value".
struct GivenOption {
  std::string_view name;
  const char* value = nullptr;  ///< null: none was attached
};

constexpr GivenOption split_option(const char* word) {
  const std::string_view text(word);
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {.name = text, .value = nullptr};
  return {.name = {word, equals}, .value = word + equals + 1};
}

constexpr OptionError complaint(std::string_view what, std::string_view name,
                                const char* expects, const char* value) {
  OptionError error(what);
  error.append(" '").append(name).append("' expects ").append(expects);
  if (value != nullptr) error.append(", not '").append(value).append("'");
  return error;
}

}  // namespace detail

/// Whether a word was another program's, who reads the rest.
template <class Options>
constexpr bool ends_reading(const Options& options) {
  if constexpr (requires { options.is_for_another(); })
    return options.is_for_another();
  else
    return false;
}

/// Reads `argv` by `rows`; the rest is the command. An error is a sentence for
/// people.
template <class Options>
[[nodiscard]] constexpr std::optional<OptionError> parse_words(
    std::span<const OptionRow<Options>> rows, int argc, char** argv,
    Options& options) {
  int at = 1;
  for (; at < argc; ++at) {
    const std::string_view word(argv[at]);
    if (word == "--") ++at;
    if (word == "--" || !word.starts_with("-") || word == "-") break;
    const detail::GivenOption given = detail::split_option(argv[at]);
    const OptionRow<Options>* row = nullptr;
    for (const OptionRow<Options>& candidate : rows)
      if (candidate.name == given.name) row = &candidate;
    OptionError error("option '");
    error.append(given.name);
    if (row == nullptr)
      return error.append("' is unknown; ").append(Options::kKnown);
    const char* value = given.value;
    if (value != nullptr && row->expects == nullptr)
      return error.append("' takes no value");
    if (row->expects != nullptr && value == nullptr && at + 1 < argc)
      value = argv[++at];
    if ((row->expects != nullptr &&
         (value == nullptr || std::string_view(value) == "--")) ||
        !row->set(options, value))
      return detail::complaint("option", given.name, row->expects, value);
    if (ends_reading(options)) break;
  }
  options.command = argv + at;
  options.command_size = argc - at;
  return std::nullopt;
}

}  // namespace reaper
