// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <vector>

#include "cli/completion_parts.h"
#include "cli/csa/published_command.h"
#include "cli/help.h"

namespace cli {
namespace {

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

constexpr std::string_view kBashLinks = R"(
# Called by a published command's own name.
_corral_link() {
  local COMP_WORDS=(corral "${COMP_WORDS[0]##*/}" "${COMP_WORDS[@]:1}")
  local COMP_CWORD=$((COMP_CWORD + 1)) COMP_LINE="corral $COMP_LINE"
  _corral
}

_corral_jid() {
  local jids
  jids=$(corral ps --no-header 2>/dev/null | while read -r jid _; do echo "$jid"; done)
  mapfile -t COMPREPLY < <(compgen -W "$jids" -- "${COMP_WORDS[COMP_CWORD]}")
}

complete -F _corral corral
complete -F _corral_jid jattach jdetach jkill jlimit jstat jwait
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

/// What an operand is: behind one of the command's words another thing.
std::string bash_operand(const OperandRow& row) {
  if (row.count == Operands::kNone) return ":";
  if (row.words.empty()) return bash_action(row_of(row.type));
  std::string text = "case \" ${words[*]:2:last-2} \" in\n";
  text += "          *\" " + joined(row.words, " \"*|*\" ") + " \"*) " +
          bash_action(row_of(row.behind)) + " ;;\n";
  return text + "          *) " + bash_action(row_of(row.type)) +
         " ;;\n        esac";
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
  return text + bash_operand(command.operands) + "\n      fi ;;\n";
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
  return text + "  esac\n}\n" + std::string(kBashLinks) +
         "complete -F _corral_link " + link_names() + "\n";
}

// --- zsh ---------------------------------------------------------------------

constexpr std::string_view kZshHead =
    R"(# zsh completion for corral(1).
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

_corral_jid() {
  local -a jids
  local jid rest
  corral ps --no-header 2>/dev/null | while read -r jid rest; do
    jids+=("$jid")
  done
  compadd -- $jids
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

/// The type of an operand: behind one of the command's words another one.
std::string zsh_operand(const OperandRow& row) {
  const std::string usual = zsh_action(row_of(row.type));
  if (row.words.empty()) return usual;
  const auto call = [](const ValueTypeRow& type) {
    return type.completion == Completion::kChoices
               ? "compadd " + std::string(type.choices)
               : zsh_action(type);
  };
  return "{ if ((${words[(I)(" + joined(row.words, "|") + ")]})); then " +
         call(row_of(row.behind)) + "; else " + call(row_of(row.type)) +
         "; fi }";
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
      ":" + std::string(type.placeholder) + ":" + zsh_operand(command.operands);
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
  std::string text = "#compdef corral " + link_names() +
                     " jattach jdetach jkill jlimit jstat jwait\n" +
                     std::string(kZshHead);
  text +=
      "_corral() {\n"
      "  case $service in\n"
      "    jattach|jdetach|jkill|jlimit|jstat|jwait) _corral_jid; return ;;\n"
      "    corral) ;;\n"
      "    *) words=(corral $service \"${(@)words[2,-1]}\"); ((CURRENT++)) ;;\n"
      "  esac\n"
      "  local -a commands\n  commands=(\n";
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

}  // namespace

std::string completion_text(std::string_view shell) {
  if (shell == "bash") return bash_text();
  if (shell == "zsh") return zsh_text();
  if (shell == "fish") return fish_completion();
  return {};
}

}  // namespace cli
