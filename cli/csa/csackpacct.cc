// SPDX-License-Identifier: Apache-2.0
// csackpacct: for cron. Switches an accounting file that has become large, and
// turns accounting off while the disk is nearly full.
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "accounting/cycle/diary.h"
#include "accounting/cycle/places.h"
#include "accounting/cycle/run_lock.h"
#include "accounting/cycle/run_state.h"
#include "cli/csa/csaswitch.h"
#include "cli/csa/pacct_writer.h"
#include "core/number_text.h"

namespace cli {

namespace {

using accounting::CommandLine;
using accounting::Console;
using accounting::CsaConf;
using accounting::kWrongUse;
using accounting::Outcome;
using accounting::Places;

constexpr std::uint64_t kMostBlocks = 4000;  // of 1024 bytes

class Check {
 public:
  Check(const Places& places, Console& console)
      : places_(places), diary_(places, console, "csackpacct", "ckpacct") {}

  /// Exit code 1: accounting is off, or it was not done.
  int run(std::uint64_t most) {
    for (const std::string& folder : {places_.root, places_.nite()})
      if (const auto made = accounting::make_folder(places_, folder); !made)
        return refuse(made.error());
    auto lock = accounting::RunLock::take(places_.nite() + "/ckpacct.lock",
                                          "csackpacct");
    if (!lock) return refuse(lock.error());
    const auto code = look(most);
    return code ? *code : refuse(code.error());
  }

 private:
  int refuse(const accounting::Stop& reason) {
    diary_.complain(reason.text);
    return reason.code;
  }

  /// That it was us who turned accounting off stands in a file: what a person
  /// turned off stays off.
  [[nodiscard]] std::string mark() const { return places_.nite() + "/acctoff"; }
  [[nodiscard]] bool is_ours() const {
    struct stat status = {};
    return ::stat(mark().c_str(), &status) == 0;
  }

  Outcome<int> look(std::uint64_t most) {
    const std::uint64_t free =
        TRY(accounting::free_blocks(places_.file_system));
    PacctWriter writer = TRY(PacctWriter::find(places_));
    if (free < places_.least_free) return no_room(writer, free);
    if (is_ours()) TRY(room_again(writer));
    struct stat status = {};
    const std::string& path = writer.view().pacct;
    if (::stat(path.c_str(), &status) == 0 &&
        static_cast<std::uint64_t>(status.st_blocks) / 2 > most)
      TRY(writer.switch_file());
    return 0;
  }

  Outcome<int> no_room(PacctWriter& writer, std::uint64_t free) {
    const std::string room =
        places_.file_system + " has only " + std::to_string(free) +
        " blocks free, fewer than " + std::to_string(places_.least_free) +
        " (MIN_BLKS): ";
    if (is_ours()) {
      say(room + "accounting stays off.\n");
      return 1;
    }
    if (writer.has_instance() && writer.view().is_on) {
      // First, so that a kill in between leaves nothing that stays off.
      const auto marked = accounting::put_file(places_, mark(), "csackpacct\n");
      if (const auto done = writer.turn(false); !done) {
        (void)::unlink(mark().c_str());
        return std::unexpected(done.error());
      }
      const std::string text = room + "accounting is turned off" +
                               (marked ? ".\n"
                                       : " until somebody turns it on: no "
                                         "mark could be made.\n");
      diary_.announce(text);
      diary_.alarm(text);
    } else {
      say(room + "there is no accounting to turn off.\n");
    }
    return 1;
  }

  Outcome<void> room_again(PacctWriter& writer) {
    TRY(writer.turn(true));
    (void)::unlink(mark().c_str());
    say(places_.file_system + " has room again: accounting is on.\n");
    return {};
  }

  void say(const std::string& text) {
    diary_.announce(text);
    diary_.complain(text);
  }

  const Places& places_;
  accounting::Diary diary_;
};

}  // namespace

int csackpacct_command(const CommandLine& line, Console& console) {
  std::optional<std::uint64_t> most = kMostBlocks;
  if (line.operands.size() == 1)
    most = core::parse_number(line.operands[0], UINT64_MAX);
  if (line.operands.size() > 1 || !most) return kWrongUse;
  CsaConf conf;
  const auto places = accounting::read_places(conf, console);
  if (!places) return console.give_up(places.error());
  return Check(*places, console).run(*most);
}

}  // namespace cli
