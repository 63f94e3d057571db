/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that end as fast as the machine can have them end.
 *
 *   exits fork COUNT             fork and _exit
 *   exits vfork COUNT            vfork and _exit: the most that there can be
 *   exits exec COUNT PROGRAM     vfork, exec, exit
 *
 * Two at a time. Prints how many ended a second. */
#define _DEFAULT_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static pid_t one(char** program, char** environment, int is_vfork) {
  pid_t pid = -1;
  if (program == NULL) {
    pid = is_vfork ? vfork() : fork();
    if (pid == 0) _exit(0);
    return pid;
  }
  return posix_spawn(&pid, program[0], NULL, NULL, program, environment) == 0
             ? pid
             : -1;
}

static int burn(long count, char** program, char** environment, int is_vfork) {
  long i;
  for (i = 0; i < count; ++i) {
    const pid_t pid = one(program, environment, is_vfork);
    if (pid < 0 || waitpid(pid, NULL, 0) != pid) return 1;
  }
  return 0;
}

int main(int argc, char** argv, char** environment) {
  const int is_exec = argc == 4 && strcmp(argv[1], "exec") == 0;
  const int is_vfork = argc == 3 && strcmp(argv[1], "vfork") == 0;
  char** const program = is_exec ? argv + 3 : NULL;
  const long count = argc >= 3 ? atol(argv[2]) / 2 : 0;
  int failures = 0;
  int status = 0;
  int i;
  double begin;
  if (count <= 0) return 2;
  begin = now();
  for (i = 0; i < 2; ++i)
    if (fork() == 0) _exit(burn(count, program, environment, is_vfork));
  while (wait(&status) > 0)
    failures += status != 0;
  printf("%.1f\n", (double)(2 * count) / (now() - begin));
  return failures;
}
