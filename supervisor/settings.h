// SPDX-License-Identifier: Apache-2.0
// What corrald was told: by options, else by the environment, else by the
// defaults of its kind of instance. One table (settings.cc) names each setting
// once; it serves the parser and the help. What the site says about all
// instances is another file (units/site_settings.h).
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/collector.h"
#include "core/containment.h"
#include "core/provider_event.h"
#include "core/quantity.h"
#include "sys/places.h"
#include "units/site_settings.h"

namespace supervisor {

struct Settings {
  sys::Places places;       ///< with --runtime, --pacct, --log-dir applied
  std::string cgroup_base;  ///< empty: own cgroup + "/corral"
  std::optional<core::Engine> engine;  ///< absent: the best that works
  /// Who counts; absent: the best that works, or what the site's file says.
  std::optional<core::Collector> collector;
  /// Who tells providers of processes; absent: the best that works.
  std::optional<core::EventSource> event_source;
  std::string bus = "system";  ///< "system", "none", or an address
  std::string limits_file;     ///< the site's limits
  int reaper_fd = -1;          ///< -1: no reaper (a bug outside tests)
  int store_fd = -1;
  int store_pidfd = -1;  ///< of the store; -1: it cannot be woken
  int lock_fd = -1;      ///< the instance's lock; -1: it is to be taken
  int ready_fd = -1;     ///< -1: nobody waits for readiness
  std::string init;      ///< path of corral-init; empty: beside corrald
  bool is_verbose = false;
  bool is_unit = false;  ///< be the anchor of a systemd unit, no supervisor
  std::string worker;    ///< not empty: be this worker
  std::string units;     ///< the directory of the units; empty: there are none
  /// How long the end of the instance may take; absent: as long as it takes.
  std::optional<core::Microseconds> stop_timeout;
  units::SiteSettings site;  ///< load_site(): of places.settings
  bool wants_help = false;
  bool wants_version = false;
  /// The arguments as they came, without the descriptors' numbers and the
  /// worker: to start the same again.
  std::vector<std::string> kept_arguments;
};

/// Reads the arguments (without the program's name). The error is one sentence
/// that names the option, its value and what was expected.
[[nodiscard]] std::expected<Settings, std::string> read_settings(
    std::span<const char* const> arguments,
    const sys::Environment& environment);

/// Reads the site's file into settings.site. What is wrong there is told in the
/// log, and then nothing of it holds: an instance starts in any case.
void load_site(Settings& settings);

/// The text of --help.
[[nodiscard]] std::string settings_help();

}  // namespace supervisor
