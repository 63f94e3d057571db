// SPDX-License-Identifier: Apache-2.0
#include "cli/sgi_commands.h"

#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "cli/connection.h"
#include "cli/job_list.h"
#include "cli/job_text.h"
#include "cli/output.h"
#include "cli/terminal_text.h"
#include "cli/value_types.h"
#include "core/job_result.h"
#include "core/job_sentence.h"
#include "core/limit_terms_text.h"
#include "core/number_text.h"
#include "core/try.h"
#include "sys/pid_fd.h"

namespace cli {
namespace {

constexpr const char* kStatUsage = "jstat [-a | -j jid] [-p]";
constexpr const char* kKillUsage = "jkill [-sig] jid... | jkill -l";
constexpr const char* kWaitUsage = "jwait jid";
constexpr const char* kAttachUsage = "jattach pid jid";
constexpr const char* kDetachUsage = "jdetach -p pid | -j jid";
constexpr const char* kLimitUsage = "jlimit [-j jid] [name=value...]";
constexpr const char* kSetHidUsage = "jsethid hid";

using Words = std::span<const char* const>;
using Done = core::Answer<void>;

core::Answer<core::JobId> jid_of(std::string_view word) {
  if (const auto jid = core::parse_job_id(word)) return *jid;
  return refuse(
      core::Refusal::kInvalid,
      "'" + std::string(word) + "' is no job id, expected hexadecimal digits");
}

core::Answer<core::JobId> own_job(bus::Client& client) {
  return client.find_by_pid(core::Pid(::getpid()));
}

// --- jstat [-a | -j jid] [-p]

struct StatOptions {
  bool all = false;
  bool processes = false;
  std::optional<core::JobId> jid;
};

/// Nothing: the words are wrong.
std::optional<StatOptions> stat_options(Words words) {
  StatOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "-a" || word == "-p" || word == "-ap" || word == "-pa") {
      options.all |= word.contains('a');
      options.processes |= word.contains('p');
    } else if (word == "-j" && i + 1 < words.size()) {
      options.jid = core::parse_job_id(words[++i]);
      if (!options.jid) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  if (options.all && options.jid) return std::nullopt;
  return options;
}

std::string padded(std::string_view text, std::size_t width) {
  std::string cell(text);
  cell.resize(std::max(width, cell.size()), ' ');
  return cell;
}

void print_job(const core::JobView& job) {
  const std::string command = command_line(job);
  print(padded(core::display(job.jid).view(), 18) + " " +
        padded(user_name(job.owner), 12) + " " +
        printable(command.empty() ? job.name : command) + "\n");
}

Done print_processes(bus::Client& client, const core::JobView& job) {
  for (const core::ProcessView& process : TRY(client.processes(job.jid)))
    print(padded(core::display(job.jid).view(), 18) + " " +
          padded(std::to_string(process.pid.raw()), 8) + " " +
          padded(std::to_string(process.ppid.raw()), 8) + " " +
          printable(process.command) + "\n");
  return {};
}

core::Answer<std::vector<core::JobView>> stat_jobs(bus::Client& client,
                                                   const StatOptions& options) {
  if (options.all) return all_jobs(client, {});
  const core::JobId jid = options.jid ? *options.jid : TRY(own_job(client));
  return std::vector<core::JobView>{TRY(client.show(jid))};
}

Done show_status(bus::Client& client, const StatOptions& options) {
  const auto jobs = TRY(stat_jobs(client, options));
  print(padded("JID", 18) + " " +
        (options.processes ? padded("PID", 8) + " " + padded("PPID", 8)
                           : padded("OWNER", 12)) +
        " COMMAND\n");
  for (const core::JobView& job : jobs) {
    if (!options.processes)
      print_job(job);
    else if (const auto done = print_processes(client, job);
             !done && done.error().why != core::Refusal::kAccessDenied)
      return done;
  }
  return {};
}

/// Connects and does it. Returns the exit code.
template <class Deed>
int with_instance(const Deed& deed) {
  auto client = connect(Which::kAny);
  if (!client) return complain(client.error());
  const Done done = deed(*client);
  return finish_output(done ? kSuccess : complain(done.error()));
}

int misused(const char* usage) {
  return complain(std::string("usage: ") + usage, kMisused);
}

int jstat(Words words) {
  const auto options = stat_options(words);
  if (!options) return misused(kStatUsage);
  return with_instance([&options](bus::Client& client) {
    return show_status(client, *options);
  });
}

// --- jkill [-sig] jid..., jkill -l

void list_signals() {
  for (int number = 1; number <= 64; ++number) {
    std::string name(core::signal_name(number).view());
    if (name.starts_with("SIG")) name = name.substr(3);
    print(name + (number % 16 == 0 ? "\n" : " "));
  }
}

Done kill_all(bus::Client& client, Words words, core::SignalNumber signal) {
  Done first;
  for (const char* const word : words) {
    const auto jid = jid_of(word);
    const Done done =
        jid ? client.signal(*jid, signal) : std::unexpected(jid.error());
    if (!done && first) first = done;
    if (!done && !first && first.error().text != done.error().text)
      (void)complain(done.error());
  }
  return first;
}

int jkill(Words words) {
  if (words.empty()) return misused(kKillUsage);
  std::string_view first = words[0];
  if (first == "-l") {
    list_signals();
    return finish_output(kSuccess);
  }
  core::SignalNumber signal(15);
  if (first.starts_with('-')) {
    const auto given = parse_signal_or_none(first.substr(1));
    if (!given || words.size() < 2) return misused(kKillUsage);
    signal = *given;
    words = words.subspan(1);
  }
  return with_instance(
      [&](bus::Client& client) { return kill_all(client, words, signal); });
}

// --- jwait jid

int jwait(Words words) {
  if (words.size() != 1) return misused(kWaitUsage);
  return with_instance([word = words[0]](bus::Client& client) -> Done {
    const core::JobId jid = TRY(jid_of(word));
    const core::JobView job = TRY(client.wait(jid));
    print(core::job_text(jid) + " " + printable(core::sentence_of(job).view()) +
          "\n");
    return {};
  });
}

// --- jattach pid jid, jdetach -p pid | -j jid

core::Answer<sys::PidFd> process_of(std::string_view word) {
  const auto number = core::parse_number(word, INT32_MAX);
  auto pidfd = sys::PidFd::open(
      core::Pid(static_cast<std::int32_t>(number.value_or(0))));
  if (pidfd) return *std::move(pidfd);
  return refuse(core::Refusal::kNoSuchProcess,
                "there is no process '" + std::string(word) + "'");
}

int jattach(Words words) {
  if (words.size() != 2) return misused(kAttachUsage);
  return with_instance([words](bus::Client& client) -> Done {
    const sys::PidFd process = TRY(process_of(words[0]));
    const core::JobId jid = TRY(jid_of(words[1]));
    return client.attach(jid, process.get());
  });
}

int jdetach(Words words) {
  const std::string_view option = words.size() == 2 ? words[0] : "";
  if (option != "-p" && option != "-j") return misused(kDetachUsage);
  return with_instance([words, option](bus::Client& client) -> Done {
    if (option == "-j") {
      const core::JobId jid = TRY(jid_of(words[1]));
      (void)TRY(client.detach_all(jid));
      return {};
    }
    const sys::PidFd process = TRY(process_of(words[1]));
    (void)TRY(client.detach(process.get()));
    return {};
  });
}

// --- jlimit [-j jid] [name=value...]

void print_limits(const core::JobView& job) {
  const auto text_of = [](core::LimitKind kind, const auto& bound) {
    return bound ? core::shown_bound(kind, *bound) : "unlimited";
  };
  print(padded("LIMIT", 10) + " " + padded("SOFT", 14) + " HARD\n");
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::LimitRow row = core::row_of(kind);
    const core::LimitTerms terms = core::terms_of(job.limits, job.terms, kind);
    // As in getrlimit(2): without a soft bound of its own it is the hard one.
    print(padded(row.word, 10) + " " +
          padded(text_of(kind, terms.soft ? terms.soft : terms.bound), 14) +
          " " + text_of(kind, terms.bound) + "\n");
  }
}

Done limit(bus::Client& client, std::optional<core::JobId> jid, Words words) {
  const core::JobId of = jid ? *jid : TRY(own_job(client));
  std::vector<core::LimitChange> changes;
  for (const char* const word : words) {
    const auto given = parse_limit_changes(word);
    if (!given) return refuse(core::Refusal::kInvalid, given.error());
    changes.insert(changes.end(), given->begin(), given->end());
  }
  if (!changes.empty()) return client.set_limits(of, changes, false);
  print_limits(TRY(client.show(of)));
  return {};
}

int jlimit(Words words) {
  std::optional<core::JobId> jid;
  if (words.size() >= 2 && std::string_view(words[0]) == "-j") {
    jid = core::parse_job_id(words[1]);
    words = words.subspan(2);
    if (!jid) return misused(kLimitUsage);
  }
  return with_instance(
      [&](bus::Client& client) { return limit(client, jid, words); });
}

// --- jsethid hex

int jsethid(Words words) {
  if (words.size() != 1) return misused(kSetHidUsage);
  return with_instance([word = words[0]](bus::Client& client) -> Done {
    std::string_view digits = word;
    if (digits.starts_with("0x")) digits.remove_prefix(2);
    const std::uint32_t hid = TRY(client.instance()).hid;
    if (core::parse_hex(digits) == hid) return {};
    core::Text<16> text("0x");
    text.append_hex(hid);
    return refuse(core::Refusal::kNotSupported,
                  std::string("the host id is that of the instance, ") +
                      text.c_str() + ", and does not change");
  });
}

using SgiCommand = int (*)(Words words);

struct Row {
  std::string_view name;
  SgiCommand command;
  const char* usage;
  const char* what;
};
// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Row kRows[] = {
    {"jstat", jstat, kStatUsage, "Shows jobs, or their processes."},
    {"jkill", jkill, kKillUsage, "Signals every process of jobs."},
    {"jwait", jwait, kWaitUsage, "Waits until a job has ended."},
    {"jattach", jattach, kAttachUsage, "Makes a process a member of a job."},
    {"jdetach", jdetach, kDetachUsage, "Takes processes out of their job."},
    {"jlimit", jlimit, kLimitUsage, "Shows or sets the limits of a job."},
    {"jsethid", jsethid, kSetHidUsage, "Checks the host id of the jobs."},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

std::optional<int> run_sgi_command(std::string_view path, Words words) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (const Row& row : kRows) {
    if (row.name != name) continue;
    if (words.size() != 1 || std::string_view(words[0]) != "--help")
      return row.command(words);
    print(std::string("usage: ") + row.usage + "\n" + row.what +
          " The manual: man " + std::string(name) + "\n");
    return finish_output(kSuccess);
  }
  return std::nullopt;
}

}  // namespace cli
