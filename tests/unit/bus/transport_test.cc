// SPDX-License-Identifier: Apache-2.0
// The way to a socket: who listens, who waits, who replaces whom.
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "bus/client_transport.h"
#include "bus/private_listener.h"
#include "bus/private_peer.h"
#include "sys/clock.h"

namespace {

using bus::PrivateListener;
using bus::SocketAccess;

class Place {
 public:
  Place() {
    char name[] = "/tmp/corral-bus-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    top = name;
    socket = top + "/run/private";
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    (void)::unlink(socket.c_str());
    (void)::rmdir((top + "/run").c_str());
    (void)::rmdir(top.c_str());
  }
  void make() const { REQUIRE(::mkdir((top + "/run").c_str(), 0700) == 0); }

  std::string top;
  std::string socket;
};

TEST_CASE("a socket is made with its rights, and nothing is left beside it") {
  const Place place;
  place.make();
  CHECK_FALSE(bus::is_answering(place.socket));
  CHECK(bus::connect_private(place.socket).error().code == ENOENT);
  {
    const auto listener =
        PrivateListener::open(place.socket, SocketAccess::kEveryone);
    REQUIRE(listener);
    CHECK(bus::is_answering(place.socket));
    struct stat facts = {};
    REQUIRE(::stat(place.socket.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777U) == 0666);
  }
  CHECK(bus::connect_private(place.socket).error().code == ECONNREFUSED);
  const auto again = PrivateListener::open(place.socket, SocketAccess::kOwner);
  REQUIRE(again);
  struct stat facts = {};
  REQUIRE(::stat(place.socket.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777U) == 0600);
}

TEST_CASE("a listening socket is taken over, with who waits in it") {
  const Place place;
  place.make();
  sys::UniqueFd kept;
  {
    const auto first =
        PrivateListener::open(place.socket, SocketAccess::kOwner);
    REQUIRE(first);
    kept = *first->duplicate();
  }
  const auto waiting = bus::connect_private(place.socket);
  CHECK(waiting);  // queued: nobody accepts yet
  sys::UniqueFd lost;
  {
    const auto next = PrivateListener::adopt(std::move(kept), place.socket,
                                             SocketAccess::kOwner);
    REQUIRE(next);
    const sys::UniqueFd accepted(
        ::accept4(next->fd(), nullptr, nullptr, SOCK_CLOEXEC));
    CHECK(accepted.is_open());
    lost = *next->duplicate();
  }
  // One whose path is gone is made anew.
  REQUIRE(::unlink(place.socket.c_str()) == 0);
  const auto anew = PrivateListener::adopt(std::move(lost), place.socket,
                                           SocketAccess::kOwner);
  REQUIRE(anew);
  CHECK(bus::is_answering(place.socket));
}

TEST_CASE("a client waits for the directory, the socket and the listener") {
  const Place place;
  CHECK(
      bus::await_private(place.socket, sys::boot_now() + core::milliseconds(20))
          .error()
          .code == ETIMEDOUT);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    place.make();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    const auto listener =
        PrivateListener::open(place.socket, SocketAccess::kOwner);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  });
  const auto start = sys::boot_now();
  CHECK(bus::await_private(place.socket, start + core::seconds(10)));
  CHECK((sys::boot_now() - start).raw() < 5'000'000);
  later.join();
}

TEST_CASE("a path that is too long is said to be so") {
  const std::string path = "/tmp/" + std::string(120, 'x');
  CHECK(bus::connect_private(path).error().code == ENAMETOOLONG);
  CHECK(PrivateListener::open(path, SocketAccess::kOwner).error().code ==
        ENAMETOOLONG);
}

TEST_CASE("the kernel tells who is at the other end") {
  int ends[2] = {-1, -1};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const sys::UniqueFd first(ends[0]);
  const sys::UniqueFd second(ends[1]);
  const auto identity = bus::peer_identity(first.get());
  REQUIRE(identity);
  CHECK(identity->caller.uid == core::Uid(::getuid()));
  CHECK(identity->caller.pid == core::Pid(::getpid()));
  CHECK(identity->gid == core::Gid(::getgid()));
}

}  // namespace
