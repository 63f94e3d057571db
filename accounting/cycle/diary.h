// SPDX-License-Identifier: Apache-2.0
// What an accounting run says while it works: its steps in nite/active (that of
// csaperiod is nite/pdact), and what goes wrong there, in nite/fd2log, on
// standard error and in the system's log; whom the site names for that is
// mailed too.
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/cycle/places.h"
#include "accounting/cycle/stamp.h"
#include "accounting/text/console.h"

namespace accounting {

/// The files of errors in nite/ of a run that have something in them; those of
/// it that are empty are removed.
[[nodiscard]] std::vector<std::string> error_files(const Places& places,
                                                   const Stamp& stamp);
/// Has the file something in it?
[[nodiscard]] bool has_size(const std::string& path);

class Diary {
 public:
  /// `name`: of the file in nite/. Both borrowed.
  Diary(const Places& places, Console& console, std::string program,
        const std::string& name)
      : places_(places),
        console_(console),
        program_(std::move(program)),
        path_(places.nite() + "/" + name) {}

  /// Begins the file anew.
  [[nodiscard]] Outcome<void> begin();
  /// "DATE - text"
  void note(std::string_view text);
  /// A line behind the last note.
  void more(std::string_view text);
  /// To the system's log only.
  void announce(const std::string& text) const;

  /// The run cannot go on: the file moves to `kept`, which is named everywhere,
  /// with `advice` on what to do then. Returns the exit code.
  int fail(const Stop& reason, const std::string& kept,
           const std::string& advice);
  /// It went on, but these files say what was not as it should be.
  void warn(const std::vector<std::string>& files);

  /// nite/fd2log and standard error.
  void complain(const std::string& text);
  /// Likewise, and mailed to MAIL_LIST; `advice` is said last, and mailed too.
  void alarm(const std::string& text, const std::string& advice = {});

 private:
  void append(const std::string& path, std::string_view text);

  const Places& places_;
  Console& console_;
  std::string program_;
  std::string path_;
};

}  // namespace accounting
