// SPDX-License-Identifier: Apache-2.0
// The second time that csabuild reads the pacct files: each record is billed
// and put where it belongs in the sorted file. Of that file every byte's place
// is known beforehand, so all processors write at once.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "accounting/billing/csa_conf.h"
#include "accounting/billing/request_weights.h"
#include "accounting/billing/sbu.h"
#include "accounting/build/file_reader.h"
#include "accounting/build/placed_bytes.h"
#include "accounting/build/units_writer.h"
#include "accounting/records/output_file.h"

namespace accounting::build {

class SortedWriter {
 public:
  SortedWriter(const Options& options, FileReader& input,
               const BillingRules& rules, const RequestWeights& weights,
               Console& console)
      : options_(options),
        input_(input),
        rules_(rules),
        weights_(weights),
        console_(console) {}

  Outcome<void> run();

 private:
  struct Job {
    std::size_t segment = 0;
    std::vector<std::uint32_t> members;  ///< segments that it is made of
    std::size_t uptime = 0;
    std::uint64_t header_at = 0;
    std::uint64_t workload_at = 0;
    std::uint64_t end = 0;
    std::uint64_t units_at = 0;  ///< which word is its own
    bool is_led = false;  ///< its header is written with its first record
  };
  struct Boot {
    std::uint64_t at = 0;
    std::uint64_t end = 0;
  };
  class Copier;

  void plan();
  void break_circles();
  [[nodiscard]] bool has_records(std::size_t index) const;
  void plan_job(std::size_t segment, std::size_t uptime);
  void add_members(std::size_t segment, std::vector<std::uint32_t>& members);
  [[nodiscard]] csa::Configuration boot_record(std::size_t uptime,
                                               std::uint64_t length) const;
  /// Returns the checksum of all.
  std::uint64_t write_boots(PlacedBytes& file);
  void write_headers(PlacedBytes& file, UnitsWriter* units);
  [[nodiscard]] csa::JobHeader header_of(const Job& job) const;
  Outcome<void> copy_file(const InputFile& input, int file, UnitsFile& units);
  [[nodiscard]] const Segment& segment(std::size_t index) const {
    return segments_.at(index);
  }
  /// Where the published csabuild would give up, and why.
  struct GivenUp {
    std::uint64_t size = 0;  ///< of what it has written
    std::string text;
  };
  std::optional<GivenUp> misread(PlacedBytes& file);
  std::optional<GivenUp> misread_in(const Job& job, PlacedBytes& file);
  Outcome<void> write(OutputFile& output);
  void commit_units(UnitsFile& units, std::uint64_t boots);
  [[nodiscard]] std::unexpected<Stop> unwritable(int code) const;

  const Options& options_;
  FileReader& input_;
  const Segments& segments_ = input_.segments();
  const BillingRules& rules_;
  const RequestWeights& weights_;
  Console& console_;
  std::deque<Job> jobs_;
  std::vector<Boot> boots_;
  std::uint64_t size_ = 0;
  std::uint64_t words_ = 0;  ///< of the units beside the file
};

}  // namespace accounting::build
