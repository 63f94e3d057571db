/* SPDX-License-Identifier: Apache-2.0 */
/* An aggregate provider in C (docs/PROVIDERS.md): puts a job into an aggregate
 * of its own and prints what becomes of its processes, until the job has ended.
 *
 *   cc provider.c -o provider $(pkg-config --cflags --libs libsystemd)
 *   provider SOCKET JID       as: provider /run/corral/private 0x12
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#define MANAGER \
  "org.corral.Manager1", "/org/corral/manager", "org.corral.Manager1"
enum { AGGREGATE = 1 }; /* any number of our own */

static int give_up(const char* deed, int code, const sd_bus_error* error) {
  fprintf(stderr, "cannot %s: %s\n", deed,
          error && error->message ? error->message : strerror(-code));
  return 1;
}

static int connect_to(const char* socket, sd_bus** bus) {
  char address[256];
  snprintf(address, sizeof address, "unix:path=%s", socket);
  int r = sd_bus_new(bus);
  if (r >= 0) r = sd_bus_set_address(*bus, address);
  if (r >= 0) r = sd_bus_negotiate_fds(*bus, 1); /* we want a descriptor */
  return r < 0 ? r : sd_bus_start(*bus);
}

/* Each packet is one or more whole lines of JSON. The registration lasts as
 * long as `bus` and this descriptor. */
static int follow(int events) {
  char packet[32768];
  ssize_t size;
  while ((size = recv(events, packet, sizeof packet - 1, 0)) > 0) {
    packet[size] = '\0';
    fputs(packet, stdout);
    fflush(stdout);
    if (strstr(packet, "\"event\":\"job\"") &&
        strstr(packet, "\"state\":\"ended\""))
      return 0;
  }
  fputs("the supervisor has gone: register and attach again\n", stderr);
  return 69;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fputs("usage: provider SOCKET JID\n", stderr);
    return 2;
  }
  sd_bus* bus = NULL;
  sd_bus_error error = SD_BUS_ERROR_NULL;
  sd_bus_message* answer = NULL;
  int r = connect_to(argv[1], &bus);
  if (r < 0) return give_up("reach the instance", r, NULL);
  r = sd_bus_call_method(bus, MANAGER, "RegisterProvider", &error, &answer,
                         "sas", "example-in-c", 0); /* 0: all events */
  if (r < 0) return give_up("register", r, &error);
  int events = -1;
  r = sd_bus_message_read(answer, "h", &events);
  events = r < 0 ? r : dup(events); /* the message's own goes with it */
  sd_bus_message_unref(answer);
  if (events < 0) return give_up("read the answer", r, NULL);
  r = sd_bus_call_method(bus, MANAGER, "AttachToAggregate", &error, NULL,
                         "sta{sv}", "example-in-c", (uint64_t)AGGREGATE, 1,
                         "Job", "t", (uint64_t)strtoull(argv[2], NULL, 16));
  if (r < 0) return give_up("attach the job", r, &error);
  r = follow(events);
  close(events);
  sd_bus_unref(bus);
  return r;
}
