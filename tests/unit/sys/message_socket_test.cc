// SPDX-License-Identifier: Apache-2.0
#include "sys/message_socket.h"

#include <string_view>

#include <doctest/doctest.h>

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST_CASE("the last words of a peer that did not read ours are received") {
  auto ends = sys::make_socket_pair();
  REQUIRE(ends);
  REQUIRE(sys::send_packet(ends->first.get(), bytes_of("never read")));
  REQUIRE(sys::send_packet(ends->second.get(), bytes_of("last words")));
  ends->second.reset();

  std::byte buffer[64];
  const auto packet = sys::receive_packet(ends->first.get(), buffer);
  REQUIRE(packet);
  CHECK(packet->size == 10);
  const auto end = sys::receive_packet(ends->first.get(), buffer);
  REQUIRE(end);
  CHECK(end->size == 0);
}

}  // namespace
