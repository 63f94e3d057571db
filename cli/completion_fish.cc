// SPDX-License-Identifier: Apache-2.0
#include "cli/completion_parts.h"
#include "cli/csa/published_command.h"

namespace cli {
namespace {

constexpr std::string_view kFishHead =
    R"(# fish completion for corral(1).
# Generated from the command table by 'corral --dump-completion fish'.

function __corral_jobs
    corral ps --all --no-header 2>/dev/null | while read -l jid name rest
        echo $jid
        test "$name" = -; or echo $name
    end
    echo self
end

function __corral_jids
    corral ps --no-header 2>/dev/null | while read -l jid rest
        echo $jid
    end
end

complete -c corral -f
for name in jattach jdetach jkill jlimit jstat jwait
    complete -c $name -x -a '(__corral_jids)'
end
)";

std::string fish_source(const ValueTypeRow& type) {
  switch (type.completion) {
    case Completion::kNothing:
      return " -x";
    case Completion::kChoices:
      return " -x -a " + quoted(type.choices);
    case Completion::kFiles:
      return " -r -F";
    case Completion::kDirectories:
      return " -x -a '(__fish_complete_directories)'";
    case Completion::kUsers:
      return " -x -a '(__fish_complete_users)'";
    case Completion::kJobs:
      return " -x -a '(__corral_jobs)'";
    case Completion::kPrograms:
      return " -x -a '(__fish_complete_subcommand --fcs-skip=2)'";
  }
  return "";
}

/// The lines for a command's operands: behind one of its words other ones.
std::string fish_operands(const OperandRow& row, const std::string& name) {
  if (row.count == Operands::kNone) return {};
  const std::string seen =
      "complete -c corral -n '__fish_seen_subcommand_from " + name;
  if (row.words.empty())
    return seen + "'" + fish_source(row_of(row.type)) + "\n";
  const std::string words =
      "__fish_seen_subcommand_from " + joined(row.words, " ");
  return seen + "; and not " + words + "'" + fish_source(row_of(row.type)) +
         "\n" + seen + "; and " + words + "'" +
         fish_source(row_of(row.behind)) + "\n";
}

std::string fish_command(const Command& command) {
  const std::string name(command.name);
  std::string text = "\ncomplete -c corral -n __fish_use_subcommand -a " +
                     name + " -d " + quoted(command.summary) + "\n";
  const std::string when =
      "complete -c corral -n '__fish_seen_subcommand_from " + name + "'";
  for (const OptionRow& row : command.options) {
    text += when + " -l " + std::string(row.name);
    if (row.letter != '\0') text += std::string(" -s ") + row.letter;
    if (takes_word(row)) text += fish_source(row_of(row.type));
    text += " -d " + quoted(row.help) + "\n";
  }
  return text + fish_operands(command.operands, name);
}

std::string fish_published(const PublishedCommand& command) {
  const std::string name(command.name);
  std::string text = "\ncomplete -c corral -n __fish_use_subcommand -a " +
                     name + " -d " + quoted(command.summary) + "\n";
  const std::string when =
      "complete -c corral -n '__fish_seen_subcommand_from " + name + "'";
  for (const LetterRow& row : command.letters)
    text += when + " -s " + row.letter + (row.argument.empty() ? "" : " -r") +
            " -d " + quoted(row.help) + "\n";
  text += when + " -F\n";
  return text + "complete -c " + name + " -w 'corral " + name + "'\n";
}

}  // namespace

std::string fish_completion() {
  std::string text(kFishHead);
  for (const Command& command : commands())
    text += fish_command(command);
  for (const PublishedCommand& command : published_commands())
    text += fish_published(command);
  return text;
}

}  // namespace cli
