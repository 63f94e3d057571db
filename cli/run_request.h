// SPDX-License-Identifier: Apache-2.0
// What `corral run` was asked for, as one value.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "core/job_control.h"
#include "core/job_spec.h"

namespace cli {

enum class ReportForm : std::uint8_t { kNone, kText, kJson };

/// The ids that --user stands for, by the name service of this process.
struct Identity {
  core::Uid uid;
  core::Gid gid;
  std::vector<core::Gid> groups;
};

struct RunRequest {
  /// argv, name, user, engine, stragglers, kill plan and limits.
  core::JobSpec spec;
  std::vector<std::string> variables;  ///< NAME=VALUE, of --env
  std::optional<std::string> cwd;      ///< absolute
  ReportForm report = ReportForm::kNone;
  std::string parent;        ///< a word for the job to nest it in; empty: none
  bool with_caller = false;  ///< it ends with our parent
};

/// Errors: a relative --cwd where the current directory has no name.
[[nodiscard]] core::Answer<RunRequest> make_run_request(
    const Arguments& arguments);

/// Errors: kNoSuchUser.
[[nodiscard]] core::Answer<Identity> find_identity(const std::string& user);

/// Errors: kInvalid when it has no name any more.
[[nodiscard]] core::Answer<std::string> current_directory();

[[nodiscard]] ReportForm report_form(const Arguments& arguments);

}  // namespace cli
