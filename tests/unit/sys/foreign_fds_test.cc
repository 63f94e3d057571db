// SPDX-License-Identifier: Apache-2.0
// Whose descriptors are: by their numbers, which go to others.
#include "sys/foreign_fds.h"

#include <doctest/doctest.h>

#include "sys/message_socket.h"

namespace {

TEST_CASE("a connection's number that became another socket's is not it") {
  auto ends = *sys::make_socket_pair();
  auto others = *sys::make_socket_pair();
  sys::ForeignFds foreign;
  const int number = ends.first.get();
  foreign.mark(number, 1000, true);
  CHECK(foreign.is_connection(number));
  CHECK(foreign.is_same_connection(number));
  REQUIRE(::dup2(others.first.get(), number) == number);
  CHECK_FALSE(foreign.is_same_connection(number));
}

TEST_CASE("what is no connection is none of one") {
  auto ends = *sys::make_socket_pair();
  sys::ForeignFds foreign;
  foreign.mark(ends.first.get(), 1000);
  CHECK(foreign.has(ends.first.get()));
  CHECK_FALSE(foreign.is_connection(ends.first.get()));
  CHECK_FALSE(foreign.is_same_connection(ends.first.get()));
}

}  // namespace
