// SPDX-License-Identifier: Apache-2.0
// The part of the job machine (job_machine.h) that is about job arrays. An
// array is a job without processes and without records; its members are jobs
// of their own, made one after the other in the order of its range.
//
//   state       means                                leaves it on
//   ---------   ----------------------------------   -------------------------
//   kPreparing  it was accepted                      ContainerMade -> kRunning
//   kRunning    members are made, or live            the last one's end, when
//                                                    all were made -> kEnded
//   kEnding     somebody asked for its end: no more  the last one's end
//               are made, those that live are ended  -> kEnded
//   kEnded      it is a fact of the past
//
// Invariants, held by tests/unit/core/array_machine_test.cc:
//  - A member is made once: `made` counts them and those passed over, and the
//    next is the one at that place of the range. It is open from then on until
//    its end was counted.
//  - What was dropped before it was made never is: it is passed over.
//  - No more are open than the range allows at a time.
//  - While a member can be made, MakeMember was asked for since the last event
//    that made it so.
//  - Its result has the highest code of its members' ends, as a shell shows
//    them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/job_event.h"
#include "core/job_machine.h"

namespace core {

/// What `event` makes of an array.
Step step_array(Job array, const JobEvent& event);

/// What an array in this state waits for, to be asked again after a crash.
std::vector<Effect> resume_array(const Job& array);

/// How many were, of those that the range says.
std::uint32_t members_made(const Job& array);

/// Whether one more member can be made now.
bool wants_member(const Job& array);

/// Whether the member of this index is never to be made.
bool is_dropped(const Job& array, std::uint32_t index);

/// What the member of this index is called.
std::string member_name(const Job& array, std::uint32_t index);

/// The job that the member of this index is.
JobSpec member_spec(const Job& array, std::uint32_t index);

}  // namespace core
