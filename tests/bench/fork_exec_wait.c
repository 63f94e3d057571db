/* SPDX-License-Identifier: Apache-2.0 */
/* The floor for an entrypoint: fork, exec, wait, nothing else. Built against
 * musl where there is one. */
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
  int status = 0;
  pid_t pid;

  if (argc < 2) return 2;
  pid = fork();
  if (pid == 0) {
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  if (waitpid(pid, &status, 0) < 0) return 125;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
