/* SPDX-License-Identifier: Apache-2.0 */
/* A crowd of processes that is to be killed. It ends by itself after a while (a
 * minute, if it churns), should whoever made it have been killed first.
 *
 *   bench-crowd COUNT [churn]
 *       COUNT sleeping processes, or with `churn` as many that all fork and end
 *       without a pause, each of its child; says "ready" when all are there.
 *       With `grow` more are made until it is killed, as many again at most */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static time_t end;

static void churn(void) {
  while (time(NULL) < end)
    if (fork() > 0) _exit(0);
  _exit(0);
}

static void wait_for_end(void) {
  (void)alarm(1800);
  for (;;)
    (void)pause();
}

/* Returns in nobody. */
static void make_crowd(int count, int is_churning, int is_growing) {
  for (int i = 1; i < count * (is_growing ? 2 : 1); ++i) {
    if (i == count) (void)!write(STDOUT_FILENO, "ready\n", 6);
    const pid_t child = fork();
    if (child < 0) _exit(1);
    if (child != 0) continue;
    if (is_churning) churn();
    wait_for_end();
  }
  if (!is_growing) (void)!write(STDOUT_FILENO, "ready\n", 6);
  wait_for_end();
}

int main(int argc, char** argv) {
  const int count = argc > 1 ? atoi(argv[1]) : 0;
  if (count < 1) return 2;
  end = time(NULL) + 60;
  make_crowd(count, argc > 2 && strcmp(argv[2], "churn") == 0,
             argc > 2 && strcmp(argv[2], "grow") == 0);
  return 0;
}
