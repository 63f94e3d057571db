// SPDX-License-Identifier: Apache-2.0
// The command lines of the reaper's own programs: the supervisor, the store,
// and its own next image. Words are kept by pointer into argv, which lives as
// long as the program; the few that are made here live beside them.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdlib>

#include "core/text.h"
#include "reaper/options.h"
#include "sys/program_places.h"

namespace reaper {

/// The numbers at which the reaper's own programs find their descriptors.
inline constexpr int kLinkFd = 3;
inline constexpr int kStoreFd = 4;
inline constexpr int kReadyFd = 5;

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

/// The path of the program that runs, as far as the kernel knows it.
inline sys::ProgramPath own_path() {
  char buffer[4096];
  const ssize_t size = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  if (size <= 0) return "corral-init";
  return std::string_view(buffer, static_cast<std::size_t>(size));
}

class OwnCommands {
 public:
  explicit OwnCommands(const Options& options)
      : supervisor_(options.command),
        supervisor_size_(options.command_size),
        units_(options.units),
        stop_timeout_(options.stop_timeout),
        path_(own_path()) {
    if (is_for_units()) find_supervisor();
    init_option_.append("--init=").append(path_.view());
  }

  [[nodiscard]] const char* path() const { return path_.c_str(); }
  [[nodiscard]] const char* supervisor_name() const {
    return is_for_units() ? found_.c_str() : supervisor_[0];
  }
  /// Whether there is nothing to do but what the supervisor is told to: one
  /// that never comes to work is the end.
  [[nodiscard]] bool is_for_units() const { return units_ != nullptr; }

  /// CORRALD ARGS... and where its descriptors are.
  [[nodiscard]] CommandWords supervisor(bool has_ready_fd) const {
    CommandWords words;
    add_supervisor(words);
    words.add("--reaper-fd=3");
    words.add("--store-fd=4");
    words.add(init_option_.c_str());
    if (has_ready_fd) words.add("--ready-fd=5");
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
  /// If it is nowhere, the attempt to execute it says so.
  void find_supervisor() {
    std::size_t slash = path_.size();
    while (slash > 0 && path_.c_str()[slash] != '/')
      --slash;
    (void)sys::find_program(sys::places_of(sys::OwnProgram::kSupervisor),
                            ::getenv("CORRAL_LIBEXEC"), {path_.c_str(), slash},
                            found_);
  }

  void add_supervisor(CommandWords& words) const {
    if (is_for_units()) {
      words.add(found_.c_str());
      words.add("--units");
      words.add(units_);
    }
    if (stop_timeout_ != nullptr) {
      words.add("--stop-timeout");
      words.add(stop_timeout_);
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
