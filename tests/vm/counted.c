/* SPDX-License-Identifier: Apache-2.0
 * counted DEVICE: a process that waits for a processor, for a disk and for
 * nothing, and touches memory; then it tells what the kernel tells it of itself
 * (getrusage(2), /proc/self), as lines "TOLD KEY VALUE", and ends. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kTouched = 96 << 20, kReserved = 200 << 20, kBlock = 64 << 10 };

static struct rusage used(void) {
  struct rusage usage;
  (void)getrusage(RUSAGE_SELF, &usage);
  return usage;
}
static int64_t cpu_us(void) {
  const struct rusage usage = used();
  return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void read_text(const char* path, char* text, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? 0 : read(fd, text, size - 1);
  text[got > 0 ? got : 0] = '\0';
  if (fd >= 0) (void)close(fd);
}

/* delayacct_blkio_ticks, field 42 of /proc/self/stat; the name holds no ')'. */
static long block_ticks(void) {
  char text[1024];
  read_text("/proc/self/stat", text, sizeof text);
  char* at = strchr(text, ')');
  for (int field = 2; at != NULL && field < 42; ++field)
    at = strchr(at + 1, ' ');
  return at == NULL ? -1 : strtol(at, NULL, 10);
}

static long status_kib(const char* name) {
  static char text[4096];
  read_text("/proc/self/status", text, sizeof text);
  const char* at = strstr(text, name);
  return at == NULL ? -1 : strtol(at + strlen(name), NULL, 10);
}

static void tell(const char* key, int64_t value) {
  (void)printf("TOLD %s %lld\n", key, (long long)value);
}

int main(int argc, char** argv) {
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  (void)sched_setaffinity(0, sizeof first, &first);
  (void)setvbuf(stdout, NULL, _IOFBF, 4096);
  char* memory = mmap(NULL, kTouched, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* reserved = mmap(NULL, kReserved, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (argc < 2 || memory == MAP_FAILED || reserved == MAP_FAILED) return 1;
  memset(memory, 1, kTouched);
  (void)munmap(reserved, kReserved); /* its peak stays */
  const int64_t touched = cpu_us();

  /* Another one wants the same processor. */
  pid_t other = fork();
  if (other == 0)
    for (;;) {
    }
  while (cpu_us() < touched + 700000) {
  }
  (void)kill(other, SIGKILL);
  (void)waitpid(other, NULL, 0);

  int device = open(argv[1], O_RDONLY | O_DIRECT | O_CLOEXEC);
  int reads = 0;
  for (; device >= 0 && reads < 20000 && block_ticks() < 6; ++reads)
    if (pread(device, memory, kBlock, (off_t)(reads % 500) * kBlock) != kBlock)
      return 2;
  for (int i = 0; i < 40; ++i)
    (void)usleep(1000);

  char text[256];
  read_text("/proc/self/schedstat", text, sizeof text);
  long long ran = 0;
  long long waited = 0;
  long long times = 0;
  if (sscanf(text, "%lld %lld %lld", &ran, &waited, &times) != 3) return 3;
  tell("pid", getpid());
  tell("reads", reads);
  tell("block_ticks", block_ticks());
  tell("waited_us", waited / 1000);
  tell("waits", times);
  tell("hwm_kib", status_kib("VmHWM:"));
  tell("peak_kib", status_kib("VmPeak:"));
  tell("touched_cpu_us", touched);
  const struct rusage usage = used();
  tell("cpu_us", cpu_us());
  tell("maxrss_kib", usage.ru_maxrss);
  tell("minor", usage.ru_minflt);
  tell("voluntary", usage.ru_nvcsw);
  tell("involuntary", usage.ru_nivcsw);
  (void)fflush(stdout);
  return 0;
}
