// SPDX-License-Identifier: Apache-2.0
// Where things are, and that no directory is trusted which somebody else could
// have made.
#include "sys/places.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>

#include <doctest/doctest.h>

#include "sys/unique_fd.h"
#include "tests/unit/not_checked.h"

namespace {

using sys::InstanceKind;
using sys::Places;
using Variables = std::map<std::string, std::string>;

sys::Environment environment_of(Variables variables) {
  return [variables = std::move(variables)](
             const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

/// A directory that goes with the test.
class Scratch {
 public:
  Scratch() {
    std::string pattern = "/tmp/corral-places-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

mode_t mode_of(const std::string& path) {
  struct stat facts = {};
  REQUIRE(::lstat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777;
}

Places private_in(const Scratch& scratch) {
  Places places =
      sys::find_places(InstanceKind::kPrivate, core::Uid(::geteuid()),
                       environment_of({{"XDG_RUNTIME_DIR", scratch / "run"},
                                       {"TMPDIR", scratch / "tmp"},
                                       {"HOME", scratch / "home"}}));
  places.last_runtime.clear();  // not the machine's /dev/shm
  return places;
}

std::string explain(const core::Error& error, const Places& places) {
  return sys::sentence_of(sys::describe_runtime(error, places));
}

/// What the doctor says, and what a start does: the same, or this fails.
std::string inspected(Places places) {
  Places same = places;
  const auto could = sys::inspect_runtime(places);
  const bool was_there = std::filesystem::exists(places.runtime);
  const auto done = sys::prepare_runtime(same);
  CHECK(could.has_value() == done.has_value());
  CHECK(places.runtime == same.runtime);
  if (done && !was_there) std::filesystem::remove(same.runtime);
  if (could) return "usable";
  CHECK(explain(could.error(), places) == explain(done.error(), same));
  return explain(could.error(), places);
}

}  // namespace

TEST_CASE("the system's places are fixed") {
  const Places places = sys::find_places(InstanceKind::kSystem, core::Uid(0),
                                         environment_of({{"HOME", "/root"}}));
  CHECK(places.runtime == "/run/corral");
  CHECK(places.socket == "/run/corral/private");
  CHECK(places.pacct == "/var/csa/day/pacct");
  CHECK(places.logs == "/var/log/corral");
  CHECK(sys::fallback_socket(places) == "/tmp/corral-0/private");
  CHECK(sys::last_socket(places) == "/dev/shm/corral-0/private");
}

TEST_CASE("a user's places follow the XDG variables, else the home and /tmp") {
  const Places with =
      sys::find_places(InstanceKind::kPrivate, core::Uid(1000),
                       environment_of({{"XDG_RUNTIME_DIR", "/run/user/1000"},
                                       {"XDG_STATE_HOME", "/state"},
                                       {"HOME", "/root"}}));
  CHECK(with.socket == "/run/user/1000/corral/private");
  CHECK(with.pacct == "/state/corral/pacct");
  CHECK(with.logs == "/state/corral/log");
  const Places without = sys::find_places(
      InstanceKind::kPrivate, core::Uid(1000),
      environment_of({{"HOME", "/tmp"}, {"TMPDIR", "/var/tmp"}}));
  CHECK(without.socket == "/var/tmp/corral-1000/private");
  CHECK(without.pacct == "/tmp/.local/state/corral/pacct");
  CHECK_FALSE(sys::keeps_pacct_in_runtime(without));
}

TEST_CASE("a user without a home keeps accounts where his instance lives") {
  const Scratch other;
  for (const std::string& home :
       {std::string("/"), std::string("relative"), other / "missing/home"}) {
    CAPTURE(home);
    const Scratch scratch;
    Places places = sys::find_places(
        InstanceKind::kPrivate, core::Uid(::geteuid()),
        environment_of({{"XDG_RUNTIME_DIR", scratch / "missing/run"},
                        {"TMPDIR", scratch / "tmp"},
                        {"HOME", home}}));
    CHECK(sys::keeps_pacct_in_runtime(places));
    std::filesystem::create_directory(scratch / "tmp");
    REQUIRE(sys::prepare_runtime(places).has_value());
    CHECK(places.pacct == places.runtime + "/pacct");
    CHECK(places.logs == places.runtime + "/log");
    CHECK(places.runtime.starts_with(scratch / "tmp"));
  }
}

TEST_CASE("Corral's own variables win") {
  const Places places =
      sys::find_places(InstanceKind::kPrivate, core::Uid(1000),
                       environment_of({{"CORRAL_RUNTIME_DIR", "/t/run"},
                                       {"CORRAL_PACCT", "/t/acct/pacct"},
                                       {"XDG_RUNTIME_DIR", "/run/user/1000"}}));
  CHECK(places.socket == "/t/run/private");
  CHECK(places.fallback_runtime == "/t/run");
  CHECK(places.last_runtime == "/t/run");
  CHECK(places.pacct == "/t/acct/pacct");
  CHECK(places.logs == "/t/acct/log");
}

TEST_CASE("the runtime directory is made 0700 whatever the umask") {
  const Scratch scratch;
  REQUIRE(::mkdir((scratch / "run").c_str(), 0700) == 0);
  Places places = private_in(scratch);
  const mode_t old = ::umask(0777);
  const auto done = sys::prepare_runtime(places);
  ::umask(old);
  REQUIRE(done);
  CHECK(places.runtime == scratch / "run/corral");
  CHECK(mode_of(places.runtime) == 0700);
  CHECK(sys::prepare_runtime(places));  // again: it is there
}

TEST_CASE("without a usable runtime directory the temporary one is taken") {
  const Scratch scratch;
  REQUIRE(::mkdir((scratch / "tmp").c_str(), 0777) == 0);
  Places places = private_in(scratch);  // "run" is not there
  REQUIRE(sys::prepare_runtime(places));
  CHECK(places.runtime ==
        scratch / ("tmp/corral-" + std::to_string(::geteuid())));
  CHECK(places.socket == places.runtime + "/private");
  CHECK(mode_of(places.runtime) == 0700);
}

TEST_CASE("without a temporary directory either the last place is taken") {
  const Scratch scratch;
  REQUIRE(::mkdir((scratch / "shm").c_str(), 0777) == 0);
  Places places = private_in(scratch);  // neither "run" nor "tmp" is there
  CHECK(!sys::prepare_runtime(places));
  places.last_runtime = scratch / "shm/corral-1";
  REQUIRE(sys::prepare_runtime(places));
  CHECK(places.socket == scratch / "shm/corral-1/private");
  CHECK(mode_of(places.runtime) == 0700);
  // Also for who has no session, whose first place is the temporary one.
  places = private_in(scratch);
  places.runtime = places.fallback_runtime;
  places.last_runtime = scratch / "shm/corral-2";
  REQUIRE(sys::prepare_runtime(places));
  CHECK(places.socket == scratch / "shm/corral-2/private");
}

TEST_CASE("a directory that others may enter is refused and named") {
  const Scratch scratch;
  Places places = private_in(scratch);
  places.runtime = places.fallback_runtime = scratch / "open";
  REQUIRE(::mkdir(places.runtime.c_str(), 0700) == 0);
  REQUIRE(::chmod(places.runtime.c_str(), 0750) == 0);
  const auto done = sys::prepare_runtime(places);
  REQUIRE(!done);
  CHECK(done.error().code == EPERM);
  CHECK(done.error().subject.view() == places.runtime);
  const std::string uid = std::to_string(::geteuid());
  CHECK(explain(done.error(), places) ==
        "use the runtime directory '" + places.runtime +
            "': found mode 0750 of uid " + uid +
            ", expected mode 0700 of uid " + uid + "; 'chmod 700 " +
            places.runtime + "' mends it");
  REQUIRE(::chmod(places.runtime.c_str(), 0700) == 0);
  CHECK(inspected(places) == "usable");
}

TEST_CASE("what could be made is told without making it") {
  const Scratch scratch;
  Places places = private_in(scratch);
  REQUIRE(::mkdir((scratch / "run").c_str(), 0700) == 0);
  REQUIRE(sys::inspect_runtime(places));
  CHECK(places.runtime == scratch / "run/corral");
  CHECK(!std::filesystem::exists(places.runtime));
  CHECK(inspected(places) == "usable");
  const std::string other = "; CORRAL_RUNTIME_DIR chooses another directory";
  const auto only = [&](const std::string& path) {
    places.runtime = places.fallback_runtime = path;
    return inspected(places);
  };
  CHECK(only("run") ==
        "runtime directory 'run' is relative, expected an absolute path" +
            other);
  CHECK(only(scratch / "no/such") ==
        "stat '" + (scratch / "no") + "': No such file or directory" + other);
  CHECK(only("/proc/x") ==
        "make directory '/proc/x': No such file or directory" + other);
  CHECK(only("/" + std::string(99, 'x')).contains("is 100 bytes long"));
  REQUIRE(::mkdir((scratch / "tmp").c_str(), 0777) == 0);
  places = private_in(scratch);
  places.runtime = scratch / "no/such";  // moves
  CHECK(inspected(places) == "usable");
}

TEST_CASE("no change is advised for a directory that is not the instance's") {
  const Scratch scratch;
  Places places = private_in(scratch);
  const auto advice = [&](const std::string& path) {
    places.runtime = places.fallback_runtime = path;
    return inspected(places);
  };
  const std::string other = "; CORRAL_RUNTIME_DIR chooses another directory";
  for (const char* path : {"/", "/tmp", "/usr"})
    CHECK(advice(path).ends_with(other));
  const std::string own = scratch / "it's mine";
  REQUIRE(::mkdir(own.c_str(), 0755) == 0);
  REQUIRE(::chmod(own.c_str(), 0755) == 0);
  CHECK(advice(own).ends_with("; 'chmod 700 " + (scratch / "it\\'s\\ mine") +
                              "' mends it"));
  REQUIRE(sys::open_at(AT_FDCWD, (own + "/private.lock").c_str(),
                       O_CREAT | O_WRONLY, 0600));
  CHECK(advice(own).ends_with("' mends it"));
  REQUIRE(sys::open_at(AT_FDCWD, (own + "/letter").c_str(), O_CREAT | O_WRONLY,
                       0600));
  CHECK(advice(own).ends_with(other));
  const std::string odd = scratch / "a\nb";
  REQUIRE(::mkdir(odd.c_str(), 0755) == 0);
  REQUIRE(::chmod(odd.c_str(), 0755) == 0);
  CHECK(advice(odd).ends_with(other));
}

TEST_CASE("what is no socket or lock where one goes is named") {
  const Scratch scratch;
  Places places = private_in(scratch);
  places.runtime = places.fallback_runtime = scratch / "run";
  REQUIRE(::mkdir(places.runtime.c_str(), 0700) == 0);
  for (const std::string name : {"private.lock", "lock", "private", ".new"}) {
    CAPTURE(name);
    const std::string path = places.runtime + "/" + name;
    const std::string wanted =
        name.ends_with("lock") ? "a regular file" : "a socket";
    const auto odd = [&](const char* type) {
      const auto fault = sys::find_odd_entry(places);
      CHECK((fault ? fault->found : "nothing") == "'" + path + "' is " + type +
                                                      ", expected " + wanted +
                                                      " or nothing");
      std::filesystem::remove(path);
      CHECK_FALSE(sys::find_odd_entry(places));
    };
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    odd("a directory");
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    odd("a pipe");
    REQUIRE(::symlink("/dev/null", path.c_str()) == 0);
    odd("a symbolic link");
  }
}

TEST_CASE("a symbolic link in the directory's place is refused") {
  const Scratch scratch;
  Places places = private_in(scratch);
  places.runtime = places.fallback_runtime = scratch / "link";
  REQUIRE(::mkdir((scratch / "target").c_str(), 0700) == 0);
  REQUIRE(::symlink((scratch / "target").c_str(), places.runtime.c_str()) == 0);
  CHECK(!sys::prepare_runtime(places));
}

TEST_CASE("a directory without room for a socket's path is refused") {
  const Scratch scratch;
  Places places = private_in(scratch);
  const std::string base = scratch / "";
  places.runtime = base + std::string(100 - base.size(), 'x');
  const auto done = sys::prepare_runtime(places);
  REQUIRE(!done);
  CHECK(done.error().code == ENAMETOOLONG);
  CHECK(!std::filesystem::exists(places.runtime));
  CHECK(explain(done.error(), places) ==
        "runtime directory '" + places.runtime +
            "' is 100 bytes long, expected at most 99 for the path of a "
            "socket; CORRAL_RUNTIME_DIR chooses another directory");
  places.runtime.pop_back();
  CHECK(sys::prepare_runtime(places));
  CHECK(explain(core::Error{EPERM, "use", "/x"}, places) ==
        "use '/x': Operation not permitted; CORRAL_RUNTIME_DIR chooses "
        "another directory");
}

TEST_CASE("a file in the directory's place is refused") {
  const Scratch scratch;
  Places places = private_in(scratch);
  places.runtime = places.fallback_runtime = scratch / "file";
  REQUIRE(
      sys::open_at(AT_FDCWD, places.runtime.c_str(), O_CREAT | O_WRONLY, 0600));
  CHECK(!sys::prepare_runtime(places));
}

TEST_CASE("somebody else's directory is refused") {
  if (::geteuid() != 0)  // only root can make one
    return unit::not_checked("needs root");
  const Scratch scratch;
  Places places = private_in(scratch);
  places.runtime = places.fallback_runtime = scratch / "theirs";
  REQUIRE(::mkdir(places.runtime.c_str(), 0700) == 0);
  REQUIRE(::chown(places.runtime.c_str(), 12345, 12345) == 0);
  const auto done = sys::prepare_runtime(places);
  REQUIRE(!done);
  CHECK(explain(done.error(), places)
            .ends_with("found mode 0700 of uid 12345, expected mode 0700 of "
                       "uid 0; CORRAL_RUNTIME_DIR chooses another directory"));
}

TEST_CASE("a directory inside somebody else's is not used") {
  if (::geteuid() != 0)  // only root can make one
    return unit::not_checked("needs root");
  const Scratch scratch;
  REQUIRE(::mkdir((scratch / "run").c_str(), 0700) == 0);
  REQUIRE(::mkdir((scratch / "tmp").c_str(), 0700) == 0);
  REQUIRE(::chown((scratch / "run").c_str(), 12345, 12345) == 0);
  Places places = private_in(scratch);
  REQUIRE(sys::prepare_runtime(places));
  CHECK(places.runtime == scratch / "tmp/corral-0");
  CHECK(!std::filesystem::exists(scratch / "run/corral"));
  REQUIRE(::chown((scratch / "run").c_str(), 0, 0) == 0);
  REQUIRE(::chmod((scratch / "run").c_str(), 0777) == 0);
  places = private_in(scratch);
  places.fallback_runtime = places.runtime;
  CHECK(!sys::prepare_runtime(places));
}

TEST_CASE("directories are made with their parents") {
  const Scratch scratch;
  REQUIRE(sys::make_directories(scratch / "a/b/c", 0700));
  CHECK(mode_of(scratch / "a/b/c") == 0700);
  REQUIRE(sys::make_directories(scratch / "a/b/c", 0700));
  REQUIRE(sys::open_at(AT_FDCWD, (scratch / "a/file").c_str(),
                       O_CREAT | O_WRONLY, 0600));
  const auto below_file = sys::make_directories(scratch / "a/file/d", 0700);
  REQUIRE(!below_file);
  CHECK(below_file.error().code == ENOTDIR);
}
