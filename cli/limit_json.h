// SPDX-License-Identifier: Apache-2.0
// What is done when a limit is passed, as far as that was said, and which was,
// as JSON.
#pragma once

#include "cli/json_text.h"
#include "core/job_result.h"
#include "core/limit_terms.h"

namespace cli {

/// An object, empty where nothing was said.
[[nodiscard]] inline Json manner_json(const core::LimitTerms& terms) {
  Json manner = Json::object();
  if (terms.soft && core::is_told_softly(terms.kind))
    manner["signal"] = core::signal_name(terms.soft_signal().raw()).view();
  if (terms.action.raw() != 0)
    manner["action"] = core::signal_name(terms.action.raw()).view();
  if (terms.grace) manner["grace_us"] = terms.grace->raw();
  return manner;
}

/// The limit that ended a job: in microseconds, bytes or a count.
[[nodiscard]] inline Json passed_json(const core::LimitHit& limit) {
  return {{"kind", core::name_of(limit.kind)},
          {"word", core::row_of(limit.kind).word},
          {"value", limit.value},
          {"bound", limit.bound}};
}

}  // namespace cli
