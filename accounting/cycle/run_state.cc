// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/run_state.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "accounting/next_file.h"
#include "accounting/records/output_file.h"
#include "accounting/text/report_pages.h"
#include "sys/whole_file.h"

namespace accounting {

namespace {

constexpr std::string_view kNames[] = {
    "SETUP",  "VERIFY", "ARCHIVE1", "BUILD",    "ARCHIVE2", "CMS",
    "REPORT", "DREP",   "FEF",      "USEREXIT", "CLEANUP",  "COMPLETE",
};

std::string state_path(const Places& places) {
  return places.nite() + "/statefile";
}
std::string last_path(const Places& places) {
  return places.nite() + "/clastdate";
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

/// A line "MMDD hhmm"; that of no run is "0000 0000".
std::optional<Stamp> parse_line(std::string_view line) {
  line = trimmed(line);
  const std::size_t blank = line.find_first_of(" \t");
  if (blank == std::string_view::npos) return std::nullopt;
  const std::string_view date = line.substr(0, blank);
  const std::string_view time = trimmed(line.substr(blank));
  if (date == "0000" && time == "0000") return Stamp();
  return parse_stamp(date, time);
}

}  // namespace

std::string_view name_of(RunState state) {
  return kNames[static_cast<std::size_t>(state)];
}

std::optional<RunState> state_of(std::string_view name) {
  const auto* const found = std::ranges::find(kNames, name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<RunState>(std::distance(std::begin(kNames), found));
}

Outcome<void> put_file(const Places& places, const std::string& path,
                       std::string_view text) {
  auto file = OutputFile::create(path);
  if (!file)
    return stop("An error occurred during the opening of file '" + path + "'.",
                errno);
  give_to_group(places, file->fd());
  file->write(text);
  if (const int code = file->commit(); code != 0)
    return stop("An error occurred during the writing of file '" + path + "'.",
                code);
  sync_folder(path.substr(0, path.rfind('/')));
  return {};
}

Outcome<std::optional<std::string>> get_file(const std::string& path) {
  constexpr std::size_t kMost = 16U << 20U;
  auto text = sys::read_whole_file(path, kMost);
  if (text) return std::optional(*std::move(text));
  if (text.error().code == ENOENT) return std::nullopt;
  return stop("An error occurred during the reading of file '" + path + "'.",
              text.error().code);
}

Outcome<RunState> read_state(const Places& places) {
  const std::string path = state_path(places);
  const auto text = TRY(get_file(path));
  if (!text) return RunState::kComplete;
  if (const auto state = state_of(trimmed(*text))) return *state;
  return stop("invalid state, check " + path + ": '" +
              std::string(trimmed(*text)) + "'");
}

Outcome<void> write_state(const Places& places, RunState state) {
  return put_file(places, state_path(places),
                  std::string(name_of(state)) + "\n");
}

Outcome<LastRuns> read_last_runs(const Places& places) {
  const std::string path = last_path(places);
  const auto text = TRY(get_file(path));
  LastRuns runs;
  if (!text) return runs;
  const auto lines = lines_of(*text);
  const auto last = lines.empty() ? std::nullopt : parse_line(lines[0]);
  if (!last)
    return stop(path + ": expected a line 'MMDD hhmm' for the last run");
  runs.last = *last;
  if (lines.size() < 2) return runs;
  const auto before = parse_line(lines[1]);
  if (!before)
    return stop(path + ": expected a line 'MMDD hhmm' for the run before");
  runs.before = *before;
  return runs;
}

Outcome<void> write_last_runs(const Places& places, const LastRuns& runs) {
  return put_file(places, last_path(places),
                  runs.last.date + " " + runs.last.time + "\n" +
                      runs.before.date + " " + runs.before.time + "\n");
}

}  // namespace accounting
