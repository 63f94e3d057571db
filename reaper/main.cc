// SPDX-License-Identifier: Apache-2.0
// corral-init: the entrypoint of a container and one job's own reaper; called
// by a peer's name it is that peer. It has no heap, and after its start nothing
// can make it fail. What keeps a whole instance is its sibling, corral-reaper,
// which it becomes when it is told to: who copies corral-init into an image
// does not carry what is of no use without a supervisor.
#include <errno.h>
#include <unistd.h>

#include <cstring>

#include "reaper/compat/dispatch.h"
#include "reaper/entrypoint.h"
#include "reaper/health.h"
#include "reaper/help.h"
#include "reaper/options.h"
#include "reaper/own_name.h"
#include "reaper/say.h"
#include "reaper/scope.h"
#include "sys/own_path.h"

const char* const reaper::kOwnName = reaper::kInitName;
const bool reaper::kMakesNamespaces = false;
const bool reaper::kIsOfInstance = false;

namespace {

using reaper::Options;

/// The kernel closes what is open: no destructors, which have nothing else left
/// to do.
int run_plain_entrypoint(const Options& options, char**) {
  reaper::Entrypoint entrypoint(options.entry, options.scope, options.command);
  ::_exit(entrypoint.run());
}

int run_scope(const Options& options, char**) {
  reaper::Scope scope(options.scope, options.entry, options.command);
  ::_exit(scope.run());
}

/// The same words, the same pid and descriptors, another program.
int become_instance(const Options&, char** argv) {
  sys::ProgramPath path;
  const int code =
      sys::become_sibling(sys::OwnProgram::kReaper, argv[0], argv, path);
  reaper::Sentence text("cannot execute '");
  text.append(path.view()).append("': ").append(std::strerror(code));
  reaper::say(text.append("; it belongs beside corral-init").view());
  return code == ENOENT ? 127 : 126;
}

int run_health(const Options& options, char**) {
  return reaper::run_health(options);
}

int run_help(const Options&, char**) {
  return reaper::print_help();
}

int run_version(const Options&, char**) {
  return reaper::print_version();
}

struct ModeRow {
  reaper::Mode mode;
  int (*run)(const Options& options, char** argv);
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr ModeRow kModes[] = {
    {reaper::Mode::kEntrypoint, run_plain_entrypoint},
    {reaper::Mode::kScope, run_scope},
    {reaper::Mode::kInstance, become_instance},
    {reaper::Mode::kHealth, run_health},
    {reaper::Mode::kHelp, run_help},
    {reaper::Mode::kVersion, run_version},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

int main(int argc, char** argv) {
  if (const auto* const peer = reaper::compat::peer_called(argv[0]))
    return reaper::compat::run(*peer, argc, argv);
  Options options;
  if (const auto error = reaper::parse_options(argc, argv, environ, options)) {
    reaper::say(error->view());
    return 2;
  }
  const bool needs_command = options.mode == reaper::Mode::kEntrypoint ||
                             options.mode == reaper::Mode::kScope;
  if (needs_command && options.command_size == 0) {
    reaper::say("no command; 'corral-init --help' lists the options");
    return 2;
  }
  for (const ModeRow& row : kModes)
    if (row.mode == options.mode) return row.run(options, argv);
  return 2;
}
