// SPDX-License-Identifier: Apache-2.0
#include "accounting/text/command_line.h"

#include <getopt.h>

namespace accounting {

std::optional<CommandLine> sort_words(const std::string& program,
                                      const std::string& letters,
                                      std::span<const std::string> words,
                                      GetoptTalk talk) {
  CommandLine line;
  line.program = program;
  std::vector<std::string> texts = {program};
  texts.insert(texts.end(), words.begin(), words.end());
  std::vector<char*> pointers;
  for (std::string& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  const int count = static_cast<int>(texts.size());
  ::optind = 0;  // begin anew
  ::opterr = talk == GetoptTalk::kTells ? 1 : 0;
  for (;;) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet
    const int letter = ::getopt(count, pointers.data(), letters.c_str());
    if (letter == -1) break;
    if (letter == '?') return std::nullopt;
    line.options.emplace_back(static_cast<char>(letter),
                              ::optarg == nullptr ? "" : ::optarg);
  }
  for (int i = ::optind; i < count; ++i)
    line.operands.emplace_back(pointers[static_cast<std::size_t>(i)]);
  return line;
}

}  // namespace accounting
