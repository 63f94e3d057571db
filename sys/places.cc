// SPDX-License-Identifier: Apache-2.0
#include "sys/places.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "core/shell_word.h"
#include "sys/runtime_places.h"
#include "sys/unique_fd.h"

namespace sys {

namespace {

constexpr std::string_view kSocketName = "/private";

/// unix(7): a socket's path and its NUL byte have 108.
constexpr std::size_t kLongestRuntime =
    sizeof(sockaddr_un::sun_path) - 1 - kSocketName.size();

/// Null if the variable is not set.
const char* text_of(const std::optional<std::string>& value) {
  return value ? value->c_str() : nullptr;
}

std::optional<std::string> state_home(const Environment& environment) {
  const auto state = environment("XDG_STATE_HOME");
  const auto home = environment("HOME");
  PlacePath path;
  if (!find_state_home(text_of(state), text_of(home), path))
    return std::nullopt;
  return path.c_str();
}

void keep_state_in(Places& places, const std::string& directory) {
  places.pacct = directory + "/pacct";
  places.logs = directory + "/log";
}

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

/// Whether nobody but root and us can put another directory in `path`'s place.
core::Result<void> check_parent(const std::string& path) {
  const std::string parent = parent_of(path);
  struct stat facts = {};
  if (::stat(parent.c_str(), &facts) < 0)
    return core::fail(errno, "stat", parent);
  if (facts.st_uid != 0 && facts.st_uid != ::geteuid())
    return core::fail(EPERM, "use a directory of another user's", parent);
  if ((facts.st_mode & 022) != 0 && (facts.st_mode & S_ISVTX) == 0)
    return core::fail(EPERM, "use a directory that others may write to",
                      parent);
  return {};
}

std::string octal(mode_t mode) {
  std::string text = "0000";
  for (int i = 3; i >= 0; --i, mode >>= 3U)
    text[static_cast<std::size_t>(i)] = static_cast<char>('0' + (mode & 7U));
  return text;
}

/// Whether all that is in the directory is an instance's: others are hurt by no
/// change of its mode.
bool is_an_instances(const std::string& path) {
  constexpr std::string_view kNames[] = {
      ".",     "..",   "private",   "private.lock", "hid",
      "jids",  "log",  "jids.lock", "jids.new",     "lock",
      "pacct", ".new", "cgroup2"};
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()),
                                                      ::closedir);
  if (!directory) return false;
  while (const dirent* const entry = ::readdir(directory.get()))
    if (std::ranges::find(kNames, entry->d_name) == std::end(kNames))
      return false;
  return true;
}

/// Who else owns the directory, or may change or enter it.
std::optional<RuntimeFault> fault_of(const struct stat& facts,
                                     const std::string& path,
                                     InstanceKind kind) {
  const bool is_system = kind == InstanceKind::kSystem;
  const std::string wanted = is_system ? "0755" : "0700";
  const mode_t forbidden = is_system ? 022 : 077;
  const bool is_ours = facts.st_uid == ::geteuid();
  if (is_ours && (facts.st_mode & forbidden) == 0) return std::nullopt;
  RuntimeFault fault{.found = "mode " + octal(facts.st_mode & 07777U) +
                              " of uid " + std::to_string(facts.st_uid) +
                              ", expected mode " + wanted + " of uid " +
                              std::to_string(::geteuid()),
                     .fix = std::string(kRuntimeAdvice.substr(2))};
  const auto word = core::shell_word(path);
  if (is_ours && (facts.st_mode & S_ISVTX) == 0 && word &&
      is_an_instances(path))
    fault.fix = "'chmod " + wanted.substr(1) + " " + *word + "' mends it";
  return fault;
}

/// Why what is at `path`, if anything is, cannot be the runtime directory.
std::optional<RuntimeFault> fault_at(const std::string& path,
                                     InstanceKind kind) {
  struct stat facts = {};
  if (::lstat(path.c_str(), &facts) < 0) return std::nullopt;
  if (!S_ISDIR(facts.st_mode))
    return RuntimeFault{.found = "no directory, expected one",
                        .fix = std::string(kRuntimeAdvice.substr(2))};
  return fault_of(facts, path, kind);
}

/// Whether the directory is one that only we could have filled.
core::Result<void> check_private(const std::string& path, InstanceKind kind) {
  const UniqueFd directory =
      TRY(open_at(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
  struct stat facts = {};
  if (::fstat(directory.get(), &facts) < 0)
    return core::fail(errno, "stat", path);
  if (fault_of(facts, path, kind))
    return core::fail(EPERM, "use the runtime directory", path);
  // It may have been made before its file system became read-only.
  if (::access(path.c_str(), W_OK) < 0)
    return core::fail(errno, "write to directory", path);
  return {};
}

core::Result<void> check_path(const std::string& path) {
  if (!path.starts_with('/')) return core::fail(EINVAL, "use directory", path);
  if (path.size() > kLongestRuntime)
    return core::fail(ENAMETOOLONG, "use directory", path);
  return check_parent(path);
}

core::Result<void> make_private(const std::string& path, InstanceKind kind) {
  TRY(check_path(path));
  const mode_t mode = kind == InstanceKind::kSystem ? 0755 : 0700;
  if (::mkdir(path.c_str(), mode) == 0) {
    // The umask may have taken more than we want; it can never have given.
    if (::chmod(path.c_str(), mode) < 0)
      return core::fail(errno, "chmod", path);
  } else if (errno != EEXIST) {
    return core::fail(errno, "make directory", path);
  }
  return check_private(path, kind);
}

/// What make_private() would say, but makes nothing.
core::Result<void> could_make_private(const std::string& path,
                                      InstanceKind kind) {
  TRY(check_path(path));
  struct stat facts = {};
  if (::lstat(path.c_str(), &facts) == 0) return check_private(path, kind);
  const std::string parent = parent_of(path);
  if (takes_no_files(parent)) return core::fail(ENOENT, "make directory", path);
  if (::faccessat(AT_FDCWD, parent.c_str(), W_OK | X_OK, AT_EACCESS) < 0)
    return core::fail(errno, "make directory", path);
  return {};
}

/// Errors that say "not here" rather than "not at all".
bool is_reason_to_move(int code) {
  return code == EROFS || code == EACCES || code == EPERM || code == ENOENT ||
         code == ENOTDIR || code == ELOOP || code == EINVAL;
}

/// The first of the places that will do, by `use`.
core::Result<void> choose_runtime(
    Places& places,
    core::Result<void> (*use)(const std::string& path, InstanceKind kind)) {
  auto done = use(places.runtime, places.kind);
  for (const std::string& other :
       {places.fallback_runtime, places.last_runtime}) {
    if (done || !is_reason_to_move(done.error().code)) break;
    if (other.empty() || other == places.runtime) continue;
    // Anybody can be the first to make it in a temporary directory: whatever
    // the instance's kind, only 0700 and ours will do there.
    done = use(other, InstanceKind::kPrivate);
    if (!done) continue;
    if (keeps_pacct_in_runtime(places)) keep_state_in(places, other);
    places.runtime = other;
    places.is_makeshift = true;
    places.socket = places.runtime + "/private";
  }
  return done;
}

std::string_view type_word(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return S_ISREG(mode) ? "a regular file" : "a device";
}

}  // namespace

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* const value = ::secure_getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
}

namespace {

std::string settings_file(InstanceKind kind, const Environment& environment) {
  if (const auto chosen = environment("CORRAL_CONFIG")) return *chosen;
  if (kind == InstanceKind::kSystem) return "/etc/corral/corral.toml";
  if (const auto folder = environment("XDG_CONFIG_HOME");
      folder && folder->starts_with('/'))
    return *folder + "/corral/corral.toml";
  const auto home = environment("HOME");
  return home && home->starts_with('/') ? *home + "/.config/corral/corral.toml"
                                        : std::string();
}

}  // namespace

Places find_places(InstanceKind kind, core::Uid uid,
                   const Environment& environment) {
  Places places;
  places.kind = kind;
  const auto session = environment("XDG_RUNTIME_DIR");
  const auto temporary = environment("TMPDIR");
  const RuntimePlaces runtimes(uid.raw(), text_of(session), text_of(temporary));
  places.fallback_runtime = runtimes.temporary.c_str();
  places.last_runtime = runtimes.shared.c_str();
  if (kind == InstanceKind::kSystem) {
    places.runtime = kSystemRuntime;
    places.pacct = "/var/csa/day/pacct";
    places.logs = "/var/log/corral";
  } else {
    places.runtime =
        session ? runtimes.session.c_str() : places.fallback_runtime;
  }
  if (const auto runtime = environment("CORRAL_RUNTIME_DIR")) {
    places.runtime = *runtime;
    places.last_runtime = *runtime;
    places.fallback_runtime = *runtime;  // who names a place means that place
  }
  if (kind == InstanceKind::kPrivate) {
    const auto state = state_home(environment);
    keep_state_in(places, state ? *state + "/corral" : places.runtime);
  }
  if (const auto pacct = environment("CORRAL_PACCT")) {
    places.pacct = *pacct;
    if (kind == InstanceKind::kPrivate)
      places.logs = parent_of(*pacct) + "/log";
  }
  if (const auto logs = environment("CORRAL_LOG_DIR")) places.logs = *logs;
  places.settings = settings_file(kind, environment);
  places.socket = places.runtime + "/private";
  return places;
}

bool keeps_pacct_in_runtime(const Places& places) {
  return places.pacct == places.runtime + "/pacct";
}

std::string fallback_socket(const Places& places) {
  return places.fallback_runtime + "/private";
}

std::string last_socket(const Places& places) {
  return places.last_runtime + "/private";
}

core::Result<void> prepare_runtime(Places& places) {
  return choose_runtime(places, make_private);
}

core::Result<void> remake_runtime(const Places& places) {
  return make_private(places.runtime, places.is_makeshift
                                          ? InstanceKind::kPrivate
                                          : places.kind);
}

core::Result<void> inspect_runtime(Places& places) {
  return choose_runtime(places, could_make_private);
}

std::optional<RuntimeFault> find_odd_entry(const Places& places) {
  // NOLINTBEGIN(modernize-use-designated-initializers): a table
  constexpr struct {
    const char* name;
    mode_t type;
  } kEntries[] = {{"private", S_IFSOCK},
                  {".new", S_IFSOCK},
                  {"private.lock", S_IFREG},
                  {"lock", S_IFREG}};
  // NOLINTEND(modernize-use-designated-initializers)
  for (const auto& entry : kEntries) {
    const std::string path = places.runtime + "/" + entry.name;
    struct stat facts = {};
    if (::lstat(path.c_str(), &facts) < 0) continue;
    if ((facts.st_mode & S_IFMT) == entry.type) continue;
    return RuntimeFault{
        .found = "'" + path + "' is " + std::string(type_word(facts.st_mode)) +
                 ", expected " + std::string(type_word(entry.type)) +
                 " or nothing",
        .fix = "move it away; or CORRAL_RUNTIME_DIR chooses another directory"};
  }
  return std::nullopt;
}

RuntimeFault describe_runtime(const core::Error& error, const Places& places) {
  const std::string other(kRuntimeAdvice.substr(2));
  for (const std::string& path :
       {places.runtime, places.fallback_runtime, places.last_runtime}) {
    if (error.code == EINVAL && error.subject.view() == path)
      return {.found = "runtime directory '" + path +
                       "' is relative, expected an absolute path",
              .fix = other};
    if (error.code == ENAMETOOLONG && path.size() > kLongestRuntime)
      return {.found = "runtime directory '" + path + "' is " +
                       std::to_string(path.size()) +
                       " bytes long, expected at most " +
                       std::to_string(kLongestRuntime) +
                       " for the path of a socket",
              .fix = other};
  }
  const std::string path(error.subject.view());
  const bool is_first = path == places.runtime;
  const bool is_other =
      path == places.fallback_runtime || path == places.last_runtime;
  std::optional<RuntimeFault> fault;
  if (is_first || is_other)
    fault = fault_at(path, is_first ? places.kind : InstanceKind::kPrivate);
  if (!fault)
    return {.found = std::string(error.message().view()), .fix = other};
  return {.found =
              "use the runtime directory '" + path + "': found " + fault->found,
          .fix = fault->fix};
}

std::string sentence_of(const RuntimeFault& fault) {
  return fault.found + "; " + fault.fix;
}

bool takes_no_files(const std::string& directory) {
  constexpr std::uint32_t kKernels[] = {
      PROC_SUPER_MAGIC, SYSFS_MAGIC,   CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
      DEBUGFS_MAGIC,    TRACEFS_MAGIC, SECURITYFS_MAGIC};
  struct statfs facts = {};
  if (::statfs(directory.c_str(), &facts) < 0) return false;
  const auto type = static_cast<std::uint32_t>(facts.f_type);
  return std::ranges::find(kKernels, type) != std::end(kKernels);
}

core::Result<void> make_directories(std::string_view path, unsigned mode) {
  const std::string whole(path);
  if (whole.empty()) return core::fail(ENOENT, "make directory", path);
  for (std::size_t at = whole.find('/', 1);; at = whole.find('/', at + 1)) {
    const std::string part = whole.substr(0, at);
    if (::mkdir(part.c_str(), mode) < 0 && errno != EEXIST) {
      // A parent that cannot be written to may hold what we need all the same.
      const int code = errno;
      if (::access(part.c_str(), F_OK) < 0)
        return core::fail(code, "make directory", part);
    }
    if (at == std::string::npos) break;
  }
  (void)TRY(open_at(AT_FDCWD, whole.c_str(), O_PATH | O_DIRECTORY));
  return {};
}

core::Result<void> prepare_pacct(const Places& places) {
  return make_directories(parent_of(places.pacct),
                          places.kind == InstanceKind::kSystem ? 0755 : 0700);
}

core::Result<void> prepare_logs(const Places& places) {
  // Others may enter the system's: each log is its owner's, 0600.
  return make_directories(places.logs,
                          places.kind == InstanceKind::kSystem ? 0755 : 0700);
}

}  // namespace sys
