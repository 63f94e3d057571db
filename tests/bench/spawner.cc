// SPDX-License-Identifier: Apache-2.0
// Times whole commands, interleaved: one round runs each command once, each
// time in another order (what the kernel still clears up of one is paid by the
// next), and only the wall time from before the spawn to after the wait counts.
// Spawns by vfork from a small process so that the harness itself costs little.
//
//   bench-spawner ROUNDS [NAME=VALUE..] CMD [ARG..] %% [NAME=VALUE..] CMD ...
//
// NAME=VALUE before a command is in the environment of that one only.
// Prints one line a command: median, 10th and 90th percentile in microseconds,
// ratio of its median to the first command's, and failures.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "sys/clock.h"

extern char** environ;

namespace {

struct Command {
  std::vector<char*> environment;
  std::vector<char*> argv;
  std::vector<double> times;
  unsigned failures = 0;
};

/// The words of one command, as main() got them.
void add_word(Command& command, char* word) {
  const bool is_setting =
      command.argv.empty() && std::strchr(word, '=') != nullptr;
  (is_setting ? command.environment : command.argv).push_back(word);
}

/// Puts what is inherited behind what was set for this command.
void inherit(Command& command) {
  std::vector<char*>& all = command.environment;
  const std::size_t own = all.size();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::size_t name = std::strcspn(*entry, "=") + 1;
    const auto is_it = [entry, name](const char* setting) {
      return std::strncmp(setting, *entry, name) == 0;
    };
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(own);
    if (std::none_of(all.begin(), end, is_it)) all.push_back(*entry);
  }
  all.push_back(nullptr);
}

void run_once(Command& command, const posix_spawn_file_actions_t* actions) {
  const std::uint64_t begin = sys::read_clock_us(CLOCK_MONOTONIC);
  pid_t pid = 0;
  int status = 0;
  if (::posix_spawnp(&pid, command.argv[0], actions, nullptr,
                     command.argv.data(), command.environment.data()) != 0 ||
      ::waitpid(pid, &status, 0) != pid || status != 0)
    ++command.failures;
  command.times.push_back(
      static_cast<double>(sys::read_clock_us(CLOCK_MONOTONIC) - begin));
}

double percentile(std::vector<double>& sorted, double share) {
  const auto at =
      static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1));
  return sorted[at];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int rounds = std::atoi(argv[1]);
  std::vector<Command> commands(1);
  for (int i = 2; i < argc; ++i) {
    if (std::strcmp(argv[i], "%%") == 0)
      commands.emplace_back();
    else
      add_word(commands.back(), argv[i]);
  }
  for (Command& command : commands) {
    if (command.argv.empty()) return 2;
    command.argv.push_back(nullptr);
    inherit(command);
  }
  posix_spawn_file_actions_t actions;
  (void)::posix_spawn_file_actions_init(&actions);
  (void)::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY,
                                           0);
  std::vector<Command*> order;
  for (Command& command : commands)
    order.push_back(&command);
  std::mt19937 random;  // the same orders each time
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (Command* const command : order)
      run_once(*command, &actions);
  }
  double first = 0;
  for (Command& command : commands) {
    std::sort(command.times.begin(), command.times.end());
    const double median = percentile(command.times, 0.5);
    if (first == 0) first = median;
    (void)std::printf("%8.0f %8.0f %8.0f %6.2fx %4u  ", median,
                      percentile(command.times, 0.1),
                      percentile(command.times, 0.9), median / first,
                      command.failures);
    for (const char* word : command.argv)
      if (word != nullptr) (void)std::printf("%s ", word);
    (void)std::printf("\n");
  }
  return 0;
}
