// SPDX-License-Identifier: Apache-2.0
// Threads, as taskstats tells of them, folded into their process.
#include "collect/exit_fold.h"

#include <doctest/doctest.h>

namespace {

using collect::ExitFold;

taskstats a_thread(std::uint32_t pid, std::uint32_t tgid) {
  taskstats stats = {};
  stats.version = 13;
  stats.ac_pid = pid;
  stats.ac_tgid = tgid;
  stats.ac_ppid = 5;
  stats.ac_exitcode = 3 << 8;
  stats.ac_utime = 2000;
  stats.ac_stime = 1000;
  stats.ac_etime = 9'000'000;
  stats.ac_btime64 = 1'000'000;
  stats.read_char = 4096;
  stats.coremem = 4;
  stats.hiwater_rss = 8;
  stats.hiwater_vm = 40;
  std::memcpy(stats.ac_comm, "cc1plus", 8);
  return stats;
}

}  // namespace

TEST_CASE("the threads of a process are added up, its peaks are the largest") {
  ExitFold fold(4096);
  taskstats other = a_thread(21, 20);
  other.hiwater_rss = 16;
  other.ac_exitcode = 0;
  fold.add(other);
  CHECK_FALSE(fold.is_dead());
  taskstats last = a_thread(20, 20);
  last.ac_flag = AGROUP | AXSIG;
  last.ac_tgetime = 9'000'000;
  fold.add(last);
  REQUIRE(fold.is_dead());
  CHECK(fold.began_us() == 1'000'000'000'000U);
  const corral_exit exit = fold.whole(7, 1'000, false);
  CHECK(exit.jid == 7);
  CHECK(exit.pid == 20);
  CHECK(exit.end_boot_ns == 9'000'001'000U);
  CHECK(exit.used.utime_ns == 4'000'000);
  CHECK(exit.used.runtime_ns == 6'000'000);
  CHECK(exit.sums.rchar == 8192);
  CHECK(exit.rss_peak_pages == 4);
  CHECK(exit.vm_peak_pages == 10);
  CHECK(exit.sums.rss_integral * 4096 / 1'024'000 == 8);  // MB * us again
  CHECK(exit.status == 3 << 8);
  CHECK(exit.flags == 0x400);
  CHECK((exit.has & CORRAL_ROUNDED_IO) != 0);
  CHECK((exit.has & (CORRAL_HAS_BLOCK_DELAY | CORRAL_HAS_CPU_DELAY)) == 0);
  CHECK((exit.has & CORRAL_NO_STATUS) == 0);
}

TEST_CASE("delays are collected where the kernel counts them") {
  ExitFold fold(4096);
  taskstats one = a_thread(20, 20);
  one.ac_flag = AGROUP;
  one.cpu_count = 2;
  one.cpu_run_virtual_total = 5'000'000;
  fold.add(one);
  CHECK((fold.whole(7, 0, false).has & CORRAL_HAS_BLOCK_DELAY) == 0);
  const corral_exit exit = fold.whole(7, 0, true);
  CHECK((exit.has & CORRAL_HAS_BLOCK_DELAY) != 0);
  CHECK((exit.has & CORRAL_HAS_CPU_DELAY) != 0);
  CHECK(exit.used.runtime_ns == 5'000'000);
}

TEST_CASE("nobody knows how a process ended that outlived its first thread") {
  ExitFold fold(4096);
  taskstats leader = a_thread(20, 20);
  leader.ac_etime = 1'000'000;
  fold.add(leader);
  taskstats last = a_thread(21, 20);
  last.ac_flag = AGROUP;
  last.ac_tgetime = 9'000'000;
  fold.add(last);
  CHECK((fold.whole(7, 0, false).has & CORRAL_NO_STATUS) != 0);
}
