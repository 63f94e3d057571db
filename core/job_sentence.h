// SPDX-License-Identifier: Apache-2.0
// How a job ended, in one sentence for people: that of its result
// (job_result.h), or, of an array, what became of its members.
#pragma once

#include "core/job_control.h"
#include "core/job_result.h"

namespace core {

/// Without a final period.
inline Text<320> sentence_of(const JobView& view) {
  if (view.kind != JobKind::kArray || view.result.reason == Reason::kNone)
    return sentence_of(view.result);
  const ArrayView& array = view.array;
  Text<320> text;
  if (view.result.reason == Reason::kCancelled)
    text.append("was cancelled by ")
        .append(view.result.detail.view())
        .append("; ");
  text.append_unsigned(array.ended).append(" of its ");
  text.append_unsigned(array.size)
      .append(array.size == 1 ? " member" : " members")
      .append(" ended, ");
  if (array.dropped > 0)
    text.append_unsigned(array.dropped).append(" never began, ");
  if (array.failed == 0) return text.append("all with code 0");
  text.append_unsigned(array.failed).append(" of them not with code 0");
  if (view.result.has_status)
    text.append("; the highest is ")
        .append_number(exit_code_of(view.result.wait_status));
  return text;
}

}  // namespace core
