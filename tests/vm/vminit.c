/* SPDX-License-Identifier: Apache-2.0
 * The first program of a test's virtual machine. Mounts what a machine has,
 * then either becomes the command of /vm.cmd (mode "pid1") or runs it as a
 * child and tells its exit status on the second serial line ("VMEXIT n"), and
 * reboots, which ends qemu. /vm.cmd: the mode, then one argument a line. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <net/if.h>

enum { kMostArguments = 255 };

static const struct {
  const char* type;
  const char* place;
  mode_t mode;
} kMounts[] = {
    {"proc", "/proc", 0555},      {"sysfs", "/sys", 0555},
    {"devtmpfs", "/dev", 0755},   {"devpts", "/dev/pts", 0755},
    {"tmpfs", "/dev/shm", 01777}, {"tmpfs", "/run", 0755},
    {"tmpfs", "/tmp", 01777},     {"cgroup2", "/sys/fs/cgroup", 0555},
};

static void mount_all(void) {
  for (size_t i = 0; i < sizeof kMounts / sizeof kMounts[0]; ++i) {
    (void)mkdir(kMounts[i].place, kMounts[i].mode);
    if (mount(kMounts[i].type, kMounts[i].place, kMounts[i].type, 0, NULL) &&
        errno != EBUSY)
      (void)fprintf(stderr, "vminit: mount %s: %s\n", kMounts[i].place,
                    strerror(errno));
  }
}

static void raise_loopback(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  (void)ioctl(fd, SIOCSIFFLAGS, &request);
  (void)close(fd);
}

/* The mode, and the command into `arguments`. */
static int read_command(char* mode, size_t size, char** arguments) {
  char line[4096];
  int count = 0;
  FILE* file = fopen("/vm.cmd", "r");
  if (file == NULL) return 0;
  if (fgets(mode, (int)size, file)) mode[strcspn(mode, "\n")] = 0;
  while (count < kMostArguments && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    arguments[count++] = strdup(line);
  }
  (void)fclose(file);
  arguments[count] = NULL;
  return count;
}

static int run_and_wait(char** arguments) {
  int status = 0;
  pid_t pid;
  pid_t child = fork();
  if (child == 0) {
    (void)setsid();
    (void)execvp(arguments[0], arguments);
    perror("vminit: exec");
    _exit(127);
  }
  do {
    pid = wait(&status);
  } while (pid > 0 && pid != child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* On the second serial line, raw: the first one carries the console. */
static void tell(int code) {
  struct termios terminal;
  int fd = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
  (void)tcdrain(STDOUT_FILENO);
  if (fd < 0) fd = STDERR_FILENO;
  if (tcgetattr(fd, &terminal) == 0) {
    cfmakeraw(&terminal);
    (void)tcsetattr(fd, TCSANOW, &terminal);
  }
  (void)dprintf(fd, "VMEXIT %d\n", code);
  (void)tcdrain(fd);
}

int main(void) {
  char mode[16] = "run";
  char* arguments[kMostArguments + 1];
  mount_all();
  raise_loopback();
  (void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 0);
  (void)setenv("HOME", "/root", 0);
  (void)setenv("TERM", "dumb", 1);
  if (read_command(mode, sizeof mode, arguments) == 0) {
    (void)fprintf(stderr, "vminit: no command in /vm.cmd\n");
    return 125;
  }
  if (strcmp(mode, "pid1") == 0) {
    (void)execvp(arguments[0], arguments);
    perror("vminit: exec");
    return 127;
  }
  tell(run_and_wait(arguments));
  sync();
  (void)reboot(RB_AUTOBOOT);
  for (;;)
    (void)pause();
}
