/* SPDX-License-Identifier: Apache-2.0 */
/* stopwatch FILE COMMAND [ARGUMENT...]: how long it takes from the start of the
 * command until nobody lives in the cgroup whose cgroup.events FILE is: as
 * milliseconds, on the standard output. It fails if the command does. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* A cgroup that was removed is empty. */
static int is_populated(int file) {
  char text[256] = {0};
  const ssize_t size = pread(file, text, sizeof text - 1, 0);
  return size > 0 && strstr(text, "populated 1") != NULL;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int file = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (file < 0) return 3;
  const double begin = now();
  const pid_t child = fork();
  if (child == 0) {
    (void)execvp(argv[2], argv + 2);
    _exit(127);
  }
  while (is_populated(file)) {
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 1000000};
    (void)nanosleep(&pause, NULL);
  }
  const double took = now() - begin;
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return 1;
  (void)printf("%.0f\n", took);
  return 0;
}
