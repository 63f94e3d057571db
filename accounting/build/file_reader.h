// SPDX-License-Identifier: Apache-2.0
// The first time that csabuild reads the pacct files: each record gets its
// segment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accounting/build/build_options.h"
#include "accounting/build/requests.h"
#include "accounting/build/segments.h"
#include "accounting/records/resync.h"
#include "accounting/text/console.h"

namespace accounting::build {

/// Neighbours in a file that belong to one segment; kNone: to none.
struct Stretch {
  std::size_t segment = Segment::kNone;
  std::uint64_t entries = 0;
};

struct InputFile {
  std::string path;
  sys::UniqueFd file;  ///< read again by this: the name may get another file
  int number = 0;
  std::vector<Stretch> stretches;
  bool is_empty = false;
};

/// Sees a file from its first byte on. Errors: those of fcntl(2), fstat(2).
[[nodiscard]] core::Result<ByteWindow> window_on(const sys::UniqueFd& input);

class FileReader {
 public:
  FileReader(const Options& options, Console& console)
      : options_(options), console_(console), segments_(options.ignores_bad) {}

  /// Reads all files and places their records. Gives up in the published
  /// words.
  Outcome<void> read_all(int most_files);

  [[nodiscard]] Segments& segments() { return segments_; }
  [[nodiscard]] const std::vector<InputFile>& files() const { return files_; }
  [[nodiscard]] const csa::SystemName& system() const { return system_; }
  [[nodiscard]] bool has_damage() const { return has_damage_; }

 private:
  Outcome<void> read(InputFile& file, ByteWindow window);
  Outcome<std::size_t> place(const Entry& entry);
  Outcome<std::size_t> place_process(const csa::Csa& process);
  Outcome<std::size_t> place_event(const Entry& entry);
  Outcome<std::size_t> place_configuration(const csa::Configuration& record);
  Outcome<std::size_t> place_workload(const csa::Workload& record);
  Outcome<std::size_t> find(const Wanted& wanted);
  /// Makes sure that a record at `time` is not before every uptime. False: the
  /// record is to be ignored.
  Outcome<bool> accept_time(std::int64_t time, std::string_view kind,
                            std::int64_t slack);
  Outcome<void> shift(std::int64_t begin);
  void enter_uptime(std::int64_t boot);
  void tell_early(std::int64_t time, std::string_view kind);
  void tell_late(std::int64_t time, std::string_view kind);
  void count(const Entry& entry, std::size_t index);
  [[nodiscard]] std::string early_text() const;
  [[nodiscard]] std::string here() const;

  const Options& options_;
  Console& console_;
  Segments segments_;
  Requests requests_;
  std::vector<InputFile> files_;
  csa::SystemName system_ = {};
  std::size_t uptime_ = 0;    ///< that records are placed in
  std::uint64_t offset_ = 0;  ///< of the record, by the published count
  int number_ = 0;            ///< of the file in hand
  std::int64_t last_workload_ = 0;
  bool is_disorder_told_ = false;
  bool is_shifted_ = false;
  bool has_damage_ = false;
};

}  // namespace accounting::build
