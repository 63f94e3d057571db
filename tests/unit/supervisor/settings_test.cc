// SPDX-License-Identifier: Apache-2.0
#include "supervisor/settings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using supervisor::Settings;
using Variables = std::map<std::string, std::string>;

sys::Environment environment_of(Variables variables) {
  return [variables = std::move(variables)](
             const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

std::expected<Settings, std::string> read(
    const std::vector<const char*>& arguments, Variables variables = {}) {
  return supervisor::read_settings(arguments,
                                   environment_of(std::move(variables)));
}

}  // namespace

TEST_CASE("without arguments the defaults of this user's instance hold") {
  const auto settings = read({}, {{"HOME", "/home/u"}});
  REQUIRE(settings);
  CHECK(settings->bus == "system");
  CHECK(settings->reaper_fd == -1);
  CHECK(!settings->engine);
  CHECK(settings->kept_arguments.empty());
  const bool is_root = ::geteuid() == 0;
  CHECK((settings->places.kind == sys::InstanceKind::kSystem) == is_root);
}

TEST_CASE("options are taken with '=' and as the next argument") {
  const auto settings =
      read({"--private", "--runtime=/x/run", "--pacct", "/x/pacct",
            "--log-dir=/x/log", "--cgroup-base", "/sys/fs/cgroup/x",
            "--engine=subreaper", "--bus", "unix:path=/b", "--verbose",
            "--reaper-fd=3", "--store-fd", "4", "--ready-fd=5", "--init",
            "/libexec/init"});
  REQUIRE(settings);
  CHECK(settings->places.kind == sys::InstanceKind::kPrivate);
  CHECK(settings->places.runtime == "/x/run");
  CHECK(settings->places.socket == "/x/run/private");
  CHECK(settings->places.fallback_runtime == "/x/run");
  CHECK(settings->places.pacct == "/x/pacct");
  CHECK(settings->places.logs == "/x/log");
  CHECK(settings->cgroup_base == "/sys/fs/cgroup/x");
  CHECK(settings->engine == core::Engine::kSubreaper);
  CHECK(settings->bus == "unix:path=/b");
  CHECK(settings->is_verbose);
  CHECK(settings->reaper_fd == 3);
  CHECK(settings->store_fd == 4);
  CHECK(settings->ready_fd == 5);
  CHECK(settings->init == "/libexec/init");
}

TEST_CASE("with units a shutdown has a budget; else only if it was asked for") {
  CHECK(!read({})->stop_timeout);
  const auto units = read({"--units", "/etc/corral/units"});
  REQUIRE(units);
  CHECK(units->units == "/etc/corral/units");
  CHECK(units->stop_timeout == core::seconds(8));
  CHECK(units->kept_arguments ==
        std::vector<std::string>{"--units=/etc/corral/units"});
  const Variables variables = {{"CORRAL_INIT_STOP_TIMEOUT", "3s"}};
  CHECK(read({"--units=u"}, variables)->stop_timeout == core::seconds(3));
  CHECK(read({"--stop-timeout=500ms"}, variables)->stop_timeout ==
        core::milliseconds(500));
  CHECK(read({"--units=u", "--stop-timeout=x"}).error() ==
        "option '--stop-timeout' is 'x', expected a duration such as 8s or "
        "500ms");
  CHECK(!read({"--units="}));
}

TEST_CASE("the kept arguments start the same corrald again") {
  const auto first =
      read({"--private", "--runtime", "/x", "--engine=cgroup2", "--reaper-fd=3",
            "--store-fd=4", "--ready-fd=5", "--init=/i", "--verbose"});
  REQUIRE(first);
  CHECK(first->kept_arguments ==
        std::vector<std::string>{"--private", "--runtime=/x",
                                 "--engine=cgroup2", "--verbose"});
  std::vector<const char*> again;
  for (const std::string& each : first->kept_arguments)
    again.push_back(each.c_str());
  const auto second = read(again);
  REQUIRE(second);
  CHECK(second->kept_arguments == first->kept_arguments);
  CHECK(second->places.runtime == "/x");
}

TEST_CASE("an option wins over the environment, which wins over the default") {
  const Variables variables = {{"CORRAL_ENGINE", "subreaper"},
                               {"CORRAL_CGROUP_BASE", "/sys/fs/cgroup/env"},
                               {"CORRAL_PACCT", "/env/pacct"},
                               {"CORRAL_RUNTIME_DIR", "/env/run"}};
  const auto plain = read({}, variables);
  REQUIRE(plain);
  CHECK(plain->engine == core::Engine::kSubreaper);
  CHECK(plain->cgroup_base == "/sys/fs/cgroup/env");
  CHECK(plain->places.pacct == "/env/pacct");
  CHECK(plain->places.socket == "/env/run/private");
  const auto told = read({"--engine=cgroup2", "--pacct=/opt/pacct"}, variables);
  REQUIRE(told);
  CHECK(told->engine == core::Engine::kCgroup2);
  CHECK(told->places.pacct == "/opt/pacct");
}

TEST_CASE("a bad setting is one sentence: which, what, what was expected") {
  struct Case {
    std::vector<const char*> arguments;
    Variables variables;
    std::string text;
  };
  const std::vector<Case> cases = {
      {{"--engine=chroot"},
       {},
       "option '--engine' is 'chroot', expected 'cgroup2', 'subreaper', "
       "'pidns' or 'cgroup2+pidns'"},
      {{},
       {{"CORRAL_PACCT", "x"}},
       "environment variable 'CORRAL_PACCT' is 'x', expected an absolute path"},
      {{},
       {{"CORRAL_ENGINE", "x"}},
       "environment variable 'CORRAL_ENGINE' is 'x', expected 'cgroup2', "
       "'subreaper', 'pidns' or 'cgroup2+pidns'"},
      {{"--reaper-fd=three"},
       {},
       "option '--reaper-fd' is 'three', expected the number of an open "
       "descriptor"},
      {{"--store-fd=-1"},
       {},
       "option '--store-fd' is '-1', expected the number of an open "
       "descriptor"},
      {{"--runtime=here"},
       {},
       "option '--runtime' is 'here', expected an absolute path"},
      {{"--bus=session"},
       {},
       "option '--bus' is 'session', expected 'system', 'none' or an address "
       "such as 'unix:path=/run/bus'"},
      {{"--pacct"}, {}, "option '--pacct' needs a value: FILE"},
      {{"--verbose=yes"}, {}, "option '--verbose' takes no value, got 'yes'"},
      {{"--frobnicate"},
       {},
       "unknown argument '--frobnicate'; 'corrald --help' lists what there "
       "is"},
      {{"word"},
       {},
       "unknown argument 'word'; 'corrald --help' lists what there is"},
  };
  for (const Case& each : cases) {
    const auto settings = read(each.arguments, each.variables);
    REQUIRE(!settings);
    CHECK(settings.error() == each.text);
  }
}

TEST_CASE("the site's file is where it is looked for") {
  const bool is_root = ::geteuid() == 0;
  const auto usual = read({}, {{"HOME", "/home/u"}});
  CHECK(usual->places.settings == (is_root
                                       ? "/etc/corral/corral.toml"
                                       : "/home/u/.config/corral/corral.toml"));
  const auto config = [](Variables variables) {
    return read({"--private"}, std::move(variables))->places.settings;
  };
  CHECK(config({{"HOME", "/h"}}) == "/h/.config/corral/corral.toml");
  CHECK(config({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/x"}}) ==
        "/x/corral/corral.toml");
  CHECK(config({}).empty());
  CHECK(config({{"CORRAL_CONFIG", "/c"}}) == "/c");
}

TEST_CASE("what is wrong in the site's file gives nobody a right") {
  Settings settings;
  settings.places.settings = "/tmp/corral-settings-test.toml";
  const auto load = [&settings](const char* text) {
    std::FILE* const file = std::fopen(settings.places.settings.c_str(), "we");
    REQUIRE(file != nullptr);
    (void)std::fputs(text, file);
    (void)std::fclose(file);
    settings.site = {};
    supervisor::load_site(settings);
    (void)std::remove(settings.places.settings.c_str());
  };
  load("[authority]\noperators = ['50']\n");
  CHECK(settings.site.operators == std::vector<std::string>{"50"});
  load("[authority]\noperators = ['50']\n[jobs]\nlive = 0\n");
  CHECK(settings.site.operators.empty());
  settings.places.settings = "/nonexistent/corral.toml";
  supervisor::load_site(settings);
  CHECK(settings.site.remember == 1000);
}

TEST_CASE("a pipe in the place of the site's file keeps nobody waiting") {
  Settings settings;
  settings.places.settings = "/tmp/corral-settings-test.pipe";
  REQUIRE(::mkfifo(settings.places.settings.c_str(), 0600) == 0);
  supervisor::load_site(settings);  // it would wait for a writer
  CHECK(settings.site.operators.empty());
  (void)std::remove(settings.places.settings.c_str());
}

TEST_CASE("an option moves what its variable moves") {
  const auto by_option = read({"--private", "--pacct=/p/pacct"}, {});
  const auto by_variable = read({"--private"}, {{"CORRAL_PACCT", "/p/pacct"}});
  REQUIRE(by_option);
  REQUIRE(by_variable);
  CHECK(by_option->places.logs == "/p/log");
  CHECK(by_option->places.logs == by_variable->places.logs);
  CHECK(read({"--private", "--runtime=/r"}, {})->places.socket == "/r/private");
}

TEST_CASE("the help names every option once") {
  const std::string help = supervisor::settings_help();
  for (const char* const name :
       {"--private", "--runtime=DIR", "--pacct=FILE", "--cgroup-base=PATH",
        "--engine=NAME", "--worker=NAME", "CORRAL_ENGINE"}) {
    const std::size_t at = help.find(name);
    REQUIRE(at != std::string::npos);
    CHECK(help.find(name, at + 1) == std::string::npos);
  }
}
