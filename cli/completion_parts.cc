// SPDX-License-Identifier: Apache-2.0
#include "cli/completion_parts.h"

#include "cli/csa/published_command.h"

namespace cli {

bool takes_word(const OptionRow& row) {
  return row.type != ValueType::kFlag && row_of(row.type).implied.empty();
}

std::string joined(std::span<const std::string_view> words,
                   std::string_view separator) {
  std::string text;
  for (const std::string_view word : words)
    text.append(text.empty() ? "" : separator).append(word);
  return text;
}

std::string link_names() {
  std::string names;
  for (const PublishedCommand& command : published_commands())
    names.append(names.empty() ? "" : " ").append(command.name);
  return names;
}

std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'')
      result += "'\\''";
    else
      result += c;
  }
  return result + "'";
}

}  // namespace cli
