// SPDX-License-Identifier: Apache-2.0
// Who writes the accounting file, for the published commands that switch it or
// turn it off: an instance of Corral that runs, else nobody but scopes, and the
// file's name is all there is.
#pragma once

#include <optional>
#include <string>

#include "accounting/cycle/places.h"
#include "accounting/text/console.h"
#include "bus/client.h"

namespace cli {

class PacctWriter {
 public:
  /// Gives up if an instance is there and does not answer.
  [[nodiscard]] static accounting::Outcome<PacctWriter> find(
      const accounting::Places& places);

  [[nodiscard]] bool has_instance() const { return client_.has_value(); }
  /// Of the instance; else an accounting that is off.
  [[nodiscard]] const core::AccountingView& view() const { return view_; }
  /// Is the file of csa.conf the one that the instance writes?
  [[nodiscard]] bool writes(const std::string& path) const;

  /// Returns the new name of what was in use, "" if nothing was.
  [[nodiscard]] accounting::Outcome<std::string> switch_file();
  [[nodiscard]] accounting::Outcome<void> turn(bool is_on);
  /// Kinds of it.
  [[nodiscard]] accounting::Outcome<void> turn(
      bool is_on, const core::RecordSwitches& named);

 private:
  explicit PacctWriter(const accounting::Places& places) : places_(&places) {}

  const accounting::Places* places_;
  std::optional<bus::Client> client_;
  core::AccountingView view_;
};

}  // namespace cli
