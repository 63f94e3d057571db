// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <vector>

#include "cli/command_table.h"
#include "cli/csa/published_command.h"
#include "cli/help.h"

namespace cli {
namespace {

bool takes_word(const OptionRow& row) {
  return row.type != ValueType::kFlag && row_of(row.type).implied.empty();
}

/// Both spellings of an option, separated by `separator`.
std::string spellings(const OptionRow& row, std::string_view separator) {
  std::string text = "--" + std::string(row.name);
  if (row.letter != '\0')
    text.append(separator).append("-").append(1, row.letter);
  return text;
}

std::string command_words() {
  std::string words;
  for (const Command& command : commands())
    words += std::string(command.name) + " ";
  for (const PublishedCommand& command : published_commands())
    words += std::string(command.name) + " ";
  return words + "--help --version";
}

/// `text` within single quotes of a shell; ours hold no quote but this one.
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

// --- bash --------------------------------------------------------------------

constexpr std::string_view kBashHead =
    R"(# bash completion for corral(1).
# Generated from the command table by 'corral --dump-completion bash'.

_corral_jobs() {
  local jid name rest
  corral ps --all --no-header 2>/dev/null | while read -r jid name rest; do
    echo "$jid"
    [ "$name" = - ] || echo "$name"
  done
}

# The program's own completion, once its place in the line is known.
_corral_program() {
  local current=${COMP_WORDS[COMP_CWORD]}
  [[ $current == =* ]] && current=
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif [ "$1" -eq "$COMP_CWORD" ]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}

_corral() {
  # bash takes words apart at '=', unless COMP_WORDBREAKS was changed.
  local words=() places=() line=$COMP_LINE part joins= at
  for ((at = 0; at <= COMP_CWORD; at++)); do
    part=${COMP_WORDS[at]}
    [[ $part == =* ]] && joins=1
    if [[ $at -gt 0 && $joins && $line != [[:space:]]* ]]; then
      words[-1]+=$part
    else
      words+=("$part")
      places+=("$at")
    fi
    [[ $part == =* ]] || joins=
    line=${line#*"$part"}
  done
  local last=$((${#words[@]} - 1)) prefix=
  local word=${words[last]} previous=${words[last-1]} command=${words[1]}
  if [[ $word == --*=* ]]; then
    previous=${word%%=*}= word=${word#*=}
    [[ ${COMP_WORDS[COMP_CWORD]} == --*=* ]] && prefix=$previous
  fi
  at=2
  COMPREPLY=()
)";

std::string bash_action(const ValueTypeRow& type) {
  const auto reply = [](const std::string& source) {
    return "mapfile -t COMPREPLY < <(compgen -P \"$prefix\" " + source +
           " -- \"$word\")";
  };
  switch (type.completion) {
    case Completion::kNothing:
      return ":";
    case Completion::kChoices:
      return reply("-W " + quoted(type.choices));
    case Completion::kFiles:
      return reply("-f");
    case Completion::kDirectories:
      return reply("-d");
    case Completion::kUsers:
      return reply("-u");
    case Completion::kJobs:
      return reply("-W \"$(_corral_jobs) self\"");
    case Completion::kPrograms:
      return "_corral_program \"${places[at]}\"";
  }
  return ":";
}

/// Where the program's name stands: behind the options and their values.
std::string bash_program_search(const Command& command) {
  std::string with_value;
  for (const OptionRow& row : command.options)
    if (takes_word(row))
      with_value += (with_value.empty() ? "" : "|") + spellings(row, "|");
  return "      while ((at < last)); do\n"
         "        case ${words[at]} in\n"
         "          --) ((at++)); break ;;\n"
         "          " +
         with_value +
         ") ((at += 2)) ;;\n"
         "          -*) ((at++)) ;;\n"
         "          *) break ;;\n"
         "        esac\n"
         "      done\n"
         "      if ((at < last)) || [[ ${words[at-1]} == -- ]]; then\n"
         "        _corral_program \"${places[at]}\"\n"
         "        return\n"
         "      fi\n";
}

std::string bash_command(const Command& command) {
  std::string text = "    " + std::string(command.name) + ")\n";
  if (command.operands.count == Operands::kProgram)
    text += bash_program_search(command);
  text += "      case $previous in\n";
  std::string names;
  for (const OptionRow& row : command.options) {
    names +=
        (names.empty() ? "" : " ") + std::string("--") + std::string(row.name);
    if (row.type == ValueType::kFlag) continue;
    text += "        ";
    if (takes_word(row)) text += spellings(row, "|") + "|";
    text += "--" + std::string(row.name) + "=) " +
            bash_action(row_of(row.type)) + "; return ;;\n";
  }
  text +=
      "      esac\n"
      "      if [[ $word == -* ]]; then\n"
      "        mapfile -t COMPREPLY < <(compgen -W " +
      quoted(names) +
      " -- \"$word\")\n"
      "      else\n        ";
  text += command.operands.count == Operands::kNone
              ? ":"
              : bash_action(row_of(command.operands.type));
  return text + "\n      fi ;;\n";
}

/// A published command has letters only; what else it takes are files.
std::string bash_published(const PublishedCommand& command) {
  std::string letters;
  for (const LetterRow& row : command.letters)
    letters.append(letters.empty() ? "-" : " -").append(1, row.letter);
  return "    " + std::string(command.name) +
         ")\n      if [[ $word == -* ]]; then\n"
         "        mapfile -t COMPREPLY < <(compgen -W " +
         quoted(letters) +
         " -- \"$word\")\n"
         "      else\n"
         "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
         "      fi ;;\n";
}

std::string bash_text() {
  std::string text(kBashHead);
  text +=
      "  if ((last == 1)); then\n"
      "    mapfile -t COMPREPLY < <(compgen -W " +
      quoted(command_words()) +
      " -- \"$word\")\n    return\n  fi\n  case $command in\n";
  for (const Command& command : commands())
    text += bash_command(command);
  for (const PublishedCommand& command : published_commands())
    text += bash_published(command);
  return text + "  esac\n}\n\ncomplete -F _corral corral\n";
}

// --- zsh ---------------------------------------------------------------------

constexpr std::string_view kZshHead =
    R"(#compdef corral
# zsh completion for corral(1).
# Generated from the command table by 'corral --dump-completion zsh'.

_corral_jobs() {
  local -a jobs
  local jid name rest
  corral ps --all --no-header 2>/dev/null | while read -r jid name rest; do
    jobs+=("$jid")
    [[ $name == - ]] || jobs+=("$name")
  done
  compadd -- $jobs self
}

)";

std::string zsh_action(const ValueTypeRow& type) {
  switch (type.completion) {
    case Completion::kNothing:
      return " ";
    case Completion::kChoices:
      return "(" + std::string(type.choices) + ")";
    case Completion::kFiles:
      return "_files";
    case Completion::kDirectories:
      return "_files -/";
    case Completion::kUsers:
      return "_users";
    case Completion::kJobs:
      return "_corral_jobs";
    case Completion::kPrograms:
      return "_normal";
  }
  return " ";
}

/// A help text within zsh's specification: brackets and colons are its own.
std::string zsh_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':') result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_option(const OptionRow& row) {
  const ValueTypeRow& type = row_of(row.type);
  std::string value;
  if (takes_word(row))
    value = ":" + std::string(type.placeholder) + ":" + zsh_action(type);
  else if (!type.implied.empty())
    value = "::" + std::string(type.placeholder) + ":" + zsh_action(type);
  const std::string help = "[" + zsh_escaped(row.help) + "]";
  const std::string many = row.repeat == Repeat::kAllCount ? "*" : "";
  const std::string equals = type.implied.empty() ? "" : "=-";
  std::string text;
  const auto add = [&](const std::string& spelling) {
    text += "        " + quoted(many + spelling + help + value) + " \\\n";
  };
  add("--" + std::string(row.name) + equals);
  if (row.letter != '\0') add(std::string("-") + row.letter);
  return text;
}

std::string zsh_command(const Command& command) {
  std::string text =
      "    " + std::string(command.name) + ")\n      _arguments -s -S \\\n";
  for (const OptionRow& row : command.options)
    text += zsh_option(row);
  const ValueTypeRow& type = row_of(command.operands.type);
  const std::string value =
      ":" + std::string(type.placeholder) + ":" + zsh_action(type);
  switch (command.operands.count) {
    case Operands::kNone:
      return text + "        && return ;;\n";
    case Operands::kOne:
      return text + "        " + quoted("1" + value) + " && return ;;\n";
    case Operands::kOneOrMore:
    case Operands::kAny:
      return text + "        " + quoted("*" + value) + " && return ;;\n";
    case Operands::kProgram:
      return text +
             "        '(-)1:PROGRAM:_command_names -e' "
             "'*::ARGUMENTS:_normal' && return ;;\n";
  }
  return text;
}

std::string zsh_published(const PublishedCommand& command) {
  std::string text =
      "    " + std::string(command.name) + ")\n      _arguments -s -S \\\n";
  for (const LetterRow& row : command.letters) {
    std::string option =
        std::string("-") + row.letter + "[" + zsh_escaped(row.help) + "]";
    if (!row.argument.empty())
      option.append(":").append(row.argument).append(":_files");
    text += "        " + quoted(option) + " \\\n";
  }
  return text + "        '*:FILE:_files' && return ;;\n";
}

std::string zsh_text() {
  std::string text(kZshHead);
  text += "_corral() {\n  local -a commands\n  commands=(\n";
  for (const Command& command : commands())
    text +=
        "    " +
        quoted(std::string(command.name) + ":" + zsh_escaped(command.summary)) +
        "\n";
  for (const PublishedCommand& command : published_commands())
    text +=
        "    " +
        quoted(std::string(command.name) + ":" + zsh_escaped(command.summary)) +
        "\n";
  text +=
      "  )\n  if ((CURRENT == 2)); then\n"
      "    _describe command commands\n    return\n  fi\n"
      "  local name=$words[2]\n  shift words\n  ((CURRENT--))\n"
      "  case $name in\n";
  for (const Command& command : commands())
    text += zsh_command(command);
  for (const PublishedCommand& command : published_commands())
    text += zsh_published(command);
  return text + "  esac\n}\n\n_corral \"$@\"\n";
}

// --- fish --------------------------------------------------------------------

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

complete -c corral -f
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
  if (command.operands.count != Operands::kNone)
    text += when + fish_source(row_of(command.operands.type)) + "\n";
  return text;
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
  return text + when + " -F\n";
}

std::string fish_text() {
  std::string text(kFishHead);
  for (const Command& command : commands())
    text += fish_command(command);
  for (const PublishedCommand& command : published_commands())
    text += fish_published(command);
  return text;
}

}  // namespace

std::string completion_text(std::string_view shell) {
  if (shell == "bash") return bash_text();
  if (shell == "zsh") return zsh_text();
  if (shell == "fish") return fish_text();
  return {};
}

}  // namespace cli
