// SPDX-License-Identifier: Apache-2.0
// corral, the command: finds the command's row, parses by it, calls its
// handler. This is the one place where an exception of the standard library
// ends (out of memory).
#include <sys/prctl.h>

#include <exception>
#include <span>
#include <string>
#include <vector>

#include "cli/command_table.h"
#include "cli/completion.h"
#include "cli/csa/published_command.h"
#include "cli/handlers.h"
#include "cli/help.h"
#include "cli/man_text.h"
#include "cli/output.h"
#include "cli/parser.h"
#include "cli/sgi_commands.h"
#include "cli/standard_fds.h"
#include "cli/suggestion.h"
#include "cli/variables.h"

namespace cli {
namespace {

/// A word that stands in a command's place, for people and for the build.
struct Generator {
  std::string_view word;
  std::string_view topics;  ///< what may stand behind it; empty: nothing
  std::string (*text)(std::string_view topic);
};

std::string version_text(std::string_view /*topic*/) {
  return "corral " CORRAL_VERSION "\n";
}
std::string main_help(std::string_view /*topic*/) {
  return help_text();
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Generator kGenerators[] = {
    {"--help", "", main_help},
    {"-h", "", main_help},
    {"help", "", main_help},
    {"--version", "", version_text},
    {"--dump-completion", "'bash', 'zsh' or 'fish'", completion_text},
    {"--dump-man", "a part of the manual, such as 'commands'", man_text},
};
// NOLINTEND(modernize-use-designated-initializers)

int unknown_command(std::string_view word) {
  std::vector<std::string_view> known;
  for (const Command& command : commands())
    known.push_back(command.name);
  for (const PublishedCommand& command : published_commands())
    known.push_back(command.name);
  std::string hint = did_you_mean(word, known);
  if (hint.empty()) hint = "; 'corral --help' shows those that there are";
  return complain("unknown command '" + std::string(word) + "'" + hint,
                  kMisused);
}

int generate(const Generator& generator, std::span<const char* const> words) {
  const bool is_complete = words.size() == (generator.topics.empty() ? 0U : 1U);
  const std::string text =
      is_complete ? generator.text(words.empty() ? "" : words[0]) : "";
  if (text.empty() && generator.topics.empty())
    return complain("'" + std::string(generator.word) + "' needs nothing more",
                    kMisused);
  if (text.empty())
    return complain("'" + std::string(generator.word) + "' expects " +
                        std::string(generator.topics),
                    kMisused);
  print(text);
  return finish_output(kSuccess);
}

int run_command(const Command& command, std::span<const char* const> words) {
  const auto arguments = parse(command, words);
  if (!arguments)
    return complain(std::string(command.name) + ": " + arguments.error().text,
                    kMisused);
  if (arguments->has("help")) {
    print(help_text(command));
    return finish_output(kSuccess);
  }
  // The doctor tells it as what it found.
  const auto checked = check_variables(sys::process_environment());
  if (!checked && command.handler != diagnose) return complain(checked.error());
  return finish_output(command.handler(*arguments));
}

/// The published command that a link to this program is named after; null: it
/// was called by its own name.
const PublishedCommand* called_as(std::span<const char* const> words) {
  if (words.empty()) return nullptr;
  const std::string_view path = words[0];
  return find_published(path.substr(path.rfind('/') + 1));
}

int start(std::span<const char* const> words) {
  if (words.empty()) {
    print(help_text());
    return finish_output(kMisused);
  }
  if (const Command* const command = find_command(words[0]))
    return run_command(*command, words.subspan(1));
  if (const PublishedCommand* const command = find_published(words[0]))
    return run_published(*command, words.subspan(1));
  if (words.size() == 2 && std::string_view(words[0]) == "help") {
    const Command* const command = find_command(words[1]);
    if (command == nullptr) return unknown_command(words[1]);
    print(help_text(*command));
    return finish_output(kSuccess);
  }
  for (const Generator& generator : kGenerators)
    if (generator.word == words[0])
      return generate(generator, words.subspan(1));
  return unknown_command(words[0]);
}

/// In ps(1) the command is what it was called, not what its file is (front.cc).
void take_name(const char* called) {
  if (called == nullptr) return;
  const std::string_view path = called;
  (void)::prctl(PR_SET_NAME, path.substr(path.rfind('/') + 1).data());
}

}  // namespace
}  // namespace cli

int main(int argc, char** argv) {
  try {
    cli::hold_standard_descriptors();
    cli::take_name(argv[0]);
    const std::span<const char* const> words(
        argv, static_cast<std::size_t>(argc > 0 ? argc : 0));
    if (const auto* const command = cli::called_as(words))
      return cli::run_published(*command, words.subspan(1));
    if (!words.empty())
      if (const auto code = cli::run_sgi_command(words[0], words.subspan(1)))
        return *code;
    return cli::start(words.empty() ? words : words.subspan(1));
  } catch (const std::exception& error) {
    return cli::complain(error.what(), cli::kRunFailure);
  }
}
