/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the programs in the kernel that tell of forks, execs and exits
 * (collect/events.bpf.c) and their reader have in common: C, as both include
 * it. All is in this machine's byte order.
 *
 *   ring     corral_event, in the order in which it happened to each process
 *   control  one corral_events_control, mapped by both
 *   slots    array of corral_slot, mapped by both: what is watched, by number;
 *            0 is none
 *   cgroups  id of a cgroup (that of a job) -> its slot
 *   members  number of a process -> its slot: the kernel gives a child its
 *            parent's
 */
#pragma once

/* NOLINTBEGIN: it is C */

#ifdef __bpf__
typedef unsigned long long corral_event_u64;
typedef unsigned int corral_event_u32;
typedef int corral_event_s32;
#else
#include <stdint.h>
typedef uint64_t corral_event_u64;
typedef uint32_t corral_event_u32;
typedef int32_t corral_event_s32;
#endif

/* ENTER: born into a cgroup that is not its parent's. */
#define CORRAL_EVENT_ENTER 0U
#define CORRAL_EVENT_FORK 1U
#define CORRAL_EVENT_EXEC 2U
#define CORRAL_EVENT_EXIT 3U
#define CORRAL_EVENT_KINDS 4U

#define CORRAL_MOST_SLOTS 16384U
#define CORRAL_MOST_MEMBERS 65536U

struct corral_event {
  corral_event_u64 boot_ns;     /* CLOCK_BOOTTIME */
  corral_event_u32 kind;        /* CORRAL_EVENT_* */
  corral_event_u32 job_slot;    /* of the nearest watched cgroup around it */
  corral_event_u32 member_slot; /* of the process itself */
  corral_event_u32 parent_slot; /* ENTER: job_slot of the parent */
  corral_event_s32 pid;
  corral_event_s32 other;  /* FORK: the child; ENTER: the parent */
  corral_event_s32 status; /* EXIT: as wait(2) gives it */
  corral_event_u32 zero;
  char comm[16];
};

struct corral_slot {
  corral_event_u64 lost[CORRAL_EVENT_KINDS]; /* the ring was full */
  corral_event_u64 unfollowed; /* children for whom `members` had no room */
  corral_event_u64 wants;      /* bits 1 << kind: others are not told */
};

struct corral_events_control {
  corral_event_u64 lost;      /* of all slots, `unfollowed` too */
  corral_event_u64 ring_size; /* bytes; by who loads it */
  corral_event_u32 is_armed;  /* set by the reader when it is about to sleep */
  corral_event_u32 zero;
};

/* The descriptors that corral-collect hands over, in this order. The programs
 * end when all of their links are closed. */
enum corral_event_part {
  CORRAL_PART_FORK,
  CORRAL_PART_EXEC,
  CORRAL_PART_EXIT,
  CORRAL_PART_RING,
  CORRAL_PART_CONTROL,
  CORRAL_PART_SLOTS,
  CORRAL_PART_CGROUPS,
  CORRAL_PART_MEMBERS,
  CORRAL_EVENT_PARTS
};
/* NOLINTEND */
