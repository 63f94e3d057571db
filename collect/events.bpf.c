// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The programs in the kernel that tell aggregate providers of forks, execs and
// exits (docs/PROVIDERS.md). They are there only while a provider is that asks
// for these.
//
// Of a process that nobody watches they find that out and do no more: neither a
// cgroup around it nor the process itself has a slot, or none that wants it.
//
// Invariants:
//  - A child has its parent's slot before it runs, and loses it when its last
//    thread ends: a number that comes again is another's.
//  - The fork of a process is told before anything else of it: the tracepoint
//    comes before the child is woken.
//  - An event for which the ring has no room is counted in each slot that would
//    have been told.
//
// Only the fields of the kernel's types that are used stand here; the loader
// finds their places in the running kernel (CO-RE).
#include <linux/bpf.h>
// behind the types
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "sys/kernel_events.h"

#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004
#define MOST_LEVELS 32

char _license[] SEC("license") = "GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), \
                             apply_to = record)
struct kernfs_node {
  __u64 id;
};
struct cgroup_subsys_state {
  struct cgroup* cgroup;
  struct cgroup_subsys_state* parent;
};
struct cgroup {
  struct cgroup_subsys_state self;
  int level;
  struct kernfs_node* kn;
};
struct css_set {
  struct cgroup* dfl_cgrp;
};
struct signal_struct {
  int group_exit_code;
  unsigned int flags;
};
struct task_struct {
  unsigned int flags;
  int pid, tgid, exit_code;
  struct task_struct* group_leader;
  char comm[16];
  struct signal_struct* signal;
  struct css_set* cgroups;
};
struct linux_binprm;
#pragma clang attribute pop

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
} ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct corral_events_control);
} control SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, CORRAL_MOST_SLOTS);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct corral_slot);
} slots SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, CORRAL_MOST_SLOTS);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, __u32);
} cgroups SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, CORRAL_MOST_MEMBERS);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, __u32);
} members SEC(".maps");

/// The slot of the nearest watched cgroup around a task; 0: there is none.
static __always_inline __u32 slot_around(struct task_struct* task) {
  struct cgroup* group = BPF_CORE_READ(task, cgroups, dfl_cgrp);
  for (int i = 0; i < MOST_LEVELS && group; ++i) {
    __u64 id = BPF_CORE_READ(group, kn, id);
    __u32* slot = bpf_map_lookup_elem(&cgroups, &id);
    if (slot) return *slot;
    struct cgroup_subsys_state* above = BPF_CORE_READ(group, self.parent);
    if (!above) return 0;
    group = BPF_CORE_READ(above, cgroup);
  }
  return 0;
}

static __always_inline __u32 slot_of_member(__u32 number) {
  __u32* slot = bpf_map_lookup_elem(&members, &number);
  return slot ? *slot : 0;
}

static __always_inline struct corral_slot* wanting(__u32 number, __u32 kind) {
  if (!number) return 0;
  struct corral_slot* slot = bpf_map_lookup_elem(&slots, &number);
  return slot && (slot->wants >> kind & 1) ? slot : 0;
}

/// Room for an event, if a slot wants it.
static __always_inline struct corral_event* begin(__u32 kind, __u32 job_slot,
                                                  __u32 member_slot) {
  struct corral_slot* job = wanting(job_slot, kind);
  struct corral_slot* member = wanting(member_slot, kind);
  if (!job && !member) return 0;
  struct corral_event* event = bpf_ringbuf_reserve(&ring, sizeof *event, 0);
  if (event) {
    event->boot_ns = bpf_ktime_get_boot_ns();
    event->kind = kind;
    event->job_slot = job_slot;
    event->member_slot = member_slot;
    event->parent_slot = 0;
    event->other = 0;
    event->status = 0;
    event->zero = 0;
    return event;
  }
  const __u32 zero = 0;
  struct corral_events_control* state = bpf_map_lookup_elem(&control, &zero);
  if (job && kind < CORRAL_EVENT_KINDS)
    __sync_fetch_and_add(&job->lost[kind], 1);
  if (member && kind < CORRAL_EVENT_KINDS)
    __sync_fetch_and_add(&member->lost[kind], 1);
  if (state) __sync_fetch_and_add(&state->lost, 1);
  return 0;
}

static __always_inline void end(struct corral_event* event) {
  const __u32 zero = 0;
  struct corral_events_control* state = bpf_map_lookup_elem(&control, &zero);
  __u64 flag = BPF_RB_NO_WAKEUP;
  if (state && state->is_armed) {
    state->is_armed = 0;
    flag = BPF_RB_FORCE_WAKEUP;
  }
  bpf_ringbuf_submit(event, flag);
}

/// The child is its parent's provider's too.
static __always_inline void inherit(__u32 slot, __u32 child) {
  if (bpf_map_update_elem(&members, &child, &slot, BPF_ANY) == 0) return;
  const __u32 zero = 0;
  struct corral_slot* full = bpf_map_lookup_elem(&slots, &slot);
  struct corral_events_control* state = bpf_map_lookup_elem(&control, &zero);
  if (full) __sync_fetch_and_add(&full->unfollowed, 1);
  if (state) __sync_fetch_and_add(&state->lost, 1);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(forked, struct task_struct* parent, struct task_struct* child) {
  if (child->pid != child->tgid || parent->flags & PF_KTHREAD) return 0;
  __u32 member_slot = slot_of_member(parent->tgid);
  __u32 job_slot = slot_around(parent);
  __u32 child_slot = slot_around(child);
  if (member_slot) inherit(member_slot, child->tgid);
  struct corral_event* event = begin(CORRAL_EVENT_FORK, job_slot, member_slot);
  if (event) {
    event->pid = parent->tgid;
    event->other = child->tgid;
    __builtin_memcpy(event->comm, child->comm, sizeof event->comm);
    end(event);
  }
  if (child_slot == job_slot) return 0;
  event = begin(CORRAL_EVENT_ENTER, child_slot, 0);
  if (!event) return 0;
  event->parent_slot = job_slot;
  event->pid = child->tgid;
  event->other = parent->tgid;
  __builtin_memcpy(event->comm, child->comm, sizeof event->comm);
  end(event);
  return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(executed, struct task_struct* task, int old_pid,
             struct linux_binprm* binprm) {
  struct corral_event* event =
      begin(CORRAL_EVENT_EXEC, slot_around(task), slot_of_member(task->tgid));
  if (!event) return 0;
  event->pid = task->tgid;
  __builtin_memcpy(event->comm, task->comm, sizeof event->comm);
  end(event);
  return 0;
}

static __always_inline int on_exit(struct task_struct* task, bool is_last) {
  if (!is_last || task->flags & PF_KTHREAD) return 0;
  __u32 number = task->tgid;
  __u32 member_slot = slot_of_member(number);
  if (member_slot) bpf_map_delete_elem(&members, &number);
  struct corral_event* event =
      begin(CORRAL_EVENT_EXIT, slot_around(task), member_slot);
  if (!event) return 0;
  struct task_struct* leader = task->group_leader;
  struct signal_struct* signal = task->signal;
  event->pid = number;
  event->status = (signal->flags & SIGNAL_GROUP_EXIT) ? signal->group_exit_code
                                                      : leader->exit_code;
  __builtin_memcpy(event->comm, leader->comm, sizeof event->comm);
  end(event);
  return 0;
}

/// Where the tracepoint tells which thread is the last (Linux 6.16).
SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_told, struct task_struct* task, bool group_dead) {
  return on_exit(task, group_dead);
}

/// Before that the function which taskstats has in the exit.
SEC("fentry/taskstats_exit")
int BPF_PROG(exit_hooked, struct task_struct* task, int group_dead) {
  return on_exit(task, group_dead != 0);
}
