// SPDX-License-Identifier: Apache-2.0
// The command lines of the reaper's own programs: the supervisor, the store,
// and its own next image. Words are kept by pointer into argv, which lives as
// long as the program; the few that are made here live beside them.
#pragma once

#include <cstddef>

#include "core/text.h"
#include "reaper/instance_options.h"
#include "sys/own_path.h"

namespace reaper {

/// The numbers at which the reaper's own programs find their descriptors.
inline constexpr int kLinkFd = 3;
inline constexpr int kStoreFd = 4;
inline constexpr int kReadyFd = 5;
inline constexpr int kLockFd = 6;
inline constexpr int kStorePidFd = 7;

/// The longest command line of a supervisor.
inline constexpr int kMostWords = 120;

/// A null-terminated list of words for execve(2). `words()[-1]` is writable.
class CommandWords {
 public:
  void add(const char* word) {
    // execve(2) takes pointers to char, but writes nothing.
    if (count_ < kRoom - 1) words_[count_++] = const_cast<char*>(word);
  }
  [[nodiscard]] char** words() { return words_ + 1; }

 private:
  static constexpr std::size_t kRoom = kMostWords + 20;
  char* words_[kRoom] = {};
  std::size_t count_ = 1;
};

class OwnCommands {
 public:
  explicit OwnCommands(const InstanceOptions& options)
      : supervisor_(options.command),
        supervisor_size_(options.command_size),
        units_(options.units),
        stop_timeout_(options.stop_timeout) {
    sys::find_own_path(options.called, path_);
    if (is_for_units())
      sys::find_sibling(sys::OwnProgram::kSupervisor, path_.view(), found_);
    sys::ProgramPath init;
    sys::find_sibling(sys::OwnProgram::kInit, path_.view(), init);
    init_option_.append("--init=").append(init.view());
  }

  [[nodiscard]] const char* path() const { return path_.c_str(); }
  [[nodiscard]] const char* supervisor_name() const {
    return is_for_units() ? found_.c_str() : supervisor_[0];
  }
  /// Whether there is nothing to do but what the supervisor is told to: one
  /// that never comes to work is the end.
  [[nodiscard]] bool is_for_units() const { return units_ != nullptr; }

  /// CORRALD ARGS... and where its descriptors are.
  [[nodiscard]] CommandWords supervisor(bool has_ready_fd, bool has_lock,
                                        bool has_store_pidfd) const {
    CommandWords words;
    add_supervisor(words);
    words.add("--reaper-fd=3");
    words.add("--store-fd=4");
    words.add(init_option_.c_str());
    if (has_ready_fd) words.add("--ready-fd=5");
    if (has_lock) words.add("--lock-fd=6");
    if (has_store_pidfd) words.add("--store-pidfd=7");
    return words;
  }

  [[nodiscard]] CommandWords store() const {
    CommandWords words;
    words.add(path());
    words.add("--store");
    words.add("3");
    return words;
  }

  /// A program that says by its status whether it could take over the state.
  [[nodiscard]] static CommandWords checker(const char* program) {
    CommandWords words;
    words.add(program);
    words.add("--check-state");
    words.add("3");
    return words;
  }

  /// The reaper's next image. `state_fd` is a number as text.
  [[nodiscard]] CommandWords next_image(const char* program,
                                        const char* state_fd) const {
    CommandWords words;
    words.add(program);
    words.add("--supervise");
    words.add("--state-fd");
    words.add(state_fd);
    words.add("--");
    add_supervisor(words);
    return words;
  }

 private:
  void add_supervisor(CommandWords& words) const {
    if (is_for_units()) {
      words.add(found_.c_str());
      words.add("--units");
      words.add(units_);
      if (stop_timeout_ != nullptr) {
        words.add("--stop-timeout");
        words.add(stop_timeout_);
      }
    }
    for (int i = 0; i < supervisor_size_; ++i)
      words.add(supervisor_[i]);
  }

  char** supervisor_;
  int supervisor_size_;
  const char* units_;
  const char* stop_timeout_;
  sys::ProgramPath path_;
  sys::ProgramPath found_;  ///< the supervisor, for units
  core::Text<4110> init_option_;
};

}  // namespace reaper
