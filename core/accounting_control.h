// SPDX-License-Identifier: Apache-2.0
// The part of the port that is about the accounting file: what a face may ask
// of the supervisor that writes it. As core/job_control.h.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "core/authority.h"
#include "core/refusal.h"

namespace core {

/// Is it written, and what became of the records.
struct AccountingView {
  bool is_on = true;
  std::string pacct;  ///< path of the accounting file
  std::uint64_t written = 0;
  std::uint64_t waiting = 0;  ///< kept while the disk refuses them
  std::uint64_t lost = 0;
  std::string fault;  ///< why the file cannot be written; empty: it can
};

class AccountingControl {
 public:
  using SwitchDone = std::function<void(Answer<std::string>)>;
  using Done = std::function<void(Answer<void>)>;

  virtual ~AccountingControl() = default;

  virtual AccountingView accounting_status() = 0;

  /// Gives the file the next free number and begins a new one. Answers with the
  /// new name of what was there, when the new one is on the disk. Asked twice,
  /// as after an answer that was lost, it switches twice: that loses nothing.
  virtual void switch_accounting(const Caller& caller, SwitchDone done) = 0;

  /// Writes no records any longer, or writes them again; over restarts of
  /// everything. Answers when that stands on the disk.
  virtual void turn_accounting(const Caller& caller, bool is_on, Done done) = 0;
};

}  // namespace core
