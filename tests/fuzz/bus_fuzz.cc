// SPDX-License-Identifier: Apache-2.0
// What a client sends after its handshake: bytes on the private socket of a
// server before fake jobs. Nothing may crash, and no round may last for ever.
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "bus/event_stream.h"
#include "bus/private_peer.h"
#include "sys/unique_fd.h"
#include "tests/unit/bus/fake_job_control.h"
#include "tests/unit/bus/poll_loop.h"

namespace {

/// Reads what was answered, so that nothing waits for room.
void drain(int socket) {
  char buffer[4096];
  while (::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
  }
}

void send_all(int socket, const char* bytes, std::size_t size) {
  (void)!::send(socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::string handshake() {
  // EXTERNAL with the uid in decimal, in hexadecimal.
  std::string text("\0AUTH EXTERNAL ", 15);
  for (const char digit : std::to_string(::geteuid())) {
    text += "0123456789abcdef"[(static_cast<unsigned char>(digit) >> 4U) & 15U];
    text += "0123456789abcdef"[static_cast<unsigned char>(digit) & 15U];
  }
  return text + "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  // A round of a real client is bounded by the socket's buffer too.
  if (size > std::size_t{64} * 1024) return 0;
  bus_test::PollLoop loop;
  bus_test::FakeJobControl port;
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   ends) < 0)
    return 0;
  const sys::UniqueFd client(ends[0]);
  std::size_t listening = 0;
  bool is_closed = false;
  bus::EventStream events(loop, port);
  auto peer = bus::PrivatePeer::make(
      loop, {.port = port, .events = events}, sys::UniqueFd(ends[1]),
      {.caller = {.uid = core::Uid(1000), .pid = core::Pid(1)},
       .gid = core::Gid(1000),
       .groups = {}},
      {.number = 1, .listening = listening, .on_closed = [&] {
         is_closed = true;
       }});
  if (!peer) return 0;
  const std::string hello = handshake();
  send_all(client.get(), hello.data(), hello.size());
  loop.turn(0);
  loop.turn(0);
  send_all(client.get(), reinterpret_cast<const char*>(data), size);
  for (int round = 0; round < 8 && !is_closed; ++round) {
    loop.turn(0);
    drain(client.get());
  }
  return 0;
}
