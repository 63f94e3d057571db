/* SPDX-License-Identifier: Apache-2.0 */
/* pinger SOCKET: calls Ping of an instance's supervisor again and again, 50 ms
 * after each answer, until SIGTERM; then says how long the slowest answer took,
 * in milliseconds, and how many there were. It is urgent itself, so that what
 * is measured is the supervisor and not its own turn at the processor. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t is_told = 0;
static void be_told(int number) {
  (void)number;
  is_told = 1;
}

static double now(void) {
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* A header field of a method call whose value is a text. */
static size_t put(unsigned char* to, size_t at, char code, char type,
                  const char* text) {
  const uint32_t size = (uint32_t)strlen(text);
  at = (at + 7) / 8 * 8;
  to[at] = (unsigned char)code;
  to[at + 1] = 1;
  to[at + 2] = (unsigned char)type;
  memcpy(to + at + 4, &size, sizeof size);
  memcpy(to + at + 8, text, size);
  return at + 8 + size + 1;
}

/* The answers of this exchange are read whole: nothing else is asked. */
static int ask(int fd, uint32_t serial) {
  unsigned char call[256] = {'l', 1, 0, 1};
  size_t end = put(call, 16, 1, 'o', "/org/corral/manager");
  end = put(call, end, 2, 's', "org.freedesktop.DBus.Peer");
  end = put(call, end, 3, 's', "Ping");
  const uint32_t fields = (uint32_t)(end - 16);
  memcpy(call + 8, &serial, sizeof serial);
  memcpy(call + 12, &fields, sizeof fields);
  const size_t size = (end + 7) / 8 * 8;
  unsigned char answer[4096];
  return write(fd, call, size) == (ssize_t)size &&
         read(fd, answer, sizeof answer) > 16 && answer[1] == 2;
}

int main(int argc, char** argv) {
  struct sockaddr_un place = {.sun_family = AF_UNIX};
  if (argc != 2 || strlen(argv[1]) >= sizeof place.sun_path) return 2;
  strcpy(place.sun_path, argv[1]);
  const struct sched_param lowest = {.sched_priority = 1};
  (void)sched_setscheduler(0, SCHED_RR, &lowest);
  (void)signal(SIGTERM, be_told);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  static const char kHello[] = "\0AUTH EXTERNAL 30\r\nBEGIN\r\n";
  char said[256];
  if (fd < 0 || connect(fd, (struct sockaddr*)&place, sizeof place) < 0 ||
      write(fd, kHello, sizeof kHello - 1) < 0 ||
      read(fd, said, sizeof said) <= 0)
    return 1;
  double longest = 0;
  uint32_t count = 0;
  while (!is_told) {
    const double begin = now();
    if (!ask(fd, ++count)) return 1;
    const double took = now() - begin;
    if (took > longest) longest = took;
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 50000000};
    (void)nanosleep(&pause, NULL);
  }
  (void)printf("%.1f %u\n", longest, count);
  return 0;
}
