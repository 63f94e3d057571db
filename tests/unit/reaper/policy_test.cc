// SPDX-License-Identifier: Apache-2.0
// The reaper's decisions: when a program is started again, what a command line
// means, and what /proc's texts say.
#include <signal.h>
#include <unistd.h>

#include <initializer_list>
#include <string>

#include <doctest/doctest.h>

#include "reaper/crowd.h"
#include "reaper/instance_options.h"
#include "reaper/options.h"
#include "reaper/reap.h"
#include "reaper/restart_policy.h"
#include "reaper/scope_result.h"
#include "reaper/signal_relay.h"
#include "sys/pid_fd.h"
#include "sys/proc_files.h"
#include "sys/proc_list.h"

const bool reaper::kMakesNamespaces = false;
const bool reaper::kIsOfInstance = true;

namespace {

std::uint64_t pause_ms(reaper::RestartCount& count,
                       const reaper::ProgramEnd& end) {
  return count.pause_after(end).raw() / 1000;
}

}  // namespace

TEST_CASE("a stop is told to every supervisor; other signals to one") {
  const auto seen = [](int signal) {
    signalfd_siginfo info = {};
    info.ssi_signo = static_cast<unsigned>(signal);
    info.ssi_pid = 7;
    return info;
  };
  reaper::SignalRelay relay;
  CHECK(relay.next() == nullptr);
  relay.take(seen(SIGHUP));
  CHECK(relay.is_full());
  REQUIRE(relay.next() != nullptr);
  CHECK(relay.next()->signal == SIGHUP);
  relay.next_was_sent();
  relay.begin_again();
  CHECK(relay.next() == nullptr);
  relay.take(seen(SIGTERM));
  relay.take(seen(SIGINT));
  CHECK(relay.stop_signal() == SIGTERM);
  CHECK(relay.next()->signal == SIGTERM);
  CHECK(relay.next()->sender_pid == 7);
  relay.next_was_sent();
  CHECK(relay.next()->signal == SIGINT);
  relay.next_was_sent();
  CHECK(relay.next() == nullptr);
  relay.begin_again();
  REQUIRE(relay.next() != nullptr);
  CHECK(relay.next()->signal == SIGTERM);
  reaper::SignalRelay next_image;
  next_image.restore(relay.save());
  CHECK(next_image.stop_signal() == SIGTERM);
  CHECK(next_image.next()->signal == SIGTERM);
}

TEST_CASE("what ends an instance goes by the numbers that engines send") {
  for (int signal = 1; signal <= 64; ++signal) {
    CAPTURE(signal);
    const bool is_one = signal == SIGTERM || signal == SIGINT ||
                        signal == SIGQUIT || signal == SIGPWR ||
                        (signal >= 37 && signal <= 40);
    CHECK(core::is_stop_signal(signal) == is_one);
  }
}

TEST_CASE("a killed supervisor is started at once, a crashing one ever later") {
  reaper::RestartCount count;
  const reaper::ProgramEnd killed = {
      .was_working = true, .was_own_doing = false, .lived = {}};
  for (int i = 0; i < 1000; ++i)
    CHECK(pause_ms(count, killed) == 0);
  const reaper::ProgramEnd crash = {
      .was_working = false, .was_own_doing = true, .lived = {}};
  for (int i = 0; i < 5; ++i)
    CHECK(pause_ms(count, crash) == 0);
  std::uint64_t expected = 100;
  for (int i = 0; i < 9; ++i, expected *= 2)
    CHECK(pause_ms(count, crash) == std::min<std::uint64_t>(expected, 30000));
  for (int i = 0; i < 100; ++i)
    CHECK(pause_ms(count, crash) == 30000);
  const reaper::ProgramEnd late = {
      .was_working = true, .was_own_doing = true, .lived = core::seconds(10)};
  CHECK(pause_ms(count, late) == 0);
  CHECK(pause_ms(count, crash) == 0);
}

namespace {

template <class Options>
std::string parse(std::initializer_list<const char*> words, Options& options) {
  static const char* argv[16];
  int argc = 0;
  for (const char* word : words)
    argv[argc++] = word;
  argv[argc] = nullptr;
  const auto error =
      reaper::parse_options(argc, const_cast<char**>(argv), options);
  return error ? std::string(error->view()) : std::string();
}

std::string parse_with(const char* variable, reaper::Options& options) {
  const char* argv[] = {"corral-init", "--stop-timeout", "3s", "true", nullptr};
  const char* environment[] = {"HOME=/", variable, nullptr};
  const auto error = reaper::parse_options(
      4, const_cast<char**>(argv), const_cast<char**>(environment), options);
  return error ? std::string(error->view()) : std::string();
}

TEST_CASE("a crowd is many in a short time, until a look finds one at most") {
  const auto at = [](unsigned milliseconds) {
    return core::BootTime(1000000) + core::milliseconds(milliseconds);
  };
  reaper::Crowd pipelines;
  for (unsigned end = 0; end < 100; ++end) {
    pipelines.note(4, at(end * 11));
    CHECK_FALSE(pipelines.is_here());
  }
  reaper::Crowd storm;
  for (unsigned end = 0; end < 15; ++end)
    storm.note(1, at(0));
  CHECK_FALSE(storm.is_here());
  storm.note(1, at(1));
  CHECK(storm.is_here());
  storm.note(2, at(2));
  storm.note(2, at(100));
  CHECK(storm.is_here());
  storm.note(1, at(101));
  CHECK_FALSE(storm.is_here());
  storm.note(1, at(101));  // the same window: it does not begin at once again
  CHECK_FALSE(storm.is_here());
}

TEST_CASE("of those that end at once the first few are looked at") {
  const auto at = [](unsigned milliseconds) {
    return core::BootTime(1000000) + core::milliseconds(milliseconds);
  };
  reaper::FirstFew few;
  for (unsigned end = 0; end < 100; ++end)
    CHECK(few.takes(at(end * 2)));  // five in a window: a script's
  unsigned taken = 0;
  for (unsigned end = 0; end < 1000; ++end)
    taken += few.takes(at(500)) ? 1U : 0U;
  CHECK(taken == 8);
  CHECK_FALSE(few.takes(at(510)));
  CHECK(few.takes(at(511)));
}

TEST_CASE("a job's own count of kills is believed, also when it is none") {
  reaper::ScopeFacts facts;
  facts.main_has_ended = true;
  facts.main_status = 9;
  facts.kills_around = 1;
  CHECK(reaper::decide_result(facts, "x").reason == core::Reason::kOutOfMemory);
  facts.report.totals.oom_kills = 0;
  CHECK(reaper::decide_result(facts, "x").reason == core::Reason::kSignalled);
  facts.report.totals.oom_kills = 1;
  CHECK(reaper::decide_result(facts, "x").reason == core::Reason::kOutOfMemory);
}

TEST_CASE("a pidfd is made for who is to be signalled, not to be read of") {
  const auto own_is_open = [](sys::ListedFor purpose) {
    bool is_open = false;
    const auto done =
        sys::for_each_process(purpose, [&](const sys::ListedProcess& process) {
          if (process.pid == ::getpid()) is_open = process.pidfd.is_open();
        });
    CHECK(done);
    return is_open;
  };
  CHECK_FALSE(own_is_open(sys::ListedFor::kReading));
  CHECK(own_is_open(sys::ListedFor::kSignalling) ==
        sys::PidFd::open(core::Pid(::getpid())).has_value());
}

}  // namespace

TEST_CASE("command lines of an entrypoint") {
  reaper::Options options;
  CHECK(parse({"corral-init", "--", "true", "--store"}, options).empty());
  CHECK(options.mode == reaper::Mode::kEntrypoint);
  CHECK(options.command_size == 2);
  CHECK(parse({"corral-init", "true", "--", "x"}, options).empty());
  CHECK(options.command_size == 3);
  CHECK(parse({"corral-init", "--nonesuch"}, options) ==
        "option '--nonesuch' is unknown; 'corral-init --help' lists them");
  CHECK(parse({"corral-init", "--quiet=1"}, options) ==
        "option '--quiet' takes no value");
  CHECK(parse({"corral-init", "--supervise", "--of", "another"}, options)
            .empty());
  CHECK(options.mode == reaper::Mode::kInstance);
  reaper::Options user;
  CHECK(parse({"corral-init", "--uid", "1000", "true"}, user).empty());
  CHECK(reaper::find_missing_option(user));
  CHECK(parse({"corral-init", "--gid=0", "true"}, user).empty());
  CHECK_FALSE(reaper::find_missing_option(user));
}

TEST_CASE("variables of an entrypoint, and what goes before them") {
  const auto budget = [](const char* variable) {
    reaper::Options options;
    CHECK(parse_with(variable, options).empty());
    return options.scope.plan().grace.raw();
  };
  CHECK(budget("CORRAL_INIT_STOP_TIMEOUT=9s") == 3000000);
  CHECK(budget("CORRAL_INIT_QUIET=0") == 3000000);
  reaper::Options options;
  CHECK(parse_with("CORRAL_INIT_QUIET=0", options).empty());
  CHECK(!options.entry.is_quiet);
  CHECK(parse_with("CORRAL_INIT_QUIET=1", options).empty());
  CHECK(options.entry.is_quiet);
  CHECK(parse_with("CORRAL_INIT_MAP_EXIT=3:x", options) ==
        "variable 'CORRAL_INIT_MAP_EXIT' expects CODE:CODE, from 0 to 255, not "
        "'3:x'");
  CHECK(parse_with("CORRAL_INIT_MAP_EXIT=", options).empty());
  CHECK(parse_with("CORRAL_INIT_QUIET=yes", options) ==
        "variable 'CORRAL_INIT_QUIET' expects 1 or 0, not 'yes'");
  CHECK(parse_with("CORRAL_INIT_QUIE\xE0T=1", options) ==
        "variable 'CORRAL_INIT_QUIE\xE0T' stands for no option of "
        "corral-init");
  CHECK(parse_with("CORRAL_INIT_JID=1", options) ==
        "variable 'CORRAL_INIT_JID' stands for no option of corral-init");
}

TEST_CASE("an entrypoint's rules for signals and codes") {
  reaper::Options options;
  CHECK(parse({"corral-init", "--rewrite", "HUP:QUIT,12:RTMAX-1", "--rewrite",
               "USR1:0", "--map-exit", "143,9:4", "--map-exit=9:5",
               "--stop-signal", "INT,RTMIN+3", "true"},
              options)
            .empty());
  const reaper::EntryRules& rules = options.entry;
  CHECK(rules.rewrite(SIGHUP) == core::SignalNumber(SIGQUIT));
  CHECK(rules.rewrite(12) == core::SignalNumber(63));
  CHECK(!rules.rewrite(SIGUSR1));
  CHECK(rules.rewrite(SIGWINCH) == core::SignalNumber(SIGWINCH));
  CHECK(rules.map_code(143) == 0);
  CHECK(rules.map_code(9) == 5);
  CHECK(rules.map_code(1) == 1);
  CHECK(rules.stop_signals.has(SIGINT));
  CHECK(rules.stop_signals.has(37));
  CHECK(!rules.stop_signals.has(SIGTERM));
  CHECK(
      parse({"corral-init", "--rewrite", "HUP:KILL", "true"}, options).empty());
  for (const char* const rule : {"KILL:TERM", "STOP:0", "SIGKILL:HUP", "9:1"})
    CHECK(!parse({"corral-init", "--rewrite", rule, "true"}, options).empty());
  for (const char* const list : {"KILL", "TERM,SIGSTOP", "19"})
    CHECK(!parse({"corral-init", "--stop-signal", list, "true"}, options)
               .empty());
  reaper::SignalBits passed_on;
  passed_on.add(SIGTERM);
  CHECK(reaper::is_expected_end(0, passed_on));
  CHECK(reaper::is_expected_end(SIGTERM, passed_on));
  CHECK(reaper::is_expected_end(143 << 8, passed_on));
  CHECK(!reaper::is_expected_end(SIGKILL, passed_on));
  CHECK(!reaper::is_expected_end(3 << 8, passed_on));
}

TEST_CASE("command lines of an instance") {
  reaper::InstanceOptions options;
  CHECK(parse({"corral-init", "--supervise", "--ready-fd=9", "--keeper-fd", "8",
               "--", "corrald"},
              options)
            .empty());
  CHECK(options.role == reaper::Role::kSupervise);
  CHECK(options.ready_fd == 9);
  CHECK(options.keeper_fd == 8);
  CHECK(parse({"corral-init", "--store"}, options) ==
        "option '--store' expects a descriptor");
  CHECK(parse({"corral-init", "--store", "x"}, options) ==
        "option '--store' expects a descriptor, not 'x'");
  CHECK(parse({"corral-init", "--supervise=1"}, options) ==
        "option '--supervise' takes no value");
}

TEST_CASE("/proc/PID/stat with a name that wants to deceive") {
  const auto stat = sys::parse_proc_stat(
      "4711 (a) R 1 (b\n) S 17 4711 4710 0 -1 4227084 54 0 1 0 3 4 5 6 20 -5 1 "
      "0 3396510 0 0\n");
  REQUIRE(stat);
  CHECK(stat->pid == 4711);
  CHECK(stat->name() == "a) R 1 (b\n");
  CHECK(stat->state == 'S');
  CHECK(stat->ppid == 17);
  CHECK(stat->session == 4710);
  CHECK(stat->flags == 4227084);
  CHECK(stat->nice == -5);
  CHECK(stat->start_ticks == 3396510);
  CHECK_FALSE(sys::parse_proc_stat(""));
  CHECK_FALSE(sys::parse_proc_stat("1 (x"));
  CHECK_FALSE(sys::parse_proc_stat("1 (x) S 1 2 3"));
}

TEST_CASE("/proc/PID/io, status and cgroup") {
  const auto io = sys::parse_proc_io(
      "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\n"
      "write_bytes: 18446744073709551615\ncancelled_write_bytes: 7\n");
  REQUIRE(io);
  CHECK(io->rchar == 1);
  CHECK(io->read_bytes == 5);
  CHECK(io->write_bytes == UINT64_MAX);
  CHECK_FALSE(sys::parse_proc_io("rchar: 1\n"));
  const auto ids = sys::parse_proc_ids(
      "Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t7\t8\t8\t8\nGroups:\t1 2\n");
  REQUIRE(ids);
  CHECK(ids->uid == core::Uid(1000));
  CHECK(ids->gid == core::Gid(7));
  CHECK(sys::parse_proc_job("1:name=x:/\n0::/a/corral/j00000000000000ab/run\n")
            .raw() == 0xab);
  CHECK(sys::parse_proc_job("0::/corral/j00000000000000ab (deleted)\n").raw() ==
        0xab);
  CHECK(sys::parse_proc_job("0::/\n") == core::kNoJob);
  // In the job 1 runs an instance, in whose job 2 the process is.
  constexpr std::string_view kWithin =
      "0::/s/j0000000000000001/corral/j0000000000000002/j0000000000000003\n";
  CHECK(sys::parse_proc_job(kWithin, "/s/instance").raw() == 1);
  CHECK(sys::parse_proc_job(kWithin, "/s/j0000000000000001/corral/instance")
            .raw() == 3);
  CHECK(sys::parse_proc_job(kWithin, "/s/j0000000000000001").raw() == 3);
  CHECK(sys::parse_proc_job(kWithin, "/other").raw() == 1);
  CHECK(sys::parse_proc_job(kWithin, "/").raw() == 1);
}

TEST_CASE("a wait status is what wait(2) would say") {
  siginfo_t info = {};
  info.si_code = CLD_EXITED;
  info.si_status = 3;
  CHECK(reaper::wait_status_of(info) == 3 << 8);
  info.si_code = CLD_KILLED;
  info.si_status = 9;
  CHECK(reaper::wait_status_of(info) == 9);
  info.si_code = CLD_DUMPED;
  info.si_status = 11;
  CHECK(reaper::wait_status_of(info) == (11 | 0x80));
}
