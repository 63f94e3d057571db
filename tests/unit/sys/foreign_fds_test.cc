// SPDX-License-Identifier: Apache-2.0
// Whose descriptors are: by their numbers, which go to others.
#include "sys/foreign_fds.h"

#include <fcntl.h>
#include <sys/mman.h>

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

TEST_CASE(
    "a copy is as foreign, but of what nobody waits to close neither is") {
  sys::ForeignFds& foreign = sys::foreign_fds();
  const sys::UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const sys::UniqueFd file(::memfd_create("x", MFD_CLOEXEC));
  foreign.mark(null.get(), 1000);
  foreign.mark(file.get(), 1000);
  const auto null_copy = sys::duplicate_foreign(null.get());
  const auto file_copy = sys::duplicate_foreign(file.get());
  REQUIRE(null_copy);
  REQUIRE(file_copy);
  CHECK_FALSE(foreign.has(null.get()));
  CHECK_FALSE(foreign.has(null_copy->get()));
  CHECK(foreign.has(file.get()));
  CHECK(foreign.has(file_copy->get()));
  CHECK(foreign.owner(file_copy->get()) == 1000);
  foreign.unmark(file.get());
  foreign.unmark(file_copy->get());
}

}  // namespace
