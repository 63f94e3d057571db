// SPDX-License-Identifier: Apache-2.0
#include "accounting/text/command_line.h"

#include <getopt.h>

#include "sys/spawn.h"

namespace accounting {

std::expected<CommandLine, char> sort_words(const std::string& program,
                                            const OptionForm& form,
                                            std::span<const std::string> words,
                                            GetoptTalk talk) {
  CommandLine line;
  line.program = program;
  std::vector<std::string> texts = {program};
  texts.insert(texts.end(), words.begin(), words.end());
  const std::vector<char*> pointers = sys::argument_pointers(texts);
  std::vector<option> long_options;
  for (const LongName& row : form.long_names)
    long_options.push_back({row.name, no_argument, nullptr, row.letter});
  long_options.push_back({nullptr, 0, nullptr, 0});
  const int count = static_cast<int>(texts.size());
  ::optind = 0;  // begin anew
  ::opterr = talk == GetoptTalk::kTells ? 1 : 0;
  for (;;) {
    // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread yet
    const int letter =
        form.has_long_names
            ? ::getopt_long(count, pointers.data(), form.letters.c_str(),
                            long_options.data(), nullptr)
            : ::getopt(count, pointers.data(), form.letters.c_str());
    // NOLINTEND(concurrency-mt-unsafe)
    if (letter == -1) break;
    if (letter == '?') return std::unexpected(static_cast<char>(::optopt));
    line.options.emplace_back(static_cast<char>(letter),
                              ::optarg == nullptr ? "" : ::optarg);
  }
  for (int i = ::optind; i < count; ++i)
    line.operands.emplace_back(pointers[static_cast<std::size_t>(i)]);
  return line;
}

}  // namespace accounting
