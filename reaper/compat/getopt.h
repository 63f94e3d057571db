// SPDX-License-Identifier: Apache-2.0
// getopt_long(3) as glibc has it, over a table and without an allocation: what
// is an option where, and what is said of one that is wrong. Where options may
// stand anywhere, argv is pulled together so that the command is in one piece.
#pragma once

#include <string.h>

#include <cstdlib>
#include <cstring>

#include "reaper/compat/peer.h"

namespace reaper::compat {

namespace detail {

class OptionReader {
 public:
  OptionReader(Peer& peer, const OptionTable& table, char** argv)
      : peer_(peer), table_(table), words_(argv + 1), command_(argv + 1) {}

  /// Sets all options. kGoOn: the command is what argv + 1 begins with now.
  int read() {
    const bool is_anywhere =
        table_.is_anywhere && std::getenv("POSIXLY_CORRECT") == nullptr;
    int code = kGoOn;
    while (code == kGoOn && *words_ != nullptr) {
      const char* const word = *words_;
      if (word[0] != '-' || word[1] == '\0') {
        if (!is_anywhere) break;
        *command_++ = *words_++;
        continue;
      }
      ++words_;
      if (std::strcmp(word, "--") == 0) break;
      code = word[1] == '-' && table_.has_names ? take_name(word + 2)
                                                : take_letters(word + 1);
    }
    while ((*command_++ = *words_) != nullptr)
      ++words_;
    return code;
  }

 private:
  int take_letters(const char* letters) {
    for (int code = kGoOn; *letters != '\0'; ++letters) {
      const char letter[2] = {*letters, '\0'};
      const OptionRow* const row = find_letter(*letters);
      if (row == nullptr)
        return complain("invalid option -- '%s'\n"_packed, letter);
      if (!row->takes_value) {
        code = row->set(peer_, nullptr);
        if (code != kGoOn) return code;
        continue;
      }
      if (letters[1] != '\0') return row->set(peer_, letters + 1);
      if (*words_ != nullptr) return row->set(peer_, *words_++);
      return complain("option requires an argument -- '%s'\n"_packed, letter);
    }
    return kGoOn;
  }

  int take_name(const char* name) {
    const char* value = ::strchrnul(name, '=');
    const auto size = static_cast<std::size_t>(value - name);
    value = *value == '=' ? value + 1 : nullptr;
    const OptionRow* found = nullptr;
    bool is_ambiguous = false;
    for (const OptionRow& row : table_.rows) {
      if (!begins_with(row, name, size)) continue;
      is_ambiguous = found != nullptr;
      found = &row;
      if (row.name[size] == '\0') break;
    }
    if (found == nullptr)
      return complain("unrecognized option '--%s'\n"_packed, name);
    if (is_ambiguous && found->name[size] != '\0')
      return name_candidates(name, size);
    if (value != nullptr && !found->takes_value)
      return complain("option '--%s' doesn't allow an argument\n"_packed,
                      found->name);
    if (value == nullptr && found->takes_value) value = *words_;
    if (value == nullptr && found->takes_value)
      return complain("option '--%s' requires an argument\n"_packed,
                      found->name);
    if (value != nullptr && value == *words_) ++words_;
    return found->set(peer_, value);
  }

  int name_candidates(const char* name, std::size_t size) {
    (void)complain("option '--%s' is ambiguous; possibilities:"_packed, name);
    for (const OptionRow& row : table_.rows)
      if (begins_with(row, name, size)) peer_.err.print(" '--%s'", row.name);
    peer_.err.print("\n");
    return kUnusable;
  }

  int complain(const char* format, const char* subject) {
    peer_.err.print("%s: ", peer_.called);
    peer_.err.print(format, subject);
    return kUnusable;
  }

  [[nodiscard]] const OptionRow* find_letter(char letter) const {
    for (const OptionRow& row : table_.rows)
      if (row.letter == letter) return &row;
    return nullptr;
  }

  static bool begins_with(const OptionRow& row, const char* name,
                          std::size_t size) {
    return row.name != nullptr && std::strncmp(row.name, name, size) == 0;
  }

  Peer& peer_;
  const OptionTable& table_;
  char** words_;    ///< the next to read
  char** command_;  ///< where its next word goes, never beyond words_
};

}  // namespace detail

/// Reads the options of `argv`, which becomes argv[0] and the command.
[[nodiscard]] inline int read_options(Peer& peer, const OptionTable& table,
                                      char** argv) {
  return detail::OptionReader(peer, table, argv).read();
}

}  // namespace reaper::compat
