/* SPDX-License-Identifier: Apache-2.0 */
/* A crowd of processes that is to be killed.
 *
 *   bench-crowd COUNT [churn]
 *       COUNT sleeping processes, or with `churn` as many that all fork and end
 *       without a pause, each of its child; says "ready" when all are there.
 *       With `grow` more are made until it is killed, as many again at most */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static void churn(void) {
  for (;;)
    if (fork() > 0) _exit(0);
}

/* Returns in nobody. */
static void make_crowd(int count, int is_churning, int is_growing) {
  for (int i = 1; i < count * (is_growing ? 2 : 1); ++i) {
    if (i == count) (void)!write(STDOUT_FILENO, "ready\n", 6);
    const pid_t child = fork();
    if (child < 0) _exit(1);
    if (child != 0) continue;
    if (is_churning) churn();
    for (;;)
      (void)pause();
  }
  if (!is_growing) (void)!write(STDOUT_FILENO, "ready\n", 6);
  for (;;)
    (void)pause();
}

int main(int argc, char** argv) {
  const int count = argc > 1 ? atoi(argv[1]) : 0;
  if (count < 1) return 2;
  make_crowd(count, argc > 2 && strcmp(argv[2], "churn") == 0,
             argc > 2 && strcmp(argv[2], "grow") == 0);
  return 0;
}
