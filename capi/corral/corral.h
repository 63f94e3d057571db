/* SPDX-License-Identifier: Apache-2.0 */
/* libcorral: jobs of a Corral instance, for C (pkg-config: corral).
 *
 * A call returns 0 or a negative number of errno(3):
 *   -ESRCH        there is no such job or process
 *   -EPERM        you may not
 *   -EINVAL       the request contradicts itself
 *   -EBADF        a descriptor that the call was given is not open
 *   -EEXIST       a live job of yours has the name
 *   -EOPNOTSUPP   the engine or the host cannot
 *   -EACCES       a sandboxed process asks for a job outside its sandbox
 *   -ENOENT       there is no such user, program or provider
 *   -ENOEXEC      the program cannot be executed
 *   -ECHILD       its process could not be made as it was to be
 *   -ESHUTDOWN    the job has ended
 *   -EAGAIN       a bound of the instance was reached
 *   -ECONNREFUSED no instance answers
 *   -ENOTCONN     the program closed the descriptor of the connection
 *   -ENOMEM       out of memory
 * corral_error() then says in a sentence what was wrong and what was expected.
 *
 * A connection is for one thread at a time, and not for a child after fork(2).
 * It outlives a restart of the supervisor. A program that closes all its
 * descriptors (closefrom(3)) closes the connection's too: its number is then
 * left to whoever has it, each call is -ENOTCONN, and what is left to do is
 * corral_close() and another corral_open(). Nothing here throws, prints, ends
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
  CORRAL_PREPARING = 0, /* its container is being made */
  CORRAL_OPENING = 1,   /* its start is being recorded */
  CORRAL_LAUNCHING = 2, /* its first process is being made */
  CORRAL_RUNNING = 3,   /* its main process lives, or it waits for others */
  CORRAL_ENDING = 4,    /* what is left of it is being ended */
  CORRAL_CLOSING = 5,   /* it is empty; its end is being recorded */
  CORRAL_REMOVING = 6,  /* its container is being removed */
  CORRAL_ENDED = 7      /* its result is known, and stays */
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

/* How a process that exists already becomes a member. */
enum corral_mode {
  CORRAL_MOVE = 0,    /* from outside of all jobs */
  CORRAL_NESTED = 1,  /* from the job that this one is nested in */
  CORRAL_LOGICAL = 2, /* followed where it is, without being moved */
  CORRAL_TRANSFER = 3 /* from another job, which it leaves */
};

enum corral_kind {
  CORRAL_DETACHED = 0, /* it runs argv */
  CORRAL_ATTACHED = 1  /* it has no argv: its processes are attached */
};

/* What happens to processes that outlive the main one; of a session: to who
 * is left when it is closed. */
enum corral_stragglers {
  CORRAL_STRAGGLERS = 0, /* as usual: ended; of a session: they stay */
  CORRAL_STRAGGLERS_END = 1,
  CORRAL_STRAGGLERS_KILL = 2,
  CORRAL_STRAGGLERS_LINGER = 3
};

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
  /* Since CORRAL_0.2, and so are all others that follow. */
  const char* const* limits; /* "cpu=1h:2h/signal=USR1", "processes=20", as
                                corral(1), --limit, has them; ended by NULL */
  int accepts_less;          /* a limit that this host cannot hold for the whole
                                job holds as far as it can; 0: -EOPNOTSUPP */
  const char* const* tags;   /* KEY or KEY=VALUE, ended by NULL */
  corral_jid parent;         /* that it is nested in; 0: none */
  corral_jid jid;            /* that it is to have; 0: the next */
  const char* array; /* "1-100%4": argv is run for each index, four at a time */
  int kind;          /* enum corral_kind */
  int stragglers;    /* enum corral_stragglers */
  int has_plan;      /* how it is ended; 0: SIGTERM, and SIGKILL after 5 s; */
  int first_signal;  /* else this signal, */
  uint64_t grace_us; /* and SIGKILL after this */
  const char* token; /* a request with a token that made a job is answered with
                        that job; NULL: a random one */
  const char* engine; /* "cgroup2", "subreaper", ...; NULL: the best */
  int has_lifetime;   /* it ends when its creator goes; 0: it lives on; else: */
  int lifetime;       /* one end of a socketpair(2) of which the creator keeps
                         the other, or a pidfd; no pipe */
  int delegates; /* its cgroup is its user's: for what makes cgroups itself;
                    engine "cgroup2" */
  const char* domain; /* that the site's limits are looked up in; NULL: as
                         usual. For those who may use began_us, and so is: */
  uint64_t began_us; /* when the job began that goes on in it from a checkpoint,
                        since 1970: its start is accounted as a restart; 0: it
                        begins here; for root, the instance's own user and the
                        site's schedulers */
};

/* What a login session is to be (Since CORRAL_0.2). */
struct corral_session {
  size_t size;
  const char* user; /* whose it is, name or number; needed */
  const char* service;
  const char* domain; /* NULL: that of the service */
  const char* project;
  const char* account;
  const char* const* limits; /* as in struct corral_spec, and so are: */
  int accepts_less;
  int stragglers;
  int has_plan;
  int first_signal;
  uint64_t grace_us;
  int mode;         /* enum corral_mode: move or logical */
  int nests;        /* a session of its own also within one */
  int has_lifetime; /* as in struct corral_spec: it is closed when its opener */
  int lifetime;     /* goes */
};

/* Of an array (CORRAL_0.2). */
struct corral_array {
  size_t size;
  char range[256];  /* as it was asked for, cut where it is longer */
  uint32_t members; /* that it is to have */
  uint32_t made;
  uint32_t living;
  uint32_t ended;
  uint32_t failed;  /* of those that ended: not with code 0 */
  uint32_t dropped; /* ended before they were made */
};

/* Which jobs are wanted (CORRAL_0.2): those of which all holds. */
struct corral_filter {
  size_t size;
  int has_owner;
  uid_t owner;
  int with_ended;          /* remembered ones too */
  corral_jid array;        /* this array and its members; 0: any */
  const char* const* tags; /* KEY=VALUE, or KEY with any value */
  const char* project;     /* NULL: any */
  const char* account;
};

/* A registration of an aggregate provider (CORRAL_0.2). */
struct corral_provider {
  size_t size;
  char name[72];
  uid_t owner;
  pid_t pid;       /* that registered it */
  char source[16]; /* "ebpf", "proc-connector" or "none" */
  uint64_t told;   /* events that its descriptor took */
  uint64_t waiting;
  uint64_t lost;
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
 * `room` of them, and at most 1000, however much room there is: ask again with
 * the last jid. Returns how many; 0 is the end. */
ssize_t corral_list(corral* connection, corral_jid after, corral_jid* jids,
                    size_t room);
/* The living processes of a job, at most `room`. Returns how many there are. */
ssize_t corral_processes(corral* connection, corral_jid jid, pid_t* pids,
                         size_t room);

/* Signal 0 is none, as in kill(2): returns 0 if another could be sent. */
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

/* --- CORRAL_0.2 --- */

/* The same of some classes of events only: "job", "limit"; ended by NULL. */
int corral_subscribe_to(corral* connection, const char* const* classes,
                        int* descriptor);

/* The jobs for which `filter` holds (NULL: all that live), with a jid above
 * `after`, in ascending order: at most `room` of them, and at most 100. The
 * size of the first is that of each. Returns how many; 0 is the end. */
ssize_t corral_list_jobs(corral* connection, const struct corral_filter* filter,
                         corral_jid after, struct corral_job* jobs,
                         size_t room);

/* Makes a process that exists already, with what it forks from then on, a
 * member; repeated it is done once. The pidfd stays the caller's. */
int corral_attach(corral* connection, corral_jid jid, pid_t pid,
                  enum corral_mode mode);
int corral_attach_pidfd(corral* connection, corral_jid jid, int pidfd,
                        enum corral_mode mode);
/* Takes it out of its job, which is told where `jid` is not NULL. */
int corral_detach(corral* connection, pid_t pid, corral_jid* jid);
int corral_detach_pidfd(corral* connection, int pidfd, corral_jid* jid);
/* Takes all out, so that the job ends. Returns how many there were. */
ssize_t corral_detach_all(corral* connection, corral_jid jid);

/* Limits as in struct corral_spec; "cpu=none" takes one away, and what is not
 * named stays. All of them or none. */
int corral_set_limits(corral* connection, corral_jid jid,
                      const char* const* limits, int accepts_less);
/* Those that it has, a line each, as corral_set_limits() takes them. Returns
 * the length of all, of which `room` - 1 were written, and a NUL. */
ssize_t corral_get_limits(corral* connection, corral_jid jid, char* text,
                          size_t room);

/* Of a job that was made with `array`; of another -EINVAL. A member is found
 * as "JID[INDEX]" or "NAME[INDEX]" (corral_find). */
int corral_show_array(corral* connection, corral_jid jid,
                      struct corral_array* array);
/* Ends one member as corral_end() does, or has it never made. */
int corral_end_member(corral* connection, corral_jid array, uint32_t index,
                      uint64_t grace_us);

/* Opens a session round a process of the login service (a pidfd), which is in
 * it with what it forks from then on. Asked again for the same it answers the
 * same; `is_existing` (may be NULL): another opened it, and closes it. */
int corral_open_session(corral* connection,
                        const struct corral_session* session, int leader,
                        corral_jid* jid, int* is_existing);
/* Its leader leaves it. Closing one that is closed is no error. */
int corral_close_session(corral* connection, corral_jid jid);

/* Makes the caller an aggregate provider (docs/PROVIDERS.md): `descriptor` is a
 * packet socket of lines of JSON about the processes of its aggregates; where
 * it did not read in time a line says how many events it lost. `events`:
 * "attach", "fork", "exec", "exit", "detach", "job", ended by NULL; NULL: all.
 * It lasts until it is unregistered, the descriptor or the connection is
 * closed, or the supervisor goes: then register and attach again. */
int corral_register_provider(corral* connection, const char* name,
                             const char* const* events, int* descriptor);
int corral_unregister_provider(corral* connection, const char* name);
/* -ENOENT: there is none of that name that one may see. */
int corral_show_provider(corral* connection, const char* name,
                         struct corral_provider* provider);
/* Puts a job, or where `jid` is 0 a process, into an aggregate: a number of the
 * provider's own choice. Repeated it is done once. */
int corral_attach_to_aggregate(corral* connection, const char* provider,
                               uint64_t aggregate, corral_jid jid, int pidfd);
int corral_detach_from_aggregate(corral* connection, const char* provider,
                                 uint64_t aggregate, corral_jid jid, int pidfd);

#ifdef __cplusplus
}
#endif

#endif
