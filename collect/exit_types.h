/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The kernel's types for the program at the exit (collect/exit.bpf.c): only the
 * fields that are used stand here; the loader finds their places in the running
 * kernel (CO-RE). */
#pragma once

/* NOLINTBEGIN: it is C */
#pragma clang attribute push(__attribute__((preserve_access_index)), \
                             apply_to = record)
struct list_head {
  struct list_head* next;
};
struct cgroup {
  int level;
};
struct css_set {
  struct cgroup* dfl_cgrp;
};
struct kuid {
  unsigned int val;
};
struct cred {
  struct {
    unsigned int val;
  } uid, gid;
};
struct task_io_accounting {
  __u64 rchar, wchar, syscr, syscw, read_bytes, write_bytes;
};
struct task_delay_info {
  __u64 blkio_delay, swapin_delay;
  __u32 blkio_count, swapin_count;
};
struct sched_info {
  unsigned long pcount;
  unsigned long long run_delay;
};
struct rq {
  __u64 clock, clock_task;
};
struct cfs_rq {
  struct rq* rq;  // CONFIG_FAIR_GROUP_SCHED
};
struct sched_entity {
  __u64 sum_exec_runtime, exec_start;
  struct cfs_rq* cfs_rq;
};
struct percpu_counter {
  __s64 count;
};
struct mm_struct {
  unsigned long hiwater_rss, hiwater_vm, total_vm;
  struct percpu_counter rss_stat[4];
};
// Before Linux 6.2.
struct mm_rss_stat___plain {
  struct {
    long counter;
  } count[4];
};
struct mm_struct___plain {
  struct mm_rss_stat___plain rss_stat;
};
struct seqcount {
  unsigned sequence;
};
struct seqcount_spinlock {
  struct seqcount seqcount;
};
typedef struct {
  struct seqcount_spinlock seqcount;
} seqlock_t;
struct signal_struct {
  struct {
    int counter;
  } live;
  int nr_threads;
  struct list_head thread_head;
  int group_exit_code;
  unsigned int flags;
  seqlock_t stats_lock;
  __u64 utime, stime;
  unsigned long long sum_sched_runtime;
  unsigned long nvcsw, nivcsw, min_flt, maj_flt, maxrss;
};
struct task_struct {
  unsigned int flags;
  int static_prio, pid, tgid, exit_code;
  struct task_struct *real_parent, *group_leader;
  struct list_head thread_node;
  struct sched_entity se;
  struct sched_info sched_info;
  struct mm_struct* mm;
  __u64 utime, stime, start_boottime;
  unsigned long nvcsw, nivcsw, min_flt, maj_flt;
  const struct cred *cred, *real_cred;
  char comm[16];
  struct signal_struct* signal;
  struct task_io_accounting ioac;
  __u64 acct_rss_mem1, acct_vm_mem1;
  struct css_set* cgroups;
  struct task_delay_info* delays;
};
#pragma clang attribute pop
/* NOLINTEND */
