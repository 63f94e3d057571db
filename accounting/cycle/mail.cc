// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/mail.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <vector>

#include "core/error.h"
#include "core/try.h"
#include "sys/clock.h"
#include "sys/pid_fd.h"
#include "sys/spawn.h"
#include "sys/unique_fd.h"

namespace accounting {

namespace {

std::vector<std::string> words_of(std::string text) {
  std::ranges::replace(text, ',', ' ');
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;)
    words.push_back(word);
  return words;
}

/// A file that begins with the whole of it.
core::Result<sys::UniqueFd> message_of(const Letter& letter) {
  std::string to;
  for (const std::string& word : words_of(letter.to))
    to.append(to.empty() ? "" : ", ").append(word);
  const std::string text = "To: " + to + "\nSubject: " + letter.subject +
                           "\nAuto-Submitted: auto-generated\n\n" + letter.text;
  sys::UniqueFd file(::memfd_create("letter", MFD_CLOEXEC));
  if (!file.is_open()) return core::fail(errno, "make", "a message");
  if (::pwrite(file.get(), text.data(), text.size(), 0) !=
      static_cast<ssize_t>(text.size()))
    return core::fail(errno, "write", "a message");
  return file;
}

core::Result<pid_t> start(const std::string& mailer, int message,
                          std::vector<std::string> words) {
  words.insert(words.begin(), {mailer, "-i", "--"});
  sys::SpawnPlan spawn;
  (void)::posix_spawn_file_actions_adddup2(&spawn.actions, message,
                                           STDIN_FILENO);
  pid_t pid = 0;
  const int code =
      ::posix_spawn(&pid, mailer.c_str(), &spawn.actions, nullptr,
                    sys::argument_pointers(words).data(), ::environ);
  if (code != 0) return core::fail(code, "start", mailer);
  return pid;
}

/// Waits until our child has ended; false: not in that time.
bool ends_within(const sys::PidFd& child, core::Microseconds patience) {
  const core::BootTime deadline = sys::boot_now() + patience;
  pollfd watched = {.fd = child.get(), .events = POLLIN, .revents = 0};
  int ready = -1;
  do {
    const auto left = (deadline - sys::boot_now()).raw() / 1000;
    ready = ::poll(&watched, 1, static_cast<int>(left));
  } while (ready < 0 && errno == EINTR);
  return ready != 0;
}

/// Its wait status. Errors: ETIMEDOUT: it was killed.
core::Result<int> finish(pid_t pid, core::Microseconds patience) {
  const auto child = sys::PidFd::open(core::Pid(pid));
  // Without a pidfd (no descriptor is left) it has as long as it takes.
  const bool is_late = child && !ends_within(*child, patience);
  if (is_late)
    (void)sys::signal_process(child->get(), core::SignalNumber(SIGKILL));
  const int status = TRY(sys::await_child(pid));
  if (is_late) return core::fail(ETIMEDOUT, "wait for", "the mail program");
  return status;
}

core::Result<int> hand_over(const Letter& letter, const std::string& mailer,
                            core::Microseconds patience) {
  const sys::UniqueFd message = TRY(message_of(letter));
  return finish(TRY(start(mailer, message.get(), words_of(letter.to))),
                patience);
}

}  // namespace

std::string send(const Letter& letter, const std::string& mailer,
                 core::Microseconds patience) {
  const std::string whom = letter.label + ": " + letter.to;
  if (words_of(letter.to).empty()) return "Nobody is mailed (" + whom + ").\n";
  const auto status = hand_over(letter, mailer, patience);
  if (status && *status == 0) return "Mailed (" + whom + ").\n";
  std::string why = "'" + mailer + "' ";
  if (!status && status.error().code == ETIMEDOUT)
    why += "did not take it in time";
  else if (!status)
    why += "cannot be run: " + std::string(std::strerror(status.error().code));
  else
    why += WIFEXITED(*status)
               ? "exited with " + std::to_string(WEXITSTATUS(*status))
               : "was ended by signal " + std::to_string(WTERMSIG(*status));
  return "Nobody is mailed (" + whom + "): " + why + ".\n";
}

}  // namespace accounting
