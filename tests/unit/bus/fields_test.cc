// SPDX-License-Identifier: Apache-2.0
// The tables of keys: what goes through them comes back the same, what is
// absent stays absent, and what does not fit is refused with its reason.
#include <doctest/doctest.h>

#include "bus/instance_fields.h"
#include "bus/job_fields.h"
#include "bus/limit_keys.h"
#include "bus/message_bus.h"
#include "bus/names.h"
#include "bus/refusal_names.h"
#include "bus/session_keys.h"
#include "bus/spec_keys.h"
#include "bus/utf8.h"
#include "bus/words.h"

namespace {

core::JobView full_view() {
  core::JobView view;
  view.jid = core::make_job_id(0x80000001, 17);
  view.name = "build";
  view.owner = core::Uid(1000);
  view.kind = core::JobKind::kDetached;
  view.engine = core::Engine::kCgroup2;
  view.state = core::JobState::kEnded;
  view.argv = {"make", "-j2"};
  view.main = core::Pid(77);
  view.created = {core::BootTime(1), core::RealTime(2)};
  view.started = {core::BootTime(3), core::RealTime(4)};
  view.ended = {core::BootTime(5), core::RealTime(6)};
  view.result.reason = core::Reason::kOverLimit;
  view.result.has_status = true;
  view.result.wait_status = 9;
  view.result.limit = {core::LimitKind::kWallTime, 1500, 1000};
  view.result.detail = "detail";
  view.totals.user_time = core::Microseconds(10);
  view.totals.system_time = core::Microseconds(0);
  view.totals.memory_peak = core::Bytes(4096);
  view.totals.read_bytes = core::Bytes(1);
  view.totals.write_bytes = core::Bytes(2);
  view.totals.oom_kills = 0;
  view.totals.processes_not_seen = 3;
  view.processes_seen = 4;
  view.stragglers = 2;
  view.straggler_names = "sleep, cat";
  view.container = "/corral/j1";
  core::ExitRecord& main = view.main_exit.emplace();
  main.mark(core::Counters::kUsage);
  main.utime_us = 11;
  main.maxrss_kib = 12;
  main.mark(core::Counters::kStat);
  main.comm[0] = 'm';
  return view;
}

std::string refusal_of(const bus::Dict& dict) {
  const auto answer = bus::spec_of(dict);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().why == core::Refusal::kInvalid);
  return answer.error().text;
}

bus::Dict with_argv(const char* key, bus::Value value) {
  return {{"Argv", bus::TextList{"x"}}, {key, std::move(value)}};
}

TEST_CASE("a job's view comes back from its dictionary") {
  const core::JobView view = full_view();
  const auto back = bus::job_view_of(bus::dict_of(view));
  REQUIRE(back);
  CHECK(back->jid == view.jid);
  CHECK(back->name == view.name);
  CHECK(back->owner == view.owner);
  CHECK(back->kind == view.kind);
  CHECK(back->engine == view.engine);
  CHECK(back->state == view.state);
  CHECK(back->argv == view.argv);
  CHECK(back->main == view.main);
  CHECK(back->created.boot == view.created.boot);
  CHECK(back->created.real == view.created.real);
  CHECK(back->started.boot == view.started.boot);
  CHECK(back->ended.real == view.ended.real);
  CHECK(back->result.reason == view.result.reason);
  CHECK(back->result.wait_status == view.result.wait_status);
  CHECK(back->result.limit.bound == 1000);
  CHECK(core::sentence_of(back->result) ==
        core::sentence_of(view.result).view());
  CHECK(back->totals.system_time == core::Microseconds(0));
  CHECK(back->totals.oom_kills == 0U);
  CHECK(back->totals.processes_not_seen == 3U);
  CHECK(back->stragglers == 2);
  CHECK(back->straggler_names == "sleep, cat");
  CHECK(back->container == view.container);
  REQUIRE(back->main_exit);
  CHECK(back->main_exit->has(core::Counters::kUsage));
  CHECK_FALSE(back->main_exit->has(core::Counters::kIo));
  CHECK(back->main_exit->maxrss_kib == 12);
  CHECK(back->main_exit->comm[0] == 'm');
}

TEST_CASE("an array and a member of one come back from their dictionaries") {
  core::JobView view = full_view();
  CHECK(bus::find(bus::dict_of(view), "Array") == nullptr);
  CHECK(bus::find(bus::dict_of(view), "ArraySize") == nullptr);
  view.kind = core::JobKind::kArray;
  view.array = {.range = "1-5%2",
                .size = 5,
                .made = 4,
                .living = 1,
                .ended = 3,
                .failed = 2,
                .dropped = 1};
  auto back = bus::job_view_of(bus::dict_of(view));
  REQUIRE(back);
  CHECK(back->kind == core::JobKind::kArray);
  CHECK(back->array.range == "1-5%2");
  CHECK(back->array.size == 5);
  CHECK(back->array.made == 4);
  CHECK(back->array.living == 1);
  CHECK(back->array.ended == 3);
  CHECK(back->array.failed == 2);
  CHECK(back->array.dropped == 1);
  view.array = {};
  view.member = {.array = core::JobId(7), .index = 0};
  back = bus::job_view_of(bus::dict_of(view));
  REQUIRE(back);
  CHECK(back->member.array == core::JobId(7));
  CHECK(bus::find(bus::dict_of(view), "ArrayIndex") != nullptr);
  core::JobSpec spec;
  spec.argv = {"x"};
  spec.kind = core::JobKind::kArray;
  spec.array = *core::parse_array_range("0-15:4,99%3");
  const auto asked = bus::spec_of(bus::dict_of(spec));
  REQUIRE(asked);
  CHECK(asked->spec.array == spec.array);
  CHECK(asked->spec.kind == core::JobKind::kArray);
  CHECK(refusal_of(with_argv("ArrayRange", std::string("3-1"))) ==
        std::string("key 'ArrayRange' is '3-1' (s), expected ") +
            core::kArrayExpected);
  CHECK(refusal_of(with_argv("ArrayRange", std::uint32_t{3}))
            .starts_with("key 'ArrayRange' is 3 (u), expected indices"));
}

TEST_CASE("why a job ended comes back, for every reason") {
  for (unsigned i = 0; i <= static_cast<unsigned>(core::Reason::kLast); ++i) {
    core::JobView view = full_view();
    view.result.reason = static_cast<core::Reason>(i);
    view.result.by = core::Uid(12);
    view.result.launch = {core::LaunchStage::kUser, EPERM};
    const auto back = bus::job_view_of(bus::dict_of(view));
    REQUIRE(back);
    CHECK(core::sentence_of(back->result) ==
          core::sentence_of(view.result).view());
    CHECK(core::shell_code(back->result) == core::shell_code(view.result));
  }
}

TEST_CASE("what was not collected has no key, and stays absent") {
  const bus::Dict dict = bus::dict_of(core::JobView());
  for (const char* const key :
       {"UserUSec", "MemoryPeakBytes", "ProcessesNotSeen", "WaitStatus",
        "MainPid", "StartedUSec", "MainUserUSec", "LimitValue", "Argv"})
    CHECK(bus::find(dict, key) == nullptr);
  const auto back = bus::job_view_of(dict);
  REQUIRE(back);
  CHECK_FALSE(back->totals.user_time);
  CHECK_FALSE(back->main_exit);
  CHECK_FALSE(back->main);
  CHECK_FALSE(back->result.has_status);
}

TEST_CASE("unknown keys are passed over, known ones that do not fit are not") {
  CHECK(bus::job_view_of({{"Colour", std::string("red")}}));
  CHECK_FALSE(bus::job_view_of({{"State", std::string("asleep")}}));
  CHECK_FALSE(bus::job_view_of({{"Jid", std::string("1")}}));
  CHECK_FALSE(bus::instance_view_of({{"Engine", std::string("magic")}}));
}

TEST_CASE("a spec comes back from its dictionary") {
  core::JobSpec spec;
  spec.name = "a.b@c:d-e_f";
  spec.argv = {"x", ""};
  spec.env = {"A=1", "B="};
  spec.cwd = "/tmp";
  spec.user = "1000";
  spec.umask = 077;
  spec.rlimits = {{7, 256, UINT64_MAX}};
  spec.kind = core::JobKind::kDetached;
  spec.engine = core::Engine::kSubreaper;
  spec.stragglers = core::Stragglers::kLinger;
  spec.kill_plan = {core::SignalNumber(2), core::seconds(1)};
  for (const core::LimitKind kind : core::kLimitKinds)
    core::set_bound(spec.limits, kind, 60 + static_cast<unsigned>(kind));
  core::set_terms(spec.limits, spec.terms,
                  {.kind = core::LimitKind::kCpuTime,
                   .bound = 80,
                   .soft = 70,
                   .grace = core::seconds(1)});
  spec.accepts_less = true;
  spec.token = "c-1";
  const auto back = bus::spec_of(bus::dict_of(spec));
  REQUIRE(back);
  CHECK(back->spec.name == spec.name);
  CHECK(back->spec.argv == spec.argv);
  CHECK(back->spec.env == spec.env);
  CHECK(back->spec.cwd == spec.cwd);
  CHECK(back->spec.user == spec.user);
  CHECK(back->spec.umask == spec.umask);
  REQUIRE(back->spec.rlimits.size() == 1);
  CHECK(back->spec.rlimits[0].hard == UINT64_MAX);
  CHECK(back->spec.kind == spec.kind);
  CHECK(back->spec.engine == spec.engine);
  CHECK(back->spec.stragglers == spec.stragglers);
  CHECK(back->spec.kill_plan.first_signal == spec.kill_plan.first_signal);
  CHECK(back->spec.kill_plan.grace == spec.kill_plan.grace);
  CHECK(back->spec.terms == spec.terms);
  for (const core::LimitKind kind : core::kLimitKinds)
    CHECK(core::bound_of(back->spec.limits, kind) ==
          core::bound_of(spec.limits, kind));
  CHECK(back->spec.accepts_less);
  CHECK(back->spec.token == spec.token);
  CHECK_FALSE(back->handles.standard_input.is_open());
}

TEST_CASE("a key that does not fit is refused by name, value and expectation") {
  CHECK(refusal_of({}) == "key 'Argv' is missing");
  CHECK(refusal_of({{"Argv", bus::TextList{}}}) ==
        "key 'Argv' is a list of 0 (as), expected a list of 1 to 1048576 "
        "arguments (as or aay)");
  CHECK(refusal_of(with_argv("Umask", std::string("022"))) ==
        "key 'Umask' is '022' (s), expected a mask of file modes, at most "
        "0777 octal (u)");
  CHECK(refusal_of(with_argv("Cwd", std::string("tmp"))) ==
        "key 'Cwd' is 'tmp' (s), expected an absolute path of at most 4095 "
        "bytes (s or ay)");
  CHECK(refusal_of(with_argv("FirstSignal", std::int32_t{65})) ==
        "key 'FirstSignal' is 65 (i), expected a signal number from 1 to 64 "
        "(i)");
  CHECK(refusal_of(with_argv("Sun", bus::Unread{"d"})) ==
        "key 'Sun' is not known, its type is d");

  const bus::Value wrong[] = {std::string(300, 'x'),
                              bus::TextList{"=x"},
                              bus::RlimitList{{16, 0, 0}},
                              bus::RlimitList{{1, 2, 1}},
                              UINT64_MAX,
                              bus::FdNumber{-1}};
  for (const bus::SpecKey& key : bus::spec_keys())
    for (const bus::Value& value : wrong)
      if (std::string_view(key.key) != "Argv" ||
          !std::holds_alternative<bus::TextList>(value))
        CHECK_FALSE(bus::spec_of(with_argv(key.key, value)));
}

TEST_CASE("arguments and environment are bounded together") {
  const std::string half(bus::kMostArgumentBytes / 2, 'x');
  CHECK(refusal_of({{"Argv", bus::TextList{half}},
                    {"Env", bus::TextList{"A=" + half}}})
            .starts_with("arguments and environment are 6291460 bytes"));
  CHECK(bus::spec_of({{"Argv", bus::TextList{half}}}));
}

TEST_CASE("an end by the job's own plan, or by a changed one") {
  const core::KillPlan plan = {.first_signal = core::SignalNumber(12),
                               .grace = core::seconds(3)};
  const auto nothing =
      bus::plan_change_of(bus::dict_of(core::KillPlanChange()));
  REQUIRE(nothing);
  CHECK(nothing->of(plan).first_signal == plan.first_signal);
  CHECK(nothing->of(plan).grace == plan.grace);
  const auto signal = bus::plan_change_of(bus::dict_of(
      core::KillPlanChange{.first_signal = core::kSigkill, .grace = {}}));
  REQUIRE(signal);
  CHECK(signal->of(plan).first_signal == core::kSigkill);
  CHECK(signal->of(plan).grace == plan.grace);
  const auto grace = bus::plan_change_of(bus::dict_of(core::KillPlanChange{
      .first_signal = {}, .grace = core::Microseconds(0)}));
  REQUIRE(grace);
  CHECK(grace->of(plan).first_signal == plan.first_signal);
  CHECK(grace->of(plan).grace == core::Microseconds(0));
  CHECK_FALSE(bus::plan_change_of({{"GraceUSec", std::uint32_t{5}}}));
  CHECK_FALSE(bus::plan_change_of({{"Grace", std::uint64_t{5}}}));
}

TEST_CASE("every refusal has a name of its own, and comes back from it") {
  for (unsigned i = 0; i <= static_cast<unsigned>(core::Refusal::kUnavailable);
       ++i) {
    const auto refusal = static_cast<core::Refusal>(i);
    CHECK(bus::name_of(refusal).refusal == refusal);
    CHECK(bus::refusal_of(bus::name_of(refusal).error) == refusal);
  }
  CHECK(bus::refusal_of("org.freedesktop.DBus.Error.NoReply") ==
        core::Refusal::kUnavailable);
}

TEST_CASE("job paths are parsed strictly") {
  const core::JobId jid = core::make_job_id(1, 2);
  CHECK(bus::job_path(jid) == "/org/corral/job/j0000000100000002");
  CHECK(bus::job_of_path(bus::job_path(jid).view()) == jid);
  for (const char* const path :
       {"", "/org/corral/job", "/org/corral/job/", "/org/corral/job/j1",
        "/org/corral/jobs/j0000000100000002",
        "/org/corral/job/j00000001000000022",
        "/org/corral/job/j000000010000000g"})
    CHECK_FALSE(bus::job_of_path(path));
}

TEST_CASE("UTF-8 is told from other bytes") {
  for (const char* const text : {"", "abc", "\xC3\xA4", "\xE2\x82\xAC",
                                 "\xF0\x9F\x90\x8E", "\xF4\x8F\xBF\xBF"})
    CHECK(bus::is_utf8(text));
  for (const char* const text :
       {"\xFF", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80",
        "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "a\x80"})
    CHECK_FALSE(bus::is_utf8(text));
  CHECK_FALSE(bus::is_utf8(std::string_view("a\0b", 3)));
  CHECK(bus::to_utf8("a\xFFz\xC3\xA4") == "a\xEF\xBF\xBDz\xC3\xA4");
}

TEST_CASE("the socket of a D-Bus address") {
  CHECK(bus::socket_path_of("unix:path=/run/bus") == "/run/bus");
  CHECK(bus::socket_path_of("tcp:host=x;unix:guid=1,path=/a%20b,x=y") ==
        "/a b");
  CHECK_FALSE(bus::socket_path_of("unix:abstract=/x"));
  CHECK_FALSE(bus::socket_path_of(""));
  CHECK_FALSE(bus::socket_path_of("unix"));
}

}  // namespace

TEST_CASE("other limits come back, and what is none is refused") {
  const bus::LimitRequest request = {
      .changes = {{.kind = core::LimitKind::kCpuTime, .bound = 5},
                  {.kind = core::LimitKind::kMemory, .bound = {}},
                  {.kind = core::LimitKind::kIdleTime,
                   .soft = 7,
                   .signal = core::SignalNumber(10)}},
      .accepts_less = true};
  const auto back = bus::limit_request_of(bus::dict_of(request));
  REQUIRE(back);
  CHECK(back->accepts_less);
  REQUIRE(back->changes.size() == 3);
  CHECK(back->changes[2] == request.changes[2]);
  CHECK(back->changes[0].bound == 5);
  CHECK(back->changes[1].kind == core::LimitKind::kMemory);
  CHECK_FALSE(back->changes[1].bound);
  const auto refused = [](const char* key, bus::Value value) {
    const auto answer =
        bus::limit_request_of({{.key = key, .value = std::move(value)}});
    return !answer && answer.error().why == core::Refusal::kInvalid &&
           answer.error().text.starts_with(std::string("key '") + key + "'");
  };
  CHECK(refused("CpuTime", std::uint64_t{1}));
  CHECK(refused("CpuTimeUSec", std::uint32_t{1}));
  CHECK(refused("CpuTimeUSec", UINT64_MAX));
  CHECK(refused("ProcessesMax", std::uint64_t{1} << 23U));
  CHECK(refused("AcceptsLess", std::uint64_t{1}));
  CHECK(refused("Limits", bus::TextList{"cpu=2:1"}));
  CHECK(refused("Limits", std::string("cpu=1")));
  const auto text = [](const char* key, bus::Value value) {
    const auto answer =
        bus::limit_request_of({{.key = key, .value = std::move(value)}});
    return answer ? std::string() : answer.error().text;
  };
  CHECK(text("WallTimeUSec", UINT64_MAX - 1) ==
        "key 'WallTimeUSec' is 18446744073709551614, expected at most "
        "315360000000000");
  CHECK(text("Limits", bus::TextList{"cpu=1", "cpu=2:1"}) ==
        "key 'Limits' has 'cpu=2:1': the soft bound '2' of 'cpu' is above the "
        "hard one, '1'");
  CHECK(bus::fault_of_limits({"cpu=2:1"}).starts_with("key 'Limits' has"));
  CHECK(bus::limit_request_of({{.key = "AcceptsLess", .value = true}})
            .error()
            .text == "no limit was named");
}

TEST_CASE("a session comes back from its dictionary, with every limit") {
  core::SessionRequest request;
  request.user = "alice";
  request.stragglers = core::Stragglers::kKill;
  request.kill_plan = {.first_signal = core::SignalNumber(1),
                       .grace = core::milliseconds(7)};
  request.accepts_less = true;
  for (const core::LimitKind kind : core::kLimitKinds)
    core::set_terms(request.limits, request.terms,
                    {.kind = kind, .bound = 10 + static_cast<unsigned>(kind)});
  bus::Dict dict = bus::dict_of(request);
  dict.push_back({.key = "LeaderPid", .value = std::uint32_t{7}});
  const auto back = bus::session_of(dict);
  REQUIRE(back);
  CHECK(back->user == "alice");
  CHECK(back->leader.pid == core::Pid(7));
  CHECK(back->stragglers == core::Stragglers::kKill);
  CHECK(back->kill_plan.first_signal == core::SignalNumber(1));
  CHECK(back->kill_plan.grace == core::milliseconds(7));
  CHECK(back->accepts_less);
  for (const core::LimitKind kind : core::kLimitKinds)
    CHECK(core::bound_of(back->limits, back->terms, kind) ==
          10 + static_cast<unsigned>(kind));
  dict.push_back({.key = "Argv", .value = std::vector<std::string>{"true"}});
  CHECK(bus::session_of(dict).error().text ==
        "key 'Argv' is not known of a session, expected 'Leader', "
        "'LeaderPid', 'Service', 'Domain', 'Mode', 'Nest', 'User', "
        "'Stragglers', 'FirstSignal', 'GraceUSec', 'Project', 'Account', "
        "'Limits', 'AcceptsLess', 'Lifetime' or a limit's");
  const auto refused = [](const char* key, const bus::Value& value) {
    return bus::session_of({{.key = key, .value = value}}).error().text;
  };
  CHECK(refused("Nest", std::string("new")) ==
        "key 'Nest' is 'new' (s), expected a boolean (b)");
  CHECK(refused("Limits", bus::TextList{"cpu=2h:1h"})
            .contains("the soft bound '2h' of 'cpu' is above"));
}
