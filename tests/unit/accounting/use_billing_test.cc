// SPDX-License-Identifier: Apache-2.0
// What the job of each run of a batch request is weighed by.
#include "accounting/use_billing.h"

#include <doctest/doctest.h>

namespace {

using namespace accounting;

csa::Workload record(std::int16_t type, std::int16_t subtype,
                     std::uint64_t jid) {
  csa::Workload made = {};
  made.type = type;
  made.subtype = subtype;
  made.reqid = 7;
  made.arrayid = -1;
  made.jid = jid;
  return made;
}

constexpr std::int16_t kReceived = 2;
constexpr std::int16_t kBegun = 3;
constexpr std::int16_t kEnded = 5;

/// Three for each run, ten for one that was ended by a requeue.
JobWeights weights_of(std::initializer_list<csa::Workload> records) {
  JobWeights weights;
  for (const csa::Workload& one : records)
    weights.add(one);
  weights.settle(
      {.units = {}, .weight = [](const csa::Workload& run) -> double {
         return run.term_subtype == 2 ? 10 : 3;
       }});
  return weights;
}

}  // namespace

TEST_CASE("each run of a request weighs its own job, by its own end") {
  const JobWeights two =
      weights_of({record(kBegun, 1, 17), record(kEnded, 2, 17),
                  record(kBegun, 3, 18), record(kEnded, 1, 18)});
  CHECK(two.of(17) == 10);
  CHECK(two.of(18) == 3);
  CHECK(two.of(19) == 1);
  // As csabuild has it: received anew it is one run, that of the last job.
  const JobWeights one = weights_of(
      {record(kBegun, 1, 17), record(kEnded, 2, 17), record(kReceived, 1, 0),
       record(kBegun, 3, 18), record(kEnded, 1, 18)});
  CHECK(one.of(17) == 1);
  CHECK(one.of(18) == 3);
}

TEST_CASE("a run without an end, or whose end names no job, weighs its job") {
  CHECK(weights_of({record(kBegun, 1, 17)}).of(17) == 3);
  CHECK(weights_of({record(kBegun, 1, 17), record(kEnded, 2, kNoJid)}).of(17) ==
        10);
}
