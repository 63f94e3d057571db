/* SPDX-License-Identifier: Apache-2.0 */
/* headless: a process whose first thread ends and whose second one lives, deaf
 * to SIGTERM. Its state is a zombie's. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Noreturn void* rest(void* unused) {
  (void)unused;
  for (;;)
    (void)pause();
}

int main(void) {
  pthread_t thread;
  (void)signal(SIGTERM, SIG_IGN);
  if (pthread_create(&thread, NULL, rest, NULL) != 0) return 1;
  return (int)syscall(SYS_exit, 0);
}
