/* SPDX-License-Identifier: Apache-2.0 */
/* A program as it was written for SGI's libjob: what Slurm's proctrack/sgi_job
 * called, and the rest. libjob_client MODE [JID]: prints what it was told. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <job.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char* what) {
  printf("%s: errno %s\n", what, strerrorname_np(errno));
  return 1;
}

static int show(jid_t jid) {
  pid_t pids[64];
  int count = job_getpidlist(jid, pids, sizeof pids);
  if (count < 0) return fail("job_getpidlist");
  printf("uid %u\n", (unsigned)job_getuid(jid));
  printf("prime is listed %d\n", ({
           int found = 0;
           pid_t prime = job_getprimepid(jid);
           for (int i = 0; i < count; ++i)
             found |= pids[i] == prime;
           found;
         }));
  printf("processes %d of %d\n", count, job_getpidcnt(jid));
  printf("cut to %d\n", job_getpidlist(jid, pids, (int)sizeof pids[0]));
  printf("job of a process %d\n", getjid(pids[0]) == jid);
  return 0;
}

static int list(jid_t jid) {
  jid_t jids[64];
  int count = job_getjidlist(jids, sizeof jids);
  int found = 0;
  if (count < 0) return fail("job_getjidlist");
  for (int i = 0; i < count; ++i)
    found |= jids[i] == jid;
  printf("listed %d, counted %d\n", found, job_getjidcnt() == count);
  return 0;
}

static int wait_for(jid_t jid) {
  int status = -1;
  if (job_waitjid(jid, &status, 0) != jid) return fail("job_waitjid");
  if (status == JOB_NO_STATUS && !WIFEXITED(status) && !WIFSIGNALED(status))
    printf("no status\n");
  else if (WIFSIGNALED(status))
    printf("signal %d\n", WTERMSIG(status));
  else
    printf("exit %d\n", WEXITSTATUS(status));
  return 0;
}

/* The connection of a parent is not its child's. */
static int across_fork(jid_t jid) {
  if (job_getuid(jid) == (uid_t)-1) return fail("job_getuid");
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) _exit(job_getpidcnt(jid) > 0 ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  printf("in the child %d, in the parent %d\n", status == 0,
         job_getpidcnt(jid) > 0);
  return 0;
}

static void* count_for_ever(void* unused) {
  for (;;)
    job_getjidcnt();
  return unused;
}

/* A child whose parent's other threads were in the library asks, too. */
static int across_forks(void) {
  pthread_t threads[2];
  int answered = 0;
  for (int i = 0; i < 2; ++i)
    pthread_create(&threads[i], NULL, count_for_ever, NULL);
  for (int i = 0; i < 40; ++i) {
    pid_t child = fork();
    if (child == 0) {
      alarm(5);
      _exit(job_getjidcnt() >= 0 ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    if (status != 0) break;
    ++answered;
  }
  printf("%d children answered\n", answered);
  return 0;
}

static void* wait_in_thread(void* jid) {
  return (void*)(intptr_t)(job_waitjid(*(jid_t*)jid, NULL, 0) == *(jid_t*)jid);
}

/* One thread waits for the job, and does not keep another from ending it. */
static int in_threads(jid_t jid) {
  pthread_t thread;
  void* waited = NULL;
  pthread_create(&thread, NULL, wait_in_thread, &jid);
  usleep(300000);
  alarm(20);
  printf("counted %d, ", job_getpidcnt(jid) > 0);
  printf("killed %d, ", job_killjid(jid, SIGKILL) == 0);
  pthread_join(thread, &waited);
  printf("waited %d\n", waited != NULL);
  return 0;
}

/* A daemon closes what it has open, of which this library knows nothing; and
 * the numbers become others' meanwhile. */
static int after_closing(void) {
  int ends[2];
  char byte;
  int kept = 0;
  if (job_getjidcnt() < 0) return fail("job_getjidcnt");
  closefrom(3);
  printf("closed %d, ", job_getjidcnt() >= 0);
  closefrom(3);
  socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
  for (int i = 0; i < 16; ++i)
    dup(ends[0]);
  alarm(10);
  printf("another's %d, ", job_getjidcnt() >= 0 && job_getjidcnt() >= 0);
  printf("untouched %d, ", recv(ends[1], &byte, 1, 0) < 0 && errno == EAGAIN);
  for (int i = 3; i < 21; ++i)
    kept += fcntl(i, F_GETFD) >= 0;
  printf("kept %d\n", kept);
  return 0;
}

static int misuse(jid_t jid) {
  printf("options %d ", (int)job_waitjid(jid, NULL, 1));
  fail("");
  printf("signal %d ", job_killjid(jid, -1));
  fail("");
  printf("probe %d\n", job_killjid(jid, 0));
  printf("unknown %d ", job_killjid(12345, SIGTERM));
  fail("");
  printf("runcsa %d ", job_runcsa(1));
  fail("");
  return 0;
}

/* A process that makes itself a job, brings another in and lets it go. */
static int attach(pid_t other) {
  jid_t jid = makenewjob(0, geteuid());
  if (jid == (jid_t)-1) return fail("job_create");
  printf("in it %d\n", job_getjid(0) == jid);
  printf("hid %d\n", job_sethid((unsigned)(jid >> 32)));
  printf("another hid %d ", job_sethid(77));
  fail("");
  printf("attach %d\n", job_attachpid(other, jid) == jid);
  printf("processes %d\n", job_getpidcnt(jid));
  printf("again %d\n", job_attachpid(other, jid) == jid);
  printf("detach %d\n", job_detachpid(other) == jid);
  printf("detach again %d ", (int)job_detachpid(other));
  fail("");
  printf("no job %d ", (int)job_attachpid(other, 12345));
  fail("");
  printf("no process %d ", (int)job_attachpid(0x3ffffff, jid));
  fail("");
  jid_t second = makenewjob(0, geteuid());
  printf("another %d, in it %d\n", second != jid, job_getjid(0) == second);
  printf("used %d ", (int)job_create(second, geteuid(), 0));
  fail("");
  printf("foreign %d ", (int)job_create(0x700000001, geteuid(), 0));
  fail("");
  jid_t third = job_create(second + 5000, geteuid(), 0);
  printf("requested %d, in it %d\n", third == second + 5000,
         job_getjid(0) == third);
  printf("detached %d\n", job_detachjid(third));
  return 0;
}

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "";
  jid_t jid = argc > 2 ? strtoull(argv[2], NULL, 16) : 0;
  if (!strcmp(mode, "show")) return show(jid);
  if (!strcmp(mode, "list")) return list(jid);
  if (!strcmp(mode, "wait")) return wait_for(jid);
  if (!strcmp(mode, "fork")) return across_fork(jid);
  if (!strcmp(mode, "forks")) return across_forks();
  if (!strcmp(mode, "make"))
    return job_create(0, geteuid(), 0) == (jid_t)-1 ? fail("job_create") : 0;
  if (!strcmp(mode, "threads")) return in_threads(jid);
  if (!strcmp(mode, "closed")) return after_closing();
  if (!strcmp(mode, "misuse")) return misuse(jid);
  if (!strcmp(mode, "attach")) return attach((pid_t)strtol(argv[2], NULL, 10));
  if (!strcmp(mode, "self")) {
    jid_t own = job_getjid(0);
    if (own == (jid_t)-1) return fail("job_getjid");
    printf("0x%" PRIx64 "\n", own);
    return 0;
  }
  if (!strcmp(mode, "kill"))
    return killjob(jid, SIGUSR1) ? fail("job_killjid") : 0;
  return 2;
}
