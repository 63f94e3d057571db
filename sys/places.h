// SPDX-License-Identifier: Apache-2.0
// Where an instance keeps its things (docs/DESIGN.md, "Names and places"):
//
//            system                   private, of a user
//   runtime  /run/corral              $XDG_RUNTIME_DIR/corral, else a 0700
//                                     directory ${TMPDIR:-/tmp}/corral-UID,
//                                     else /dev/shm/corral-UID
//   socket   RUNTIME/private          RUNTIME/private
//   pacct    /var/csa/day/pacct       ${XDG_STATE_HOME:-~/.local/state}
//                                     /corral/pacct; for a user who cannot
//                                     write to his home RUNTIME/pacct
//   logs     /var/log/corral          log/ beside the pacct
//   settings /etc/corral/corral.toml  ${XDG_CONFIG_HOME:-~/.config}
//                                     /corral/corral.toml
//
// CORRAL_RUNTIME_DIR, CORRAL_PACCT, CORRAL_LOG_DIR and CORRAL_CONFIG replace
// each, for tests and users. (Where the runtime may be, and the state, is
// shared with those without a heap: runtime_places.h.) find_places() only
// computes; prepare_*() make what is missing and never trust a directory that
// somebody else could have made.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/ids.h"

namespace sys {

enum class InstanceKind : char { kSystem, kPrivate };

struct Places {
  InstanceKind kind = InstanceKind::kPrivate;
  std::string runtime;
  std::string socket;  ///< runtime + "/private"
  std::string pacct;
  std::string logs;
  std::string
      settings;  ///< corral.toml(5); it need not be there; empty: nowhere
  /// Where the runtime directory goes when `runtime` cannot be made (a
  /// read-only /run, no XDG_RUNTIME_DIR): ${TMPDIR:-/tmp}/corral-UID.
  std::string fallback_runtime;
  /// And where when that cannot be made either (a read-only root without /tmp):
  /// /dev/shm/corral-UID, which every container engine lets be written.
  std::string last_runtime;
  /// `runtime` is one of these two: 0700 whatever the kind.
  bool is_makeshift = false;
};

/// Why a place cannot be an instance's runtime directory.
struct RuntimeFault {
  std::string found;  ///< what is wrong, with the path
  std::string fix;    ///< a command or an advice
};

// What to do when a place cannot be used, for the end of a sentence.
inline constexpr std::string_view kRuntimeAdvice =
    "; CORRAL_RUNTIME_DIR chooses another directory";
inline constexpr std::string_view kPacctAdvice =
    "; CORRAL_PACCT chooses another file";
inline constexpr std::string_view kLogsAdvice =
    "; CORRAL_LOG_DIR chooses another directory";

/// secure_getenv(3): a set-uid program believes no variable of its user; or a
/// table in tests. Empty values count as absent.
using Environment = std::function<std::optional<std::string>(const char* name)>;
[[nodiscard]] Environment process_environment();

/// The places of an instance of user `uid`. Creates nothing.
[[nodiscard]] Places find_places(InstanceKind kind, core::Uid uid,
                                 const Environment& environment);

/// Whether the accounting file is in the runtime directory, which must be
/// prepared before it is written.
[[nodiscard]] bool keeps_pacct_in_runtime(const Places& places);

/// The sockets of the instance's fallback runtime directories: where a client
/// looks when `places.socket` does not answer.
[[nodiscard]] std::string fallback_socket(const Places& places);
[[nodiscard]] std::string last_socket(const Places& places);

/// Makes the runtime directory (0755 for the system's, else 0700) or checks
/// the one that is there: ours, no symbolic link, writable by us and not by
/// others. Falls back to places.fallback_runtime on EROFS, EACCES, EPERM and
/// ENOENT, then to places.last_runtime, and changes `places` to say so. Errors
/// name the directory and what is wrong with it; ENAMETOOLONG: it has no room
/// for a socket's path. Nothing is made of that.
[[nodiscard]] core::Result<void> prepare_runtime(Places& places);

/// Makes that very directory again, if it is gone, once prepare_runtime() has
/// chosen it. Errors: as there.
[[nodiscard]] core::Result<void> remake_runtime(const Places& places);

/// What prepare_runtime() would do and say; makes nothing.
[[nodiscard]] core::Result<void> inspect_runtime(Places& places);

/// What stands where the instance's socket or a lock goes and is none. Nothing:
/// all is well, or not there.
[[nodiscard]] std::optional<RuntimeFault> find_odd_entry(const Places& places);

/// An error of prepare_runtime() or inspect_runtime() for people.
[[nodiscard]] RuntimeFault describe_runtime(const core::Error& error,
                                            const Places& places);

/// "FOUND; FIX".
[[nodiscard]] std::string sentence_of(const RuntimeFault& fault);

/// Whether nobody can make a file in the directory, whatever its mode says: it
/// is the kernel's own (/proc, /sys, a cgroup).
[[nodiscard]] bool takes_no_files(const std::string& directory);

/// Makes the directory with its parents (`mode` for each that is missing).
/// Errors: those of mkdir(2), ENOTDIR.
[[nodiscard]] core::Result<void> make_directories(std::string_view path,
                                                  unsigned mode);

/// The directories of the accounting file and of the logs.
[[nodiscard]] core::Result<void> prepare_pacct(const Places& places);
[[nodiscard]] core::Result<void> prepare_logs(const Places& places);

}  // namespace sys
