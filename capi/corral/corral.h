/* SPDX-License-Identifier: Apache-2.0 */
/* libcorral: jobs of a Corral instance, for C (pkg-config: corral).
 *
 * A call returns 0 or a negative number of errno(3):
 *   -ESRCH        there is no such job
 *   -EPERM        you may not
 *   -EINVAL       the request contradicts itself
 *   -EBADF        a descriptor that the job is to have is not open
 *   -EEXIST       a live job of yours has the name
 *   -EOPNOTSUPP   the engine or the host cannot
 *   -EACCES       a sandboxed process asks for a job outside its sandbox
 *   -ENOENT       there is no such user
 *   -ESHUTDOWN    the job has ended
 *   -EAGAIN       a bound of the instance was reached
 *   -ECONNREFUSED no instance answers
 *   -ENOMEM       out of memory
 * corral_error() then says in a sentence what was wrong and what was expected.
 *
 * A connection is for one thread at a time, and not for a child after fork(2).
 * It outlives a restart of the supervisor. Nothing here throws, prints, ends
 * the process, or changes signals.
 *
 * Structures begin with their size, which the caller sets (CORRAL_INIT): what a
 * later version adds is not touched in the structures of an older program. */
#ifndef CORRAL_CORRAL_H
#define CORRAL_CORRAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A job's id; 0 is no job. */
typedef uint64_t corral_jid;

/* A connection to an instance. */
typedef struct corral corral;

/* A counter or time that nobody collected, or that there is not. */
#define CORRAL_ABSENT UINT64_MAX

/* struct corral_job job = CORRAL_INIT(job); */
#define CORRAL_INIT(variable) {.size = sizeof(variable)}

enum corral_state {
  CORRAL_PREPARING = 0,
  CORRAL_OPENING = 1,
  CORRAL_LAUNCHING = 2,
  CORRAL_RUNNING = 3,
  CORRAL_ENDING = 4,
  CORRAL_CLOSING = 5,
  CORRAL_REMOVING = 6,
  CORRAL_ENDED = 7
};

enum corral_limit {
  CORRAL_LIMIT_WALL = 1,      /* microseconds */
  CORRAL_LIMIT_CPU = 2,       /* microseconds, of the whole job */
  CORRAL_LIMIT_MEMORY = 3,    /* bytes, of the whole job */
  CORRAL_LIMIT_PROCESSES = 4, /* at a time */
  CORRAL_LIMIT_FILES = 5,     /* open, of each process */
  CORRAL_LIMIT_VIRTUAL = 6,   /* bytes, of each process */
  CORRAL_LIMIT_THREADS = 7,   /* of the whole job, at a time */
  CORRAL_LIMIT_FILE_SIZE = 8, /* bytes, of each file */
  CORRAL_LIMIT_CORE = 9,      /* bytes, of each core */
  CORRAL_LIMIT_LOCKED = 10,   /* bytes, of each process */
  CORRAL_LIMIT_IDLE = 11,     /* microseconds without processor time */
  CORRAL_LIMIT_SWAP = 12,     /* bytes, of the whole job */
  CORRAL_LIMIT_CPU_RATE = 13, /* percent of one processor */
  CORRAL_LIMIT_CPU_SET = 14,  /* a bit for each processor */
  CORRAL_LIMIT_IO_RATE = 15,  /* bytes a second of each disk */
  CORRAL_LIMIT_IO_OPS = 16    /* operations a second of each disk */
};

enum corral_target { CORRAL_ALL = 0, CORRAL_MAIN = 1 };

/* What a job is to be. It runs in the background, from a clean context. */
struct corral_spec {
  size_t size;
  const char* const* argv; /* ended by NULL; needed */
  const char* const* env; /* NAME=value, ended by NULL: its whole environment */
  const char* cwd;        /* absolute; NULL: / */
  const char* name;       /* NULL: none */
  const char* user;       /* name or number; NULL: oneself */
  int has_stdio;          /* 0: /dev/null and the job's log; else: */
  int stdio[3];           /* descriptors that it gets as 0, 1 and 2; -1: as
                             without */
  const char* project;    /* that it is charged to; NULL: none */
  const char* account;    /* of that project; NULL: none */
};

/* What is known of a job. */
struct corral_job {
  size_t size;
  corral_jid jid;
  char name[72];
  uid_t owner;
  int state; /* enum corral_state */
  int is_frozen;
  pid_t main_pid;      /* 0: it does not live */
  uint64_t created_us; /* since 1970 */
  uint64_t started_us; /* CORRAL_ABSENT: not yet */
  uint64_t ended_us;
  int has_status;     /* of an ended job: */
  int wait_status;    /* of its main process, as waitpid(2) gives it */
  int shell_code;     /* what a shell shows: exit code, 128 + signal, 125 */
  char result[32];    /* "exited", "over-limit", ...; "running" */
  char sentence[328]; /* the same for people */
};

/* What a job uses; each may be CORRAL_ABSENT. */
struct corral_usage {
  size_t size;
  uint64_t user_us;
  uint64_t system_us;
  uint64_t memory_bytes; /* now */
  uint64_t memory_peak_bytes;
  uint64_t read_bytes; /* storage */
  uint64_t write_bytes;
  uint64_t processes; /* now */
};

/* The version that the program runs with, "0.1.0". */
const char* corral_version(void);

/* Connects to the instance that listens at `socket`; NULL: the system instance
 * if it runs, else the user's private one. */
int corral_open(const char* socket, corral** connection);
void corral_close(corral* connection);
/* Of the last call that failed; "" if none has. Valid until the next call. */
const char* corral_error(const corral* connection);

int corral_create(corral* connection, const struct corral_spec* spec,
                  corral_jid* jid);
/* The live job of that name, or the youngest ended one; "" is no name. */
int corral_find(corral* connection, const char* name, corral_jid* jid);
/* The job that a process is in; 0: the calling process. */
int corral_find_by_pid(corral* connection, pid_t pid, corral_jid* jid);
int corral_show(corral* connection, corral_jid jid, struct corral_job* job);
int corral_get_usage(corral* connection, corral_jid jid,
                     struct corral_usage* usage);

/* The jobs that live, with a jid above `after`, in ascending order: at most
 * `room` of them. Returns how many; 0 is the end. */
ssize_t corral_list(corral* connection, corral_jid after, corral_jid* jids,
                    size_t room);
/* The living processes of a job, at most `room`. Returns how many there are. */
ssize_t corral_processes(corral* connection, corral_jid jid, pid_t* pids,
                         size_t room);

int corral_signal(corral* connection, corral_jid jid, int signal,
                  enum corral_target target);
/* To those of its processes that are in one process group. -ESRCH: none is. */
int corral_signal_group(corral* connection, corral_jid jid, pid_t group,
                        int signal);
/* Ends it: its own first signal, SIGKILL after `grace_us` (CORRAL_ABSENT: its
 * own grace). Returns when it was told to. */
int corral_end(corral* connection, corral_jid jid, uint64_t grace_us);
/* Waits for the end of a job, also across restarts of the supervisor, for at
 * most `patience_us` (CORRAL_ABSENT: for ever). 1: it has not ended yet. */
int corral_wait(corral* connection, corral_jid jid, uint64_t patience_us,
                struct corral_job* job);
int corral_freeze(corral* connection, corral_jid jid);
int corral_thaw(corral* connection, corral_jid jid);
/* CORRAL_ABSENT takes the limit away. 0 is a bound of core, locked and swap;
 * of the others it is -EINVAL, as is more than anybody can mean. */
int corral_set_limit(corral* connection, corral_jid jid,
                     enum corral_limit limit, uint64_t bound);

/* A packet socket of lines of JSON, one an event (org.corral.Manager1(5),
 * Subscribe). It is the caller's to close, and ends with the supervisor: then
 * subscribe again. */
int corral_subscribe(corral* connection, int* descriptor);

#ifdef __cplusplus
}
#endif

#endif
