// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The part of the eBPF collector that runs in the kernel: a record for each
// process that ends in a job.
//
// It runs in the exit of every thread. Of a process whose cgroup is in none of
// our jobs, and that is not followed, it finds that out and does no more. Of a
// thread that is not the last
// of its process it adds up what the kernel adds up for nobody (or only
// together with that of reaped children): reads and writes, integrals, delays.
// The last one makes the record.
//
// Invariants:
//  - The thread that finds its process dead is one (the kernel decides it by an
//    atomic count), so a process has one record, counted in its job whether
//    there is room for it or not.
//  - It comes before the process can be waited for, and before its cgroup can
//    be empty.
//  - Of who is in a job's cgroup that is the job, whoever it descends from. A
//    child of who is followed is followed before it runs, while the program of
//    forks is attached; that is only while there is somebody.
//  - A thread is counted once: by itself in `groups`, and then it is in
//    `passed`; or, if it has not come so far when the last one makes the
//    record, by that one. What the kernel keeps of threads that are gone is
//    read together with the list of the others, as its sequence lock allows.
#include <linux/bpf.h>
// behind the types
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "accounting/kernel_exit.h"
#include "collect/exit_types.h"

#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004
#define DEFAULT_PRIO 120
#define MOST_LEVELS 32
#define MOST_THREADS 65536
// No clock is set right faster than by 1 in 2000 (adjtimex(2)).
#define MOST_SLEW 2000
#define LONG_AGO 10000000000ULL
#define MM_FILEPAGES 0
#define MM_ANONPAGES 1
#define MM_SHMEMPAGES 3

char _license[] SEC("license") = "GPL";

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 64 << 20);
} ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct corral_job);
} jobs SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct corral_control);
} control SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, CORRAL_MOST_MEMBERS);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct corral_member_key);
  __type(value, struct corral_member);
} members SEC(".maps");

/// A thread, or a process by its first thread: its number will be another's.
struct task_key {
  __u64 start;
  __u32 number;
  __u32 zero;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, struct task_key);
  __type(value, struct corral_thread_sums);
} groups SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 32768);
  __type(key, struct task_key);
  __type(value, __u8);
} passed SEC(".maps");

/// What a thread's own fields add; GET reads one of them.
#define ADD_SUMS(sums, GET)                            \
  do {                                                 \
    (sums)->rchar += GET(ioac.rchar);                  \
    (sums)->wchar += GET(ioac.wchar);                  \
    (sums)->syscr += GET(ioac.syscr);                  \
    (sums)->syscw += GET(ioac.syscw);                  \
    (sums)->read_bytes += GET(ioac.read_bytes);        \
    (sums)->write_bytes += GET(ioac.write_bytes);      \
    (sums)->rss_integral += GET(acct_rss_mem1);        \
    (sums)->vm_integral += GET(acct_vm_mem1);          \
    (sums)->cpu_count += GET(sched_info.pcount);       \
    (sums)->cpu_delay_ns += GET(sched_info.run_delay); \
  } while (0)

#define ADD_DELAYS(sums, GET)                     \
  do {                                            \
    (sums)->blkio_count += GET(blkio_count);      \
    (sums)->blkio_delay_ns += GET(blkio_delay);   \
    (sums)->swapin_count += GET(swapin_count);    \
    (sums)->swapin_delay_ns += GET(swapin_delay); \
  } while (0)

#define ADD_USED(used, GET)                         \
  do {                                              \
    (used)->utime_ns += GET(utime);                 \
    (used)->stime_ns += GET(stime);                 \
    (used)->runtime_ns += GET(se.sum_exec_runtime); \
    (used)->minflt += GET(min_flt);                 \
    (used)->majflt += GET(maj_flt);                 \
    (used)->nvcsw += GET(nvcsw);                    \
    (used)->nivcsw += GET(nivcsw);                  \
  } while (0)

/// The job whose cgroup is the nearest around the current thread.
static __always_inline struct corral_job* find_job(struct task_struct* task) {
  int level = task->cgroups->dfl_cgrp->level;
  for (int i = 0; i < MOST_LEVELS && level > 0; ++i, --level) {
    __u64 id = bpf_get_current_ancestor_cgroup_id(level);
    struct corral_job* job = bpf_map_lookup_elem(&jobs, &id);
    if (job) return job;
  }
  return 0;
}

static __always_inline struct task_key key_of_group(struct task_struct* task) {
  struct task_key key = {.start = task->group_leader->start_boottime,
                         .number = task->tgid};
  return key;
}

/// What the current thread adds, where the kernel counts it.
static __always_inline void add_own(struct corral_thread_sums* sums,
                                    struct task_struct* task) {
#define OWN(field) task->field
#define OWN_DELAY(field) delays->field
  ADD_SUMS(sums, OWN);
  struct task_delay_info* delays = task->delays;
  if (delays) ADD_DELAYS(sums, OWN_DELAY);
#undef OWN_DELAY
#undef OWN
}

/// A thread that is not the last one.
static __always_inline int pass(struct task_struct* task) {
  struct corral_thread_sums own = {};
  struct task_key group = key_of_group(task);
  struct task_key thread = {.start = task->start_boottime, .number = task->pid};
  const __u8 one = 1;
  add_own(&own, task);
  struct corral_thread_sums* sums = bpf_map_lookup_elem(&groups, &group);
  if (!sums) {
    struct corral_thread_sums none = {};
    bpf_map_update_elem(&groups, &group, &none, BPF_NOEXIST);
    sums = bpf_map_lookup_elem(&groups, &group);
  }
  if (!sums) return 0;
  const __u64* from = (const __u64*)&own;
  __u64* to = (__u64*)sums;
#pragma unroll
  for (int i = 0; i < (int)(sizeof own / sizeof *from); ++i)
    if (from[i] != 0) __sync_fetch_and_add(&to[i], from[i]);
  bpf_map_update_elem(&passed, &thread, &one, BPF_ANY);
  return 0;
}

/// Goes through the threads of a process that are not gone.
struct walk {
  struct corral_group_sums used;
  struct corral_thread_sums sums;
  __u64 next;  // struct list_head *
  __u64 head;
  int count;
};

static long add_listed(__u32 index, struct walk* walk) {
  (void)index;
  if (walk->next == walk->head || !walk->next) return 1;
  struct task_struct* task =
      (void*)(walk->next -
              bpf_core_field_offset(struct task_struct, thread_node));
  ++walk->count;
#define LISTED(field) BPF_CORE_READ(task, field)
#define LISTED_DELAY(field) BPF_CORE_READ(delays, field)
  ADD_USED(&walk->used, LISTED);
  struct task_key key = {.start = LISTED(start_boottime),
                         .number = LISTED(pid)};
  if (!bpf_map_lookup_elem(&passed, &key)) {
    ADD_SUMS(&walk->sums, LISTED);
    struct task_delay_info* delays = LISTED(delays);
    if (delays) ADD_DELAYS(&walk->sums, LISTED_DELAY);
  }
  struct list_head* at = (void*)walk->next;
  walk->next = (__u64)BPF_CORE_READ(at, next);
  return 0;
#undef LISTED_DELAY
#undef LISTED
}

/// The threads that are gone, and those that are not; 0: one went meanwhile.
static __noinline int read_threads(struct walk* walk) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct signal_struct* signal = task->signal;
  unsigned before = signal->stats_lock.seqcount.seqcount.sequence;
  __builtin_memset(walk, 0, sizeof *walk);
  walk->head =
      (__u64)signal + bpf_core_field_offset(struct signal_struct, thread_head);
  walk->next = (__u64)signal->thread_head.next;
  walk->used.utime_ns = signal->utime;
  walk->used.stime_ns = signal->stime;
  walk->used.runtime_ns = signal->sum_sched_runtime;
  walk->used.minflt = signal->min_flt;
  walk->used.majflt = signal->maj_flt;
  walk->used.nvcsw = signal->nvcsw;
  walk->used.nivcsw = signal->nivcsw;
  bpf_loop(MOST_THREADS, add_listed, walk, 0);
  return before % 2 == 0 &&
         before == signal->stats_lock.seqcount.seqcount.sequence;
}

/// Of a process that had several threads; 0: of some nobody knows what they
/// read and wrote.
static __noinline int add_threads(struct walk* walk) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct task_key group = key_of_group(task);
  // No loop: Linux 6.1's verifier refuses what the compiler makes of it.
  if (!read_threads(walk) && !read_threads(walk) && !read_threads(walk))
    read_threads(walk);
  struct corral_thread_sums* sums = bpf_map_lookup_elem(&groups, &group);
  if (!sums) return task->signal->sum_sched_runtime == 0;
  const __u64* from = (const __u64*)sums;
  __u64* to = (__u64*)&walk->sums;
#pragma unroll
  for (int i = 0; i < (int)(sizeof *sums / sizeof *from); ++i)
    to[i] += from[i];
  bpf_map_delete_elem(&groups, &group);
  return 1;
}

static __always_inline __u64 pages(__s64 count) {
  return count > 0 ? count : 0;
}

/// The memory that it has now (get_mm_rss(), include/linux/mm.h), in pages.
static __always_inline __u64 resident(struct mm_struct* mm) {
  if (bpf_core_field_exists(((struct mm_rss_stat___plain*)0)->count)) {
    struct mm_struct___plain* plain = (void*)mm;
    return pages(BPF_CORE_READ(plain, rss_stat.count[MM_FILEPAGES].counter)) +
           pages(BPF_CORE_READ(plain, rss_stat.count[MM_ANONPAGES].counter)) +
           pages(BPF_CORE_READ(plain, rss_stat.count[MM_SHMEMPAGES].counter));
  }
  return pages(BPF_CORE_READ(mm, rss_stat[MM_FILEPAGES].count)) +
         pages(BPF_CORE_READ(mm, rss_stat[MM_ANONPAGES].count)) +
         pages(BPF_CORE_READ(mm, rss_stat[MM_SHMEMPAGES].count));
}

static __always_inline void add_memory(struct corral_exit* record,
                                       struct task_struct* task) {
  struct mm_struct* mm = task->mm;
  record->rss_peak_pages = task->signal->maxrss;
  record->vm_peak_pages = 0;
  if (!mm) return;
  __u64 rss = resident(mm);
  __u64 peak = mm->hiwater_rss;
  record->rss_peak_pages = rss > peak ? rss : peak;
  __u64 total = mm->total_vm;
  peak = mm->hiwater_vm;
  record->vm_peak_pages = total > peak ? total : peak;
  record->has |= CORRAL_HAS_VM_PEAK;
}

static __always_inline void describe(struct corral_exit* record,
                                     struct task_struct* task) {
  struct task_struct* leader = task->group_leader;
  struct signal_struct* signal = task->signal;
  record->start_boot_ns = leader->start_boottime;
  record->end_boot_ns = bpf_ktime_get_boot_ns();
  record->pid = task->tgid;
  record->ppid = leader->real_parent->tgid;
  record->status = (signal->flags & SIGNAL_GROUP_EXIT) ? signal->group_exit_code
                                                       : leader->exit_code;
  record->uid = leader->real_cred->uid.val;
  record->gid = leader->real_cred->gid.val;
  record->flags = leader->flags;
  record->nice = leader->static_prio - DEFAULT_PRIO;
  __builtin_memcpy(record->comm, leader->comm, sizeof record->comm);
}

static __always_inline __u64 wake_flag(struct corral_control* state) {
  if (state->is_armed) {
    state->is_armed = 0;
    return BPF_RB_FORCE_WAKEUP;
  }
  if (!state->is_pressed &&
      bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > state->wake_at) {
    state->is_pressed = 1;
    return BPF_RB_FORCE_WAKEUP;
  }
  return BPF_RB_NO_WAKEUP;
}

/// The processor time of the current thread that the scheduler has not counted
/// yet: all since it was last given the processor, which of a short process is
/// all that it had. The scheduler's clock cannot be asked from here. What it
/// showed when it was last read stands in the run queue; so the most that this
/// was ahead of the clock that can be asked is how far ahead it is, less a
/// little, never more. As the two are not equally fast that is forgotten by and
/// by.
static __always_inline __u64 uncounted(struct corral_control* state,
                                       struct task_struct* task) {
  if (!bpf_core_field_exists(((struct cfs_rq*)0)->rq)) return 0;
  struct rq* rq = task->se.cfs_rq->rq;
  __u64 now = bpf_ktime_get_ns();
  __s64 ahead = (__s64)(rq->clock - now);
  __u64 age = now - state->ahead_since;
  __s64 most = state->ahead - (__s64)(age / MOST_SLEW);
  if (ahead > most || state->ahead_since == 0 || age > LONG_AGO) most = ahead;
  state->ahead = most;
  state->ahead_since = now;
  // Without what interrupts and a hypervisor took.
  __u64 clock = now + (__u64)most - (rq->clock - rq->clock_task);
  __u64 since = task->se.exec_start;
  return clock > since && clock - since < LONG_AGO ? clock - since : 0;
}

static __always_inline struct corral_member_key key_of_member(
    struct task_struct* task) {
  struct corral_member_key key = {
      .start_ticks = task->group_leader->start_boottime / CORRAL_TICK_NS,
      .pid = task->tgid};
  return key;
}

/// The last thread of a process.
static __always_inline int finish(struct task_struct* task,
                                  struct corral_job* job) {
  const __u32 zero = 0;
  struct corral_control* state = bpf_map_lookup_elem(&control, &zero);
  if (!state) return 0;
  __sync_fetch_and_add(&job->exits, 1);
  struct corral_exit* record = bpf_ringbuf_reserve(&ring, sizeof *record, 0);
  if (!record) {
    __sync_fetch_and_add(&job->lost, 1);
    __sync_fetch_and_add(&state->lost, 1);
    return 0;
  }
  record->jid = job->jid;
  record->project_id = job->project_id;
  record->has = CORRAL_HAS_IO | CORRAL_HAS_INTEGRALS | CORRAL_HAS_CPU_DELAY;
  describe(record, task);
  add_memory(record, task);
  if (task->delays) record->has |= CORRAL_HAS_BLOCK_DELAY;
  struct signal_struct* signal = task->signal;
  if (signal->nr_threads > 1 || signal->sum_sched_runtime != 0) {
    struct walk walk;
    if (!add_threads(&walk))
      record->has &= CORRAL_HAS_VM_PEAK;  // of the others nobody knows
    record->used = walk.used;
    record->sums = walk.sums;
  } else {
    __builtin_memset(&record->used, 0, sizeof record->used);
    __builtin_memset(&record->sums, 0, sizeof record->sums);
#define OWN(field) task->field
    ADD_USED(&record->used, OWN);
#undef OWN
    add_own(&record->sums, task);
  }
  record->used.runtime_ns += uncounted(state, task);
  bpf_ringbuf_submit(record, wake_flag(state));
  return 0;
}

/// The current process as who is followed; 0: it is not.
static __always_inline struct corral_member* find_member(
    struct corral_member_key* key) {
  const __u32 zero = 0;
  struct corral_control* state = bpf_map_lookup_elem(&control, &zero);
  if (!state || !state->follows) return 0;
  return bpf_map_lookup_elem(&members, key);
}

/// Its last thread ends. Of a root that is kept, for who would else record it.
static __always_inline void leave(struct corral_member* member,
                                  struct corral_member_key* key,
                                  struct corral_job* job,
                                  struct corral_job* followed) {
  if (!job || !(member->state & CORRAL_ROOT)) {
    bpf_map_delete_elem(&members, key);
    return;
  }
  member->state |= CORRAL_ENDED;
  if (followed) __sync_fetch_and_add(&followed->roots, 1);
}

static __always_inline int on_exit(struct task_struct* task, bool is_last) {
  if (task->flags & PF_KTHREAD) return 0;
  struct corral_job* job = find_job(task);
  struct corral_member_key key = key_of_member(task);
  struct corral_member* member = find_member(&key);
  if (member && !(member->state & CORRAL_LEFT)) {
    struct corral_job* followed =
        job ? 0 : bpf_map_lookup_elem(&jobs, &member->cgroup);
    if (!job) job = followed;
    if (is_last) leave(member, &key, job, followed);
  }
  if (!job) return 0;
  return is_last ? finish(task, job) : pass(task);
}

/// Where the tracepoint tells which thread is the last (Linux 6.16): there the
/// memory is still there too.
SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_told, struct task_struct* task, bool group_dead) {
  return on_exit(task, group_dead);
}

/// Before that the function which taskstats has in the exit.
SEC("fentry/taskstats_exit")
int BPF_PROG(exit_hooked, struct task_struct* task, int group_dead) {
  return on_exit(task, group_dead != 0);
}

/// Attached while somebody is followed.
SEC("tp_btf/sched_process_fork")
int BPF_PROG(follow_child, struct task_struct* parent,
             struct task_struct* child) {
  if (child->pid != child->tgid) return 0;  // a thread
  struct corral_member_key key = key_of_member(parent);
  struct corral_member* member = bpf_map_lookup_elem(&members, &key);
  if (!member || member->state & CORRAL_LEFT) return 0;
  struct corral_job* job = bpf_map_lookup_elem(&jobs, &member->cgroup);
  if (!job) return 0;
  struct corral_member next = {.cgroup = member->cgroup,
                               .jid = member->jid,
                               .root = member->root,
                               .state = 0};
  struct corral_member_key child_key = key_of_member(child);
  if (bpf_map_update_elem(&members, &child_key, &next, BPF_ANY) != 0)
    __sync_fetch_and_add(&job->unfollowed, 1);
  return 0;
}
