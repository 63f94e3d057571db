/* SPDX-License-Identifier: Apache-2.0 */
/* The floor for an entrypoint: fork, exec, wait for whatever ends until it is
 * the command, nothing else. With LEAST vfork, which copies nothing: no program
 * that starts another can take less (and no init should do it: while its child
 * hangs in exec it hears nothing). Built against musl where there is one. */
#include <sys/wait.h>
#include <unistd.h>

#ifdef LEAST
#define fork vfork
#endif

int main(int argc, char** argv) {
  int status = 0;
  pid_t pid;
  pid_t ended;

  if (argc < 2) return 2;
  pid = fork();
  if (pid == 0) {
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  do {
    ended = wait(&status);
  } while (ended > 0 && ended != pid);
  if (ended < 0) return 125;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
