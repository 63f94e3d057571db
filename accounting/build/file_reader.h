// SPDX-License-Identifier: Apache-2.0
// The first time that csabuild reads the pacct files: each record gets its
// segment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accounting/build/build_options.h"
#include "accounting/build/entry_scan.h"
#include "accounting/build/requests.h"
#include "accounting/build/segments.h"
#include "accounting/build/stretches.h"
#include "accounting/records/entry_blocks.h"
#include "accounting/records/resync.h"
#include "accounting/text/console.h"

namespace accounting::build {

/// A part of a file that was read at once; it ends where the next one begins.
struct InputBlock {
  std::uint64_t begin = 0;  ///< of its first entry
  std::size_t first = 0;    ///< of its stretches
};

struct InputFile {
  std::string path;
  ByteWindow window;  ///< read again by this: the name may get another file
  int number = 0;
  std::vector<InputBlock> blocks;
  std::size_t last = 0;  ///< behind the last of its stretches
  bool is_empty = true;
};

class FileReader {
 public:
  FileReader(const Options& options, Console& console)
      : options_(options), console_(console), segments_(options.ignores_bad) {}

  /// Reads all files and places their records. Gives up in the published
  /// words.
  /// `place`: where the configuration says how many.
  Outcome<void> read_all(int most_files, const std::string& place);

  [[nodiscard]] Segments& segments() { return segments_; }
  [[nodiscard]] const std::vector<InputFile>& files() const { return files_; }
  [[nodiscard]] const Stretches& stretches() const { return stretches_; }
  [[nodiscard]] const csa::SystemName& system() const { return system_; }
  [[nodiscard]] bool has_damage() const { return has_damage_; }

 private:
  /// Reads entries again, one after the other.
  class Again;
  struct Counted;

  Outcome<void> read(InputFile& file);
  Outcome<void> take(const BlockResult<std::vector<Scanned>>& block,
                     Again& again);
  Outcome<void> take(const Scanned& item, Again& again);
  Outcome<void> look_again(Again& again, std::uint64_t begin, std::uint64_t end,
                           std::uint64_t entries);
  [[nodiscard]] bool is_in_uptime(const Scanned& processes) const;
  Outcome<std::size_t> place(const Entry& entry);
  Outcome<std::size_t> place_process(const csa::Csa& process);
  Outcome<std::size_t> place_start(std::uint64_t jid, std::int64_t btime,
                                   std::int64_t rstime);
  Outcome<std::size_t> place_end(std::uint64_t jid, std::int64_t btime,
                                 std::int64_t etime);
  Outcome<std::size_t> place_event(const Entry& entry);
  Outcome<std::size_t> place_configuration(const csa::Configuration& record);
  Outcome<std::size_t> place_workload(const csa::Workload& record);
  Outcome<std::size_t> find(const Wanted& wanted);
  [[nodiscard]] bool is_before_boots(std::int64_t time,
                                     std::int64_t slack) const;
  /// Has a record before this one told of its job, in the uptime in hand? Then
  /// it is of that uptime whatever its clock says, which somebody may have
  /// stepped; but a time that none could have is damage.
  [[nodiscard]] bool is_of_known_job(std::uint64_t jid,
                                     std::int64_t time) const;
  /// Makes sure that a record at `time` is not before every uptime. False: the
  /// record is to be ignored.
  Outcome<bool> accept_time(std::int64_t time, std::string_view kind,
                            std::int64_t slack);
  Outcome<void> shift(std::int64_t begin);
  void enter_uptime(std::int64_t boot);
  void tell_early(std::int64_t time, std::string_view kind);
  void tell_late(std::int64_t time, std::string_view kind);
  Outcome<void> count(const Counted& counted, std::size_t index);
  /// What of a segment's part was counted before.
  struct Before {
    std::uint64_t bytes = 0;
    std::int32_t processes = 0;
  };
  Outcome<void> stretch(const Counted& counted, std::size_t index,
                        const Before& before);
  Outcome<void> end_stretch();
  [[nodiscard]] std::string early_text() const;
  [[nodiscard]] std::string here() const;

  const Options& options_;
  Console& console_;
  Segments segments_;
  Requests requests_;
  std::vector<InputFile> files_;
  csa::SystemName system_ = {};
  std::size_t uptime_ = 0;  ///< that records are placed in
  Stretches stretches_;
  Stretch stretch_;           ///< in hand
  std::uint64_t drift_ = 0;   ///< the sum of what headers told wrongly
  std::uint64_t offset_ = 0;  ///< of the record, by the published count
  int number_ = 0;            ///< of the file in hand
  std::int64_t last_workload_ = 0;
  bool is_disorder_told_ = false;
  bool is_shifted_ = false;
  bool is_guessed_ = false;  ///< a request told of the uptime, no boot yet
  bool has_damage_ = false;
};

}  // namespace accounting::build
