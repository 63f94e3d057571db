// SPDX-License-Identifier: Apache-2.0
// corral archive: packs accounting files that are closed, and removes those
// that the site does not keep.
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/csa_file.h"
#include "accounting/cycle/archive.h"
#include "cli/handlers.h"
#include "cli/job_text.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/terminal_text.h"
#include "cli/value_types.h"
#include "core/limit_text.h"
#include "sys/places.h"
#include "sys/whole_file.h"
#include "units/site_settings.h"

namespace cli {
namespace {

using accounting::ArchiveStep;
using What = ArchiveStep::What;

/// `is_dry`: nothing is done, it is only told.
constexpr std::string_view word_of(What what, bool is_dry) {
  switch (what) {
    case What::kPacked:
      return is_dry ? "would pack" : "packed";
    case What::kRemoved:
      return is_dry ? "would remove" : "removed";
    case What::kKept:
      return "kept";
    case What::kFailed:
      break;
  }
  return "failed";
}

std::string json_of(const ArchiveStep& step, bool is_dry) {
  Json object;
  object["file"] = step.path;
  object["what"] = word_of(step.what, false);
  object["dry_run"] = is_dry;
  object["bytes"] = step.size;
  object["packed_bytes"] = nullptr;
  if (step.packed > 0) object["packed_bytes"] = step.packed;
  object["why"] = text_or_null(step.why);
  return json_line(object);
}

std::string text_of(const ArchiveStep& step, bool is_dry) {
  std::string text = std::string(word_of(step.what, is_dry)) + " " +
                     printable(step.path) + ": " +
                     short_size(core::Bytes(step.size));
  if (step.packed > 0) text += " -> " + short_size(core::Bytes(step.packed));
  if (!step.why.empty()) text += ", " + step.why;
  return text + "\n";
}

/// False: the site's file has faults; they were said.
bool read_site(const sys::Places& places, accounting::ArchiveRules& rules) {
  if (places.settings.empty() || !sys::is_there(places.settings)) return true;
  const auto text =
      sys::read_whole_file(places.settings, units::kLargestSiteSettings);
  if (!text) {
    complain(text.error());
    return false;
  }
  const auto site = units::parse_site_settings(*text, places.settings);
  if (!site)
    for (const std::string& fault : site.error())
      complain(fault + "; nothing was archived");
  if (!site) return false;
  rules.keep_for = site->keep_for;
  rules.keep_size = site->keep_size;
  return true;
}

}  // namespace

int archive_files(const Arguments& arguments) {
  if (arguments.operands().size() > 1)
    return complain(
        "archive: one accounting file at a time; those that were "
        "switched from it are found",
        kMisused);
  const auto kind = ::geteuid() == 0 ? sys::InstanceKind::kSystem
                                     : sys::InstanceKind::kPrivate;
  const sys::Places places = sys::find_places(kind, core::Uid(::geteuid()),
                                              sys::process_environment());
  accounting::ArchiveRules rules;
  if (!read_site(places, rules)) return kFailure;
  if (const auto time = arguments.value("keep-for"))
    rules.keep_for = parse_duration(*time);
  if (const auto size = arguments.value("keep-size"))
    rules.keep_size = core::parse_amount(core::LimitUnit::kBytes, *size);
  rules.is_trial = arguments.has("dry-run");
  const std::string path = arguments.operands().empty()
                               ? places.pacct
                               : arguments.operands().front();
  const auto steps = accounting::archive(path, rules);
  if (steps.empty() && !arguments.operands().empty() && !sys::is_there(path))
    return complain("cannot archive '" + printable(path) +
                    "': " + accounting::words_of_reading(ENOENT) +
                    ", nor a file that was switched from it");
  int code = kSuccess;
  for (const ArchiveStep& step : steps) {
    if (step.what == What::kFailed)
      code = complain("'" + printable(step.path) + "': " + step.why);
    if (arguments.has("json"))
      print(json_of(step, rules.is_trial));
    else if (step.what != What::kFailed)
      print(text_of(step, rules.is_trial));
  }
  return code;
}

}  // namespace cli
