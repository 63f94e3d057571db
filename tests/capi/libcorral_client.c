/* SPDX-License-Identifier: Apache-2.0 */
/* Uses all of libcorral: libcorral_client SOCKET. Prints one line a fact. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <corral/corral.h>

#define SAY(name, fact) printf("%s %lld\n", name, (long long)(fact))

/* What is refused before the instance is asked, or by it. */
static void misuse(corral* c, const struct corral_spec* from) {
  struct corral_spec spec = *from;
  corral_jid jid = 0, same = 0;
  spec.name = NULL;
  spec.has_stdio = 1;
  spec.stdio[0] = spec.stdio[1] = -1;
  spec.stdio[2] = 999;
  SAY("bad descriptor", corral_create(c, &spec, &jid) == -EBADF &&
                            strstr(corral_error(c), "descriptor 999"));
  spec.stdio[2] = -1;
  spec.has_lifetime = 1;
  spec.lifetime = 999;
  SAY("bad lifetime", corral_create(c, &spec, &jid) == -EBADF &&
                          strstr(corral_error(c), "descriptor 999"));
  spec.has_lifetime = 0;
  SAY("unnamed", corral_create(c, &spec, &jid) == 0);
  SAY("empty name", corral_find(c, "", &same) == -ESRCH);
  SAY("no text", corral_find(c, "\xff\xfe", &same) == -EINVAL &&
                     strstr(corral_error(c), "UTF-8"));
  SAY("no pidfd", corral_attach_pidfd(c, jid, -1, CORRAL_MOVE) == -EBADF &&
                      corral_attach_pidfd(c, jid, 999, CORRAL_MOVE) == -EBADF &&
                      strstr(corral_error(c), "descriptor 999"));
  SAY("no pidfd to leave", corral_detach_pidfd(c, -1, &same) == -EBADF &&
                               corral_detach_pidfd(c, 999, NULL) == -EBADF);
  SAY("no pidfd of a part",
      corral_attach_to_aggregate(c, "none", 1, 0, 999) == -EBADF);
  SAY("target", corral_signal(c, jid, SIGKILL, 77) == -EINVAL &&
                    strstr(corral_error(c), "target 77"));
  SAY("zero", corral_set_limit(c, jid, CORRAL_LIMIT_WALL, 0) == -EINVAL &&
                  strstr(corral_error(c), "'wall' is too small"));
  SAY("huge",
      corral_set_limit(c, jid, CORRAL_LIMIT_WALL, UINT64_MAX - 1) == -EINVAL &&
          strstr(corral_error(c), "at most 315360000000000"));
  SAY("no limit", corral_set_limit(c, jid, 99, 1) == -EINVAL &&
                      strstr(corral_error(c), "limit 99"));
  struct corral_job job = CORRAL_INIT(job);
  SAY("it lives", corral_show(c, jid, &job) == 0 && job.state < CORRAL_ENDING);
  SAY("its end", corral_end(c, jid, 0) == 0 &&
                     corral_wait(c, jid, CORRAL_ABSENT, &job) == 0);
}

/* A program that closes all that it has open closes the connection too, and its
 * number becomes another's. */
static void after_closing(const char* socket) {
  corral* c = NULL;
  corral_jid jid = 0;
  struct corral_job job = CORRAL_INIT(job);
  int ends[2];
  char byte;
  int kept = 0;
  corral_open(socket, &c);
  corral_list(c, 0, &jid, 1);
  closefrom(3);
  SAY("closed",
      corral_list(c, 0, &jid, 1) == -ENOTCONN && *corral_error(c) != 0);
  corral_close(c);
  corral_open(socket, &c);
  SAY("opened again", corral_show(c, 99, &job) == -ESRCH);
  closefrom(3);
  socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
  for (int i = 0; i < 8; ++i)
    dup(ends[0]);
  SAY("another's", corral_show(c, 99, &job) == -ENOTCONN &&
                       corral_wait(c, 99, 0, &job) == -ENOTCONN);
  corral_close(c);
  SAY("untouched", recv(ends[1], &byte, 1, 0) < 0 && errno == EAGAIN);
  for (int i = 3; i < 13; ++i)
    kept += fcntl(i, F_GETFD) >= 0;
  SAY("all open", kept == 10);
}

int main(int argc, char** argv) {
  corral* c = NULL;
  if (argc < 2 || strcmp(corral_version(), "0.1.0") != 0) return 2;
  SAY("nobody", corral_open("/nonexistent/private", &c) == -ECONNREFUSED && !c);
  if (corral_open(argv[1], &c) != 0) return 1;
  int events = -1;
  SAY("subscribe", corral_subscribe(c, &events));

  const char* words[] = {
      "sh", "-c", "trap 'exit 7' USR1; while :; do sleep 0.1; done", NULL};
  const char* environment[] = {"PATH=/usr/bin:/bin", NULL};
  struct corral_spec spec = CORRAL_INIT(spec);
  spec.argv = words;
  spec.env = environment;
  spec.name = "from-c";
  spec.project = "c-project";
  spec.account = "c-account";
  spec.domain = "c-nights";
  corral_jid jid = 0, same = 0;
  SAY("create", corral_create(c, &spec, &jid));
  struct corral_spec old = spec; /* of a program from before projects */
  old.size = offsetof(struct corral_spec, project);
  SAY("taken", corral_create(c, &old, &same) == -EEXIST);
  old.size -= 1;
  SAY("no spec", corral_create(c, &old, &same) == -EINVAL);
  SAY("taken again", corral_create(c, &spec, &same) == -EEXIST);
  SAY("says why", strstr(corral_error(c), "from-c") != NULL);
  SAY("find", corral_find(c, "from-c", &same) == 0 && same == jid);
  struct corral_job job = CORRAL_INIT(job);
  SAY("show", corral_show(c, jid, &job));
  SAY("named", strcmp(job.name, "from-c") == 0 && job.owner == getuid());
  SAY("running", job.state == CORRAL_RUNNING && job.ended_us == CORRAL_ABSENT);
  SAY("by pid", corral_find_by_pid(c, job.main_pid, &same) == 0 && same == jid);
  struct corral_usage usage = CORRAL_INIT(usage);
  SAY("usage", corral_get_usage(c, jid, &usage));
  pid_t pids[8];
  SAY("processes", corral_processes(c, jid, pids, 8) >= 1);
  corral_jid jids[8];
  SAY("list", corral_list(c, 0, jids, 8) == 1 && jids[0] == jid);
  SAY("end of list", corral_list(c, jid, jids, 8));
  SAY("wall", corral_set_limit(c, jid, CORRAL_LIMIT_WALL, 60000000));
  SAY("no wall", corral_set_limit(c, jid, CORRAL_LIMIT_WALL, CORRAL_ABSENT));
  SAY("not yet", corral_wait(c, jid, 1000, &job));
  int frozen = corral_freeze(c, jid);
  SAY("freeze", frozen == 0 || frozen == -EOPNOTSUPP);
  if (frozen == 0) corral_thaw(c, jid);
  usleep(300000); /* its trap is set */
  SAY("other group", corral_signal_group(c, jid, getpgrp(), SIGUSR1) == -ESRCH);
  pid_t group = getpgid(job.main_pid);
  SAY("group", corral_signal_group(c, jid, group, SIGCONT) == 0);
  SAY("probe", corral_signal(c, jid, 0, CORRAL_ALL) == 0 &&
                   corral_signal(c, jid, 0, CORRAL_MAIN) == 0 &&
                   corral_signal_group(c, jid, group, 0) == 0 &&
                   corral_signal_group(c, jid, getpgrp(), 0) == -ESRCH);
  SAY("signal", corral_signal(c, jid, SIGUSR1, CORRAL_MAIN));
  SAY("wait", corral_wait(c, jid, CORRAL_ABSENT, &job));
  SAY("status", job.has_status && WEXITSTATUS(job.wait_status) == 7 &&
                    job.shell_code == 7);
  SAY("ended", job.state == CORRAL_ENDED && strcmp(job.result, "exited") == 0);
  SAY("too late", corral_signal(c, jid, SIGTERM, CORRAL_ALL) == -ESHUTDOWN &&
                      corral_signal(c, jid, 0, CORRAL_ALL) == -ESHUTDOWN);
  SAY("end of another", corral_end(c, 99, CORRAL_ABSENT) == -ESRCH);

  misuse(c, &spec);

  /* An older program's structure is not written beyond. */
  struct corral_job small[2] = {CORRAL_INIT(small[0]), {0}};
  small[0].size = offsetof(struct corral_job, owner);
  small[0].owner = 4711;
  SAY("small", corral_show(c, jid, &small[0]) == 0 && small[0].owner == 4711);
  struct corral_job none = {0};
  SAY("no size", corral_show(c, jid, &none) == -EINVAL);

  char packet[65536];
  struct pollfd poll_of = {.fd = events, .events = POLLIN};
  int has_ended = 0;
  while (!has_ended && poll(&poll_of, 1, 5000) == 1) {
    ssize_t size = recv(events, packet, sizeof packet - 1, 0);
    if (size <= 0) break;
    packet[size] = 0;
    has_ended = strstr(packet, "\"event\":\"ended\"") != NULL;
  }
  SAY("event", has_ended);
  close(events);
  corral_close(c);
  after_closing(argv[1]);
  return 0;
}
