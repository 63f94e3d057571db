/* SPDX-License-Identifier: Apache-2.0 */
/* Uses what libcorral has since CORRAL_0.2: libcorral_members SOCKET HAS_CGROUP
 * Prints one line a fact, each 1 if it is so. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <corral/corral.h>

#define SAY(name, fact) printf("%s %d\n", name, (fact) ? 1 : 0)

static const char* const sleeps[] = {"sleep", "1000", NULL};
static const char* const environment[] = {"PATH=/usr/bin:/bin", NULL};

static struct corral_spec sleeper(void) {
  struct corral_spec spec = CORRAL_INIT(spec);
  spec.argv = sleeps;
  spec.env = environment;
  return spec;
}

static void limits(corral* c) {
  struct corral_spec spec = sleeper();
  const char* const wanted[] = {"wall=2h:1h", NULL};
  const char* const right[] = {"wall=1h:2h", "files=100", NULL};
  const char* const tags[] = {"night=1", NULL};
  const char* const no_wall[] = {"wall=none", NULL};
  corral_jid jid = 0;
  char text[256];
  spec.limits = wanted;
  SAY("limits refused", corral_create(c, &spec, &jid) == -EINVAL &&
                            strstr(corral_error(c), "soft bound"));
  spec.limits = right;
  spec.tags = tags;
  SAY("with limits", corral_create(c, &spec, &jid) == 0);
  SAY("they are told", corral_get_limits(c, jid, text, sizeof text) > 0 &&
                           strstr(text, "wall=3600000000us:7200000000us") &&
                           strstr(text, "files=100"));
  SAY("their length",
      corral_get_limits(c, jid, NULL, 0) == (ssize_t)strlen(text));
  SAY("one is taken away", corral_set_limits(c, jid, no_wall, 0) == 0 &&
                               corral_get_limits(c, jid, text, 256) > 0 &&
                               !strstr(text, "wall"));
  struct corral_filter filter = CORRAL_INIT(filter);
  filter.tags = tags;
  struct corral_job jobs[4] = {CORRAL_INIT(jobs[0])};
  SAY("found by its tag",
      corral_list_jobs(c, &filter, 0, jobs, 4) == 1 && jobs[0].jid == jid);
  SAY("the end", corral_list_jobs(c, &filter, jid, jobs, 4) == 0);
  corral_end(c, jid, 0);
}

static void lifetime(corral* c) {
  struct corral_spec spec = sleeper();
  struct corral_job job = CORRAL_INIT(job);
  corral_jid jid = 0;
  int ends[2];
  if (pipe(ends) < 0) exit(2);
  spec.has_lifetime = 1;
  spec.lifetime = ends[0];
  SAY("no lifeline", corral_create(c, &spec, &jid) == -EINVAL &&
                         strstr(corral_error(c), "'Lifetime'"));
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) exit(2);
  spec.lifetime = ends[0];
  SAY("a lifeline", corral_create(c, &spec, &jid) == 0);
  SAY("it lives", corral_wait(c, jid, 200000, &job) == 1);
  close(ends[1]);
  SAY("and ends with it", corral_wait(c, jid, 20000000, &job) == 0 &&
                              strstr(job.sentence, "its creator's end"));
  close(ends[0]);
}

/* The cgroup of a process ends in "/own" where the job's is its user's. */
static int is_in_own(pid_t pid) {
  char text[4096];
  snprintf(text, sizeof text, "/proc/%d/cgroup", pid);
  FILE* file = fopen(text, "r");
  if (file == NULL) return 0;
  const size_t size = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[size] = '\0';
  return strstr(text, "/own") != NULL;
}

static void delegated(corral* c) {
  struct corral_spec spec = sleeper();
  corral_jid jid = 0;
  pid_t pids[2];
  spec.delegates = 1;
  SAY("delegated", corral_create(c, &spec, &jid) == 0 &&
                       corral_processes(c, jid, pids, 2) == 1 &&
                       is_in_own(pids[0]));
  corral_end(c, jid, 0);
}

static void restarted(corral* c) {
  struct corral_spec spec = sleeper();
  corral_jid jid = 0;
  spec.began_us = UINT64_MAX / 4;
  SAY("no later than now", corral_create(c, &spec, &jid) == -EINVAL &&
                               strstr(corral_error(c), "later than now"));
  spec.began_us = 1000000000000000;
  SAY("restarted", corral_create(c, &spec, &jid) == 0);
  corral_end(c, jid, 0);
}

static void arrays(corral* c) {
  struct corral_spec spec = sleeper();
  struct corral_job job = CORRAL_INIT(job);
  struct corral_array array = CORRAL_INIT(array);
  corral_jid jid = 0, member = 0;
  spec.array = "1-";
  SAY("no array", corral_create(c, &spec, &jid) == -EINVAL);
  spec.array = "1-3";
  spec.name = "many";
  SAY("an array", corral_create(c, &spec, &jid) == 0);
  for (int i = 0; i < 100 && array.living < 3; ++i, usleep(50000))
    corral_show_array(c, jid, &array);
  SAY("its members", array.members == 3 && array.living == 3);
  SAY("one by name", corral_find(c, "many[2]", &member) == 0 && member != jid);
  SAY("no array of it", corral_show_array(c, member, &array) == -EINVAL);
  SAY("one ends", corral_end_member(c, jid, 2, 0) == 0 &&
                      corral_wait(c, member, 20000000, &job) == 0);
  SAY("all end",
      corral_end(c, jid, 0) == 0 && corral_wait(c, jid, 20000000, &job) == 0);
}

static pid_t child(void) {
  pid_t pid = fork();
  if (pid == 0) {
    execvp(sleeps[0], (char* const*)sleeps);
    _exit(127);
  }
  return pid;
}

static void members(corral* c) {
  struct corral_spec spec = sleeper();
  struct corral_session session = CORRAL_INIT(session);
  struct corral_job job = CORRAL_INIT(job);
  corral_jid jid = 0, left = 0, again = 0;
  int is_existing = 1, ends[2];
  pid_t pids[8];
  const pid_t one = child(), two = child();
  const int pidfd = (int)syscall(SYS_pidfd_open, two, 0);
  corral_create(c, &spec, &jid);
  SAY("attach", corral_attach(c, jid, one, CORRAL_MOVE) == 0);
  SAY("attach by pidfd", corral_attach_pidfd(c, jid, pidfd, CORRAL_MOVE) == 0);
  SAY("all three", corral_processes(c, jid, pids, 8) == 3);
  SAY("a mode", corral_attach(c, jid, one, 77) == -EINVAL &&
                    strstr(corral_error(c), "mode 77"));
  SAY("no process", corral_attach(c, jid, 0x3fffffff, CORRAL_MOVE) == -ESRCH);
  SAY("detach", corral_detach(c, one, &left) == 0 && left == jid);
  SAY("detach by pidfd", corral_detach_pidfd(c, pidfd, NULL) == 0);
  SAY("one is left", corral_processes(c, jid, pids, 8) == 1);
  SAY("all out", corral_detach_all(c, jid) == 1);
  SAY("no user",
      corral_open_session(c, &session, pidfd, &jid, NULL) == -EINVAL);
  session.user = "0";
  session.service = "test";
  SAY("session",
      corral_open_session(c, &session, pidfd, &jid, &is_existing) == 0 &&
          !is_existing);
  SAY("asked again",
      corral_open_session(c, &session, pidfd, &again, &is_existing) == 0 &&
          again == jid && !is_existing);
  SAY("closed", corral_close_session(c, jid) == 0);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0) exit(2);
  session.has_lifetime = 1;
  session.lifetime = ends[0];
  SAY("with a lifeline",
      corral_open_session(c, &session, pidfd, &jid, &is_existing) == 0 &&
          !is_existing);
  close(ends[1]);
  SAY("closed with it", corral_wait(c, jid, 20000000, &job) == 0 &&
                            strcmp(job.result, "closed") == 0);
  close(ends[0]);
  kill(pids[0], SIGKILL);
  kill(one, SIGKILL);
  kill(two, SIGKILL);
}

/* Reads lines until one has the word. */
static int is_told(int stream, const char* word) {
  char packet[65536];
  struct pollfd poll_of = {.fd = stream, .events = POLLIN};
  while (poll(&poll_of, 1, 5000) == 1) {
    const ssize_t size = recv(stream, packet, sizeof packet - 1, 0);
    if (size <= 0) return 0;
    packet[size] = 0;
    if (strstr(packet, word)) return 1;
  }
  return 0;
}

static void providers(corral* c) {
  struct corral_spec spec = sleeper();
  struct corral_provider provider = CORRAL_INIT(provider);
  const char* const events[] = {"job", NULL};
  const char* const wrong[] = {"nothing", NULL};
  int stream = -1;
  corral_jid jid = 0;
  corral_create(c, &spec, &jid);
  SAY("no event",
      corral_register_provider(c, "c-test", wrong, &stream) == -EINVAL);
  SAY("register", corral_register_provider(c, "c-test", events, &stream) == 0);
  SAY("begin", is_told(stream, "\"begin\""));
  SAY("into it", corral_attach_to_aggregate(c, "c-test", 7, jid, -1) == 0);
  SAY("not into no job",
      corral_attach_to_aggregate(c, "c-test", 7, 12345, -1) == -ESRCH);
  SAY("out of it", corral_detach_from_aggregate(c, "c-test", 7, jid, -1) == 0);
  SAY("once", corral_detach_from_aggregate(c, "c-test", 7, jid, -1) < 0);
  SAY("into it again",
      corral_attach_to_aggregate(c, "c-test", 7, jid, -1) == 0);
  corral_end(c, jid, 0);
  SAY("of its end", is_told(stream, "\"ended\""));
  SAY("what it lost", corral_show_provider(c, "c-test", &provider) == 0 &&
                          provider.lost == 0 && provider.told > 0 &&
                          provider.pid == getpid());
  SAY("unregister", corral_unregister_provider(c, "c-test") == 0);
  SAY("gone", corral_show_provider(c, "c-test", &provider) == -ENOENT);
  close(stream);
  const char* const classes[] = {"limit", NULL};
  SAY("subscribe", corral_subscribe_to(c, classes, &stream) == 0);
  close(stream);
}

int main(int argc, char** argv) {
  corral* c = NULL;
  if (argc < 3 || corral_open(argv[1], &c) != 0) return 1;
  limits(c);
  lifetime(c);
  arrays(c);
  restarted(c);
  providers(c);
  if (strcmp(argv[2], "1") == 0) {
    delegated(c);
    members(c);
  }
  corral_close(c);
  return 0;
}
