/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the program in the kernel (collect/exit.bpf.c) and those who read what
 * it collects have in common: C, as both include it. All is in this machine's
 * byte order, and lives only as long as the kernel runs.
 *
 *   ring     corral_exit, one a process that ended in a job, in the order of
 *            their ends; its place in the ring is its number
 *   jobs     id of a cgroup (that of a job) -> corral_job
 *   control  one corral_control, mapped by the program and by its reader
 *   members  corral_member_key -> corral_member: processes that are followed
 *            where they are, and who descends from them; the kernel gives a
 *            child its parent's job
 */
#pragma once

#ifdef __bpf__
typedef unsigned long long corral_u64;
typedef unsigned int corral_u32;
typedef int corral_s32;
typedef long long corral_s64;
#else
#include <stdint.h>
typedef uint64_t corral_u64;
typedef uint32_t corral_u32;
typedef int32_t corral_s32;
typedef int64_t corral_s64;
#endif

/* Bits of corral_exit.has: what was collected beside what always is. */
#define CORRAL_HAS_IO 1U           /* rchar .. write_bytes */
#define CORRAL_HAS_INTEGRALS 2U    /* rss_integral, vm_integral */
#define CORRAL_HAS_VM_PEAK 4U      /* vm_peak_pages */
#define CORRAL_HAS_CPU_DELAY 8U    /* cpu_count, cpu_delay_ns */
#define CORRAL_HAS_BLOCK_DELAY 16U /* blkio_count .. swapin_delay_ns */
/* And what of it is less than it seems. */
#define CORRAL_ROUNDED_IO 32U /* bytes in whole KiB, no calls */
#define CORRAL_NO_STATUS 64U  /* nobody knows the status */

/* What is added up over the threads of a process and nowhere by the kernel. */
struct corral_thread_sums {
  corral_u64 rchar; /* bytes, by read(2) and its like */
  corral_u64 wchar;
  corral_u64 syscr; /* calls */
  corral_u64 syscw;
  corral_u64 read_bytes; /* from storage */
  corral_u64 write_bytes;
  corral_u64 rss_integral; /* pages * ns / 1024 (kernel/tsacct.c) */
  corral_u64 vm_integral;
  corral_u64 cpu_count; /* times that it waited for a processor */
  corral_u64 cpu_delay_ns;
  corral_u64 blkio_count;
  corral_u64 blkio_delay_ns;
  corral_u64 swapin_count;
  corral_u64 swapin_delay_ns;
};

/* The same for what the kernel keeps of threads that are gone. */
struct corral_group_sums {
  corral_u64 utime_ns; /* by ticks: see runtime_ns */
  corral_u64 stime_ns;
  corral_u64 runtime_ns; /* exact, of both */
  corral_u64 minflt;
  corral_u64 majflt;
  corral_u64 nvcsw;
  corral_u64 nivcsw;
};

struct corral_exit {
  corral_u64 jid;
  corral_u64 start_boot_ns; /* CLOCK_BOOTTIME */
  corral_u64 end_boot_ns;
  struct corral_group_sums used;
  struct corral_thread_sums sums;
  corral_u64 rss_peak_pages;
  corral_u64 vm_peak_pages;
  corral_u32 has;
  corral_s32 status; /* as wait(2) gives it */
  corral_s32 pid;
  corral_s32 ppid;
  corral_u32 uid; /* the real ones */
  corral_u32 gid;
  corral_u32 flags; /* PF_* */
  corral_s32 nice;
  char comm[16];
  corral_u64 project_id; /* of the job; 0: it has none */
};

struct corral_job {
  corral_u64 jid;
  corral_u64 exits; /* processes that ended in it */
  corral_u64 lost;  /* of those: without a record, the ring was full */
  corral_u64 project_id;
  corral_u64 roots;      /* of exits: who was followed by name */
  corral_u64 unfollowed; /* children for whom `members` had no room */
};

#define CORRAL_MOST_MEMBERS 65536U
/* proc_pid_stat(5) has beginnings in these, whatever the kernel's own are. */
#define CORRAL_TICK_NS 10000000U

/* A number that comes again is another's: it began later. */
struct corral_member_key {
  corral_u64 start_ticks; /* CLOCK_BOOTTIME; CORRAL_UNSURE: a jid */
  corral_u32 pid;         /* CORRAL_UNSURE: 0 */
  corral_u32 zero;
};

/* Bits of corral_member.state. */
#define CORRAL_ROOT 1U   /* it was asked to be followed */
#define CORRAL_ENDED 2U  /* and has ended: the program told of it */
#define CORRAL_LEFT 4U   /* and is no longer: nobody inherits it */
#define CORRAL_UNSURE 8U /* no process: some of the job may not be known */

struct corral_member {
  corral_u64 cgroup; /* its job's, a key of `jobs` */
  corral_u64 jid;
  corral_u32 root; /* pid of the root that it descends from */
  corral_u32 state;
};

struct corral_control {
  /* Written by the program. */
  corral_u64 lost;  /* of all jobs */
  corral_s64 ahead; /* ns: the scheduler's clock before CLOCK_MONOTONIC */
  corral_u64 ahead_since;
  /* Written by both: the reader sets it when it is about to sleep, the first
   * record clears it and wakes the reader. */
  corral_u32 is_armed;
  corral_u32 is_pressed; /* likewise, but set by the program: it is filling */
  /* Written by who loads it. */
  corral_u64 ring_id;   /* random; never 0 */
  corral_u64 ring_size; /* bytes */
  corral_u64 wake_at;   /* so many bytes that wait wake the reader */
  /* Written by the reader, before it appends to a file: what it is about to
   * append, and where. So the next reader finds out what it did append. */
  corral_u64 device;
  corral_u64 inode;
  corral_u64 offset;    /* in the file */
  corral_u64 position;  /* in the ring, behind what is appended */
  corral_u64 told_then; /* told_lost, once it is appended */
  corral_u64 told_lost; /* losses that a file tells of */
  /* Written by who made it: core::Collector, for the records; 0: eBPF. */
  corral_u32 collector;
  corral_u32 follows; /* by the supervisor: `members` may have somebody */
};
