// SPDX-License-Identifier: Apache-2.0
// The workers of worker_test.cc: corrald's own, and one that does what it is
// told, however bad.
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "accounting/scribe.h"
#include "reaper/killer.h"
#include "supervisor/ledger.h"
#include "supervisor/names_worker.h"
#include "supervisor/worker.h"

namespace {

void append(std::vector<std::byte>& bytes, std::string_view text) {
  const auto raw = std::as_bytes(std::span(text));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

/// "echo TEXT", "pid", "fail ERRNO", "crash", "hang", "read" (the descriptor),
/// "signals" (whether any is blocked or ignored).
core::Result<void> obey(const supervisor::WorkerRequest& request,
                        std::vector<std::byte>& answer) {
  const std::string_view text(
      reinterpret_cast<const char*>(request.body.data()), request.body.size());
  if (text.starts_with("echo ")) append(answer, text.substr(5));
  if (text == "pid") append(answer, std::to_string(::getpid()));
  if (text.starts_with("fail "))
    return core::fail(std::atoi(std::string(text.substr(5)).c_str()), "obey");
  if (text == "crash") ::_exit(3);
  if (text == "hang")
    for (;;)
      ::pause();
  if (text == "read") {
    char buffer[64];
    const ssize_t size =
        request.fds.empty() ? -1 : ::read(request.fds[0].get(), buffer, 64);
    if (size < 0) return core::fail(errno, "read");
    append(answer, {buffer, static_cast<std::size_t>(size)});
  }
  if (text == "signals") {
    sigset_t blocked;
    struct sigaction usr1 = {};
    (void)::sigprocmask(SIG_SETMASK, nullptr, &blocked);
    (void)::sigaction(SIGUSR1, nullptr, &usr1);
    const bool is_clean =
        ::sigismember(&blocked, SIGTERM) == 0 && usr1.sa_handler == SIG_DFL;
    append(answer, is_clean ? "clean" : "dirty");
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--killer") return reaper::serve_kills(supervisor::kWorkerSocket);
  if (name == "--worker=names")
    return supervisor::run_names_worker(supervisor::kWorkerSocket);
  if (name == "--worker=scribe" && argc > 2)
    return accounting::run_scribe(supervisor::kWorkerSocket,
                                  argv[2] + sizeof "--pacct=" - 1);
  if (name == "--worker=ledger")
    return supervisor::run_ledger_worker(supervisor::kWorkerSocket);
  if (name == "--worker=test")
    return supervisor::serve_requests(supervisor::kWorkerSocket, obey);
  return 2;
}
