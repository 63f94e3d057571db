/* SPDX-License-Identifier: Apache-2.0 */
/* What an entrypoint adds to a signal: the time from kill(2) at the entrypoint
 * to the instant at which its child, this program too, has the signal.
 *
 *   bench-forward-latency BLOCKS SIGNALS WRAPPER [OPTION..] %% WRAPPER ... %%
 *
 * Every wrapper gets BLOCKS blocks of SIGNALS signals, the wrappers in turns,
 * one signal after the other. An empty wrapper is the child alone. Each starts
 * in a session of its own, as a container engine does it: with autogrouping the
 * scheduler favours who has one, and dumb-init makes its own. Prints a line for
 * each: median, 90th and 99th percentile and most in microseconds, how
 * many signals were lost, and the wrapper. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

enum { kMostWrappers = 16, kMostWords = 16, kSignal = SIGUSR1 };

/* Shared between the sender and one child. */
struct Page {
  _Atomic uint32_t taken; /* 1: the child is ready; one more for each signal */
  uint64_t taken_ns;
};

struct Wrapper {
  char* words[kMostWords + 4];
  int count;
  struct Page* page;
  char place[32]; /* the page's number, for the child */
  pid_t pid;
  uint32_t* delays_ns;
  unsigned delays;
  unsigned lost;
};

static uint64_t now_ns(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Waits until `taken` is `wanted`; 0 when it was not within 2 s. */
static int wait_for(struct Page* page, uint32_t wanted) {
  const struct timespec limit = {.tv_sec = 2};
  for (;;) {
    const uint32_t found = atomic_load(&page->taken);
    if (found == wanted) return 1;
    if (syscall(SYS_futex, &page->taken, FUTEX_WAIT, found, &limit, NULL, 0) &&
        errno == ETIMEDOUT)
      return 0;
  }
}

static int be_the_child(int place) {
  struct Page* page =
      mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, place, 0);
  sigset_t set;
  if (page == MAP_FAILED) return 1;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)sigemptyset(&set);
  (void)sigaddset(&set, kSignal);
  (void)sigprocmask(SIG_BLOCK, &set, NULL);
  for (;;) {
    (void)atomic_fetch_add(&page->taken, 1);
    (void)syscall(SYS_futex, &page->taken, FUTEX_WAKE, 1, NULL, NULL, 0);
    while (sigwaitinfo(&set, NULL) < 0) {
    }
    page->taken_ns = now_ns();
  }
}

static int start(struct Wrapper* wrapper, char* self) {
  static char kChild[] = "--child";
  const int place = memfd_create("page", 0); /* inherited by that wrapper */
  if (place < 0 || ftruncate(place, sizeof *wrapper->page)) return 0;
  wrapper->page = mmap(NULL, sizeof *wrapper->page, PROT_READ | PROT_WRITE,
                       MAP_SHARED, place, 0);
  if (wrapper->page == MAP_FAILED) return 0;
  (void)snprintf(wrapper->place, sizeof wrapper->place, "%d", place);
  wrapper->words[wrapper->count++] = self;
  wrapper->words[wrapper->count++] = kChild;
  wrapper->words[wrapper->count++] = wrapper->place;
  wrapper->words[wrapper->count] = NULL;
  posix_spawnattr_t attributes;
  (void)posix_spawnattr_init(&attributes);
  (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  if (posix_spawnp(&wrapper->pid, wrapper->words[0], NULL, &attributes,
                   wrapper->words, environ))
    return 0;
  (void)close(place);
  return wait_for(wrapper->page, 1);
}

static void send_one(struct Wrapper* wrapper) {
  const uint32_t wanted = atomic_load(&wrapper->page->taken) + 1;
  const uint64_t sent = now_ns();
  (void)kill(wrapper->pid, kSignal);
  if (wait_for(wrapper->page, wanted))
    wrapper->delays_ns[wrapper->delays++] =
        (uint32_t)(wrapper->page->taken_ns - sent);
  else
    ++wrapper->lost;
}

static int compare(const void* left, const void* right) {
  const uint32_t a = *(const uint32_t*)left;
  const uint32_t b = *(const uint32_t*)right;
  return (a > b) - (a < b);
}

static double percentile(const struct Wrapper* wrapper, unsigned percent) {
  if (wrapper->delays == 0) return 0;
  return wrapper->delays_ns[(wrapper->delays - 1) * percent / 100] / 1000.0;
}

static void print(struct Wrapper* wrapper) {
  qsort(wrapper->delays_ns, wrapper->delays, sizeof *wrapper->delays_ns,
        compare);
  printf("%9.1f %9.1f %9.1f %9.1f %5u ", percentile(wrapper, 50),
         percentile(wrapper, 90), percentile(wrapper, 99),
         percentile(wrapper, 100), wrapper->lost);
  for (int i = 0; i < wrapper->count - 3; ++i)
    printf(" %s", wrapper->words[i]);
  printf("\n");
}

static int read_wrappers(char** words, int count, struct Wrapper* wrappers) {
  int found = 0;
  for (int i = 0; i < count; ++i) {
    struct Wrapper* wrapper = &wrappers[found];
    if (strcmp(words[i], "%%") == 0) {
      if (++found == kMostWrappers) return 0;
    } else {
      if (wrapper->count == kMostWords) return 0;
      wrapper->words[wrapper->count++] = words[i];
    }
  }
  return found + 1;
}

int main(int argc, char** argv) {
  static struct Wrapper wrappers[kMostWrappers];
  static char self[4096];
  if (argc == 3 && strcmp(argv[1], "--child") == 0)
    return be_the_child(atoi(argv[2]));
  const int blocks = argc > 2 ? atoi(argv[1]) : 0;
  const int signals = argc > 2 ? atoi(argv[2]) : 0;
  const int count = argc > 2 ? read_wrappers(argv + 3, argc - 3, wrappers) : 0;
  if (blocks < 1 || signals < 1 || count < 1 ||
      readlink("/proc/self/exe", self, sizeof self - 1) < 0)
    return 2;
  int status = 0;
  for (int i = 0; i < count; ++i) {
    wrappers[i].delays_ns =
        calloc((size_t)blocks * (size_t)signals, sizeof(uint32_t));
    if (wrappers[i].delays_ns == NULL || !start(&wrappers[i], self)) {
      (void)fprintf(stderr, "'%s' did not start\n", wrappers[i].words[0]);
      status = 1;
    }
  }
  for (int block = 0; status == 0 && block < blocks; ++block)
    for (int i = 0; i < count; ++i)
      for (int number = 0; number < signals; ++number)
        send_one(&wrappers[i]);
  for (int i = 0; i < count; ++i) {
    if (status == 0) print(&wrappers[i]);
    if (wrappers[i].pid > 0) (void)kill(wrappers[i].pid, SIGTERM);
    if (wrappers[i].pid > 0) (void)waitpid(wrappers[i].pid, NULL, 0);
  }
  return status;
}
