/* SPDX-License-Identifier: Apache-2.0 */
/* Makes orphans for the init of a pid namespace, as its one child.
 *
 *   bench-orphans COUNT BATCH
 *
 * Each batch is forked by a process that ends, so that the batch falls to pid
 * 1; then all of it ends at once, and the time until pid 1 has reaped the last
 * is its drain time. Prints: microseconds of drain an orphan, the worst batch
 * in milliseconds, and the init's CPU time an orphan in microseconds (from its
 * schedstat, so that /proc must be the namespace's own; -1 where there is
 * none). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* What pid 1 has used, in microseconds; below 0: nobody tells. */
static double init_cpu_us(void) {
  char text[64] = "";
  const int fd = open("/proc/1/schedstat", O_RDONLY);
  const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) (void)close(fd);
  return size <= 0 ? -1 : (double)strtoull(text, NULL, 10) / 1e3;
}

/* A batch in a process group of its own, waiting for the gate to close. */
static pid_t make_batch(int batch, const int* gate) {
  char byte;
  const pid_t parent = fork();
  if (parent == 0) {
    (void)setpgid(0, 0);
    (void)close(gate[1]);
    for (int i = 0; i < batch; ++i) {
      const pid_t child = fork();
      if (child < 0) _exit(1);
      if (child == 0) {
        (void)!read(gate[0], &byte, 1);
        _exit(0);
      }
    }
    _exit(0);
  }
  int status = 0;
  if (parent < 0 || waitpid(parent, &status, 0) != parent || status != 0)
    return -1;
  return parent;
}

/* Until nobody of the group is left, zombies included. No descriptor tells
 * that on an old kernel, and a look now and then is cheap. */
static void await_reaped(pid_t group) {
  const struct timespec pause = {.tv_nsec = 200000};
  while (kill(-group, 0) == 0 || errno != ESRCH)
    (void)nanosleep(&pause, NULL);
}

int main(int argc, char** argv) {
  const int count = argc == 3 ? atoi(argv[1]) : 0;
  const int batch = argc == 3 ? atoi(argv[2]) : 0;
  if (batch < 1 || count < batch) return 2;
  double drained = 0;
  double worst = 0;
  int made = 0;
  const double cpu_before = init_cpu_us();
  while (made < count) {
    int gate[2];
    if (pipe(gate)) return 1;
    const pid_t group = make_batch(batch, gate);
    if (group < 0) {
      perror("a batch");
      return 1;
    }
    (void)close(gate[0]);
    const double begin = now_us();
    (void)close(gate[1]);
    await_reaped(group);
    const double took = now_us() - begin;
    drained += took;
    if (took > worst) worst = took;
    made += batch;
  }
  const double cpu_after = init_cpu_us();
  printf("%.2f %.1f %.2f\n", drained / made, worst / 1000,
         cpu_before < 0 ? -1 : (cpu_after - cpu_before) / made);
  return 0;
}
