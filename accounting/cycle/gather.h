// SPDX-License-Identifier: Apache-2.0
// SETUP of an accounting run: the files of the day go into its folder, numbered
// without gaps, as csabuild stops at one.
//
//   day/pacct0      -> Wpacct0     jobs that an earlier run put back
//   day/pacctN      -> Wpacct1...  switched files, or pacctN.zst as it is: what
//                                  reads it unpacks it
//   day/dtmp        -> Wdtmp       disk use, as text
//   nite/diskcacct  -> Wdiskcacct  disk use, as records
//
// A switched file that somebody still has open for writing (a scope keeps what
// it opened) is copied as far as it is, and waits in work/late, its name ending
// with the number of bytes that were taken; the next runs take what came after,
// and it goes when its last writer has. So nothing is lost, and nothing read
// that changes.
//
// Invariant: what is done is written down first (setup.begun, setup.plan), and
// each step is harmless when repeated: whatever kills a run, the next one takes
// the same files, and only those.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "accounting/cycle/places.h"
#include "accounting/text/console.h"

namespace accounting {

/// How a run was asked for, kept for whoever goes on with it.
struct RunWishes {
  bool takes_all = false;  ///< -A
  int verify_level = 0;    ///< -V
};

/// Switches the file in use (Places::pacct).
using SwitchPacct = std::function<Outcome<void>(const Places&)>;

/// Writes down, in the run's folder, its wishes and which file is in use.
[[nodiscard]] Outcome<void> note_begin(const Places& places,
                                       const std::string& folder,
                                       const RunWishes& wishes);
/// Nothing is there: those of a run without options.
[[nodiscard]] Outcome<RunWishes> noted_wishes(const std::string& folder);

/// All of SETUP, or what is left of it.
[[nodiscard]] Outcome<void> gather_files(const Places& places,
                                         const std::string& folder,
                                         const SwitchPacct& switch_pacct);

}  // namespace accounting
