// SPDX-License-Identifier: Apache-2.0
// Where events go: the one queue that JobService works off.
#pragma once

#include "core/job_event.h"

namespace supervisor {

class EventSink {
 public:
  virtual ~EventSink() = default;
  /// Takes the event; it is worked off after what runs now, in order, with the
  /// time of this call.
  virtual void post(core::JobId jid, core::EventBody body) = 0;
  /// Likewise, with the time at which it happened.
  virtual void post_at(core::JobId jid, const core::Moment& when,
                       core::EventBody body) = 0;
  /// Works off everything that was posted, now: called when a batch of reports
  /// is complete, even if it posted nothing, so that what the journal has can
  /// be acknowledged.
  virtual void settle() = 0;
};

}  // namespace supervisor
