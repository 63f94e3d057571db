// SPDX-License-Identifier: Apache-2.0
// The texts of /proc and of a cgroup that limits are held by.
#include <doctest/doctest.h>

#include "sys/cgroup1.h"
#include "sys/limit_facts.h"
#include "sys/own_cgroup.h"
#include "sys/proc_files.h"
#include "sys/processors.h"

TEST_CASE("our own memory cgroup, of either version") {
  using sys::memory_cgroup_in;
  const auto v1 = memory_cgroup_in(
      "9:name=systemd:/x\n4:memory:/a/b c\n3:cpuset:/\n0::/unified\n");
  CHECK((v1.is_v1 && v1.path == "/a/b c"));
  const auto v2 = memory_cgroup_in("1:name=systemd:/x\n0::/user.slice/y\n");
  CHECK((!v2.is_v1 && v2.path == "/user.slice/y"));
  CHECK(memory_cgroup_in("4:memory:/last").path == "/last");
  CHECK(memory_cgroup_in("").path.empty());
  CHECK(memory_cgroup_in("5:cpu:/only\n").path.empty());
}

TEST_CASE("a counter of out-of-memory kills that cannot be read is absent") {
  CHECK_FALSE(sys::OomWatch().new_kills());
  CHECK_FALSE(sys::read_value(-1, "oom_kill"));
  CHECK(sys::value_of("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
                      "oom_kill") == 3);
}

TEST_CASE("a process's own time and that of the children it waited for") {
  const auto stat = sys::parse_proc_stat(
      "7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 50 6 700 8 20 0 1 0 99 0 0");
  REQUIRE(stat);
  CHECK(stat->cpu_ticks == 56);
  CHECK(stat->waited_ticks == 708);
}

TEST_CASE("where our own cgroup of version 1 is") {
  constexpr std::string_view kCgroups =
      "4:memory:/a/b\n2:cpu,cpuacct:/c d\n1:pids:/../e\n0::/\n";
  constexpr std::string_view kMounts =
      "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "31 25 0:27 / /sys/fs/cgroup/cpu\\040acct rw,relatime shared:9 - cgroup "
      "none rw,cpu,cpuacct\n"
      "32 25 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
      "33 25 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  using sys::own_cgroup1_in;
  CHECK(own_cgroup1_in(kCgroups, kMounts, "memory") ==
        "/sys/fs/cgroup/memory/a/b");
  CHECK(own_cgroup1_in(kCgroups, kMounts, "cpuacct") ==
        "/sys/fs/cgroup/cpu acct/c d");
  // From outside of our cgroup namespace, of version 2, unknown.
  CHECK_FALSE(own_cgroup1_in(kCgroups, kMounts, "pids"));
  CHECK_FALSE(own_cgroup1_in(kCgroups, kMounts, "mem"));
  CHECK_FALSE(own_cgroup1_in(kCgroups, "", "memory"));
  CHECK_FALSE(own_cgroup1_in("", kMounts, "memory"));
  CHECK(own_cgroup1_in("4:memory:/\n", kMounts, "memory") ==
        "/sys/fs/cgroup/memory");
  const auto found = sys::hierarchies_in(kCgroups, kMounts);
  REQUIRE(found.size() == 4);
  CHECK(found[0].version == 1);
  CHECK(found[0].controllers == std::vector<std::string>{"memory"});
  CHECK(found[0].mount == "/sys/fs/cgroup/memory");
  CHECK(found[0].own == "/sys/fs/cgroup/memory/a/b");
  CHECK(found[1].controllers == std::vector<std::string>{"cpu", "cpuacct"});
  CHECK(found[1].own == "/sys/fs/cgroup/cpu acct/c d");
  CHECK(found[2].own.empty());
  CHECK(found[3].version == 2);
  CHECK(found[3].controllers.empty());
  CHECK(found[3].own == "/sys/fs/cgroup/unified");
  const auto named = sys::hierarchies_in(
      "9:name=systemd:/x\n0::/y\n",
      "40 31 0:37 / /s rw - cgroup cgroup rw,xattr,name=systemd\n"
      "41 31 0:37 / /again rw - cgroup cgroup rw,xattr,name=systemd\n"
      "42 31 0:39 / /other rw - cgroup cgroup rw,net_cls\n"
      "43 31 0:38 /y /u rw - cgroup2 cgroup2 rw\n"
      "44 31 0:40 / /proc rw - proc proc rw\n");
  REQUIRE(named.size() == 2);
  CHECK(named[0].name == "systemd");
  CHECK(named[0].own == "/s/x");
  CHECK(named[1].own == "/u");
  // A container that sees its own part only.
  constexpr std::string_view kBound =
      "30 25 0:26 /docker/7 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory";
  CHECK(own_cgroup1_in("4:memory:/docker/7/x\n", kBound, "memory") ==
        "/sys/fs/cgroup/memory/x");
  for (const char* elsewhere : {"4:memory:/\n", "4:memory:/docker/77/x\n"})
    CHECK(own_cgroup1_in(elsewhere, kBound, "memory") ==
          "/sys/fs/cgroup/memory");
}

TEST_CASE("the name of our directory in a hierarchy of version 1") {
  CHECK(sys::group_name("/sys/fs/cgroup/unified/a/corral",
                        "/sys/fs/cgroup/unified") == "a.corral");
  CHECK(sys::group_name("/sys/fs/cgroup/corral", "/sys/fs/cgroup") == "corral");
  CHECK(sys::group_name("/sys/fs/cgroup", "/sys/fs/cgroup").empty());
  CHECK(sys::group_name("/sys/fs/cgroup/", "/sys/fs/cgroup").empty());
}

TEST_CASE("the kernel's lists of processors") {
  using sys::processor_bits;
  CHECK(processor_bits("0-1") == 3U);
  CHECK(processor_bits("0-2,5,8-9") == 0x327U);
  CHECK(processor_bits("60-127") == 0xf000000000000000U);
  CHECK(processor_bits("64-127,200") == 0U);
  CHECK_FALSE(processor_bits("x"));
  CHECK_FALSE(processor_bits("0-"));
  const auto machine = sys::find_processors();
  REQUIRE(machine);
  CHECK((machine->online & ~machine->possible) == 0);
  CHECK(processor_bits(machine->online_text) == machine->online);
}
