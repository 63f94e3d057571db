// SPDX-License-Identifier: Apache-2.0
// Sources of manual pages, for tests that hold them to the tables of the code.
#pragma once

#include <fstream>
#include <set>
#include <sstream>
#include <string>

/// docs/man/NAME.5.scd, without the backslashes before what scdoc would take
/// for an emphasis.
inline std::string page_of(const std::string& name) {
  std::ifstream file(CORRAL_SOURCE "/docs/man/" + name + ".5.scd");
  std::ostringstream whole;
  whole << file.rdbuf();
  std::string text = whole.str();
  std::erase(text, '\\');
  return text;
}

/// The words in bold within the first cells of a page's tables.
inline std::set<std::string> rows_of(const std::string& page) {
  std::set<std::string> words;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("|")) continue;
    for (std::size_t at = 0; (at = line.find('*', at)) != std::string::npos;) {
      const std::size_t end = line.find('*', at + 1);
      words.insert(line.substr(at + 1, end - at - 1));
      at = end == std::string::npos ? end : end + 1;
    }
  }
  return words;
}

/// The example in a page that begins so.
inline std::string example_of(const std::string& page,
                              const std::string& begin) {
  const std::size_t at = page.find("```\n" + begin) + 4;
  return page.substr(at, page.find("```", at) - at);
}
