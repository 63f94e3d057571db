// SPDX-License-Identifier: Apache-2.0
// The states of a day's run (cycle/csarun.h), each a function that may be
// repeated.
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/billing/csa_conf.h"
#include "accounting/cycle/diary.h"
#include "accounting/cycle/gather.h"
#include "accounting/cycle/places.h"
#include "accounting/cycle/run_state.h"
#include "accounting/cycle/stamp.h"
#include "accounting/text/console.h"

namespace accounting {

class DayRun {
 public:
  struct Setting {
    const Places& places;
    CsaConf& conf;
    Diary& diary;
    const SwitchPacct& switch_pacct;
  };

  /// All borrowed. `now`: the minute of the run; `before`: of the one before.
  DayRun(const Setting& setting, const RunWishes& wishes, Stamp now,
         Stamp before);

  /// Does a state, which then is not the one in statefile any longer.
  [[nodiscard]] Outcome<void> step(RunState state);

 private:
  using Step = Outcome<void> (DayRun::*)();
  struct Row {
    RunState state;
    Step step;
  };
  static const Row kRows[];

  Outcome<void> set_up();
  Outcome<void> verify();
  Outcome<void> archive1();
  Outcome<void> build();
  Outcome<void> archive2();
  Outcome<void> summarise();
  Outcome<void> report();
  Outcome<void> report_daemons();
  Outcome<void> format();
  Outcome<void> user_exit();
  Outcome<void> clean_up();

  // Of VERIFY.
  Outcome<void> verify_file(const std::string& name);
  Outcome<void> cut_damage(const std::string& path);
  // Of REPORT.
  Outcome<void> recycle();
  Outcome<void> put_back(const std::string& path);
  Outcome<std::string> report_text();
  // Of CLEANUP.
  void remove_work() const;

  /// Runs a part of the published commands, which must succeed.
  struct Call {
    std::string_view part;
    std::string words;
    std::string output;
    std::string_view errors;  ///< "Ebld"
    std::string input = {};
  };
  Outcome<void> must(std::string_view state, const Call& call);
  Outcome<void> exit_at(std::string_view state, const char* name,
                        std::string_view errors);

  [[nodiscard]] std::string sum_file(std::string_view name) const {
    return places_.sum() + "/" + std::string(name) + "." + now_.text();
  }
  [[nodiscard]] std::string errors_file(std::string_view name) const {
    return places_.nite() + "/" + std::string(name) + "." + now_.text();
  }
  [[nodiscard]] std::string work_file(std::string_view name) const {
    return folder_ + "/" + std::string(name);
  }
  /// The words that csa.conf has for a part, or the published ones.
  std::string words_of(std::string_view label, std::string_view fallback);
  /// "-A " for a run that takes all jobs.
  [[nodiscard]] std::string all() const {
    return wishes_.takes_all ? "-A " : "";
  }
  [[nodiscard]] std::string system_line() const;
  [[nodiscard]] std::string on_day_pages(const std::string& begin,
                                         std::string_view subject,
                                         const std::string& text,
                                         std::string_view title) const;

  const Places& places_;
  CsaConf& conf_;
  Diary& diary_;
  const SwitchPacct& switch_pacct_;
  RunWishes wishes_;
  Stamp now_;
  Stamp before_;
  std::time_t moment_;
  std::string folder_;
};

}  // namespace accounting
