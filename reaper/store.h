// SPDX-License-Identifier: Apache-2.0
// corral-reaper --store FD: keeps descriptors by name for the supervisor, so
// that its journal, sockets and pipes outlive it. FD is the keeper link, by
// which the reaper hands it the links of new supervisors. It ends when no link
// is left: then nobody can ask for anything any more.
#pragma once

#include <poll.h>
#include <sys/resource.h>

#include <cstdint>
#include <span>

#include "reaper/instance_options.h"
#include "reaper/link.h"
#include "reaper/say.h"
#include "reaper/store_table.h"
#include "sys/signals.h"

namespace reaper {

class Store {
 public:
  Store(StoreTable& table, PacketBuffer& buffer)
      : table_(table), buffer_(buffer) {}

  /// Serves until the last link is closed.
  void run(sys::UniqueFd keeper) {
    clients_[0].link = Link(std::move(keeper));
    clients_[0].is_keeper = true;
    while (has_links())
      serve_once();
  }

 private:
  static constexpr std::size_t kMostClients = 8;

  struct Client {
    Link link;
    bool is_keeper = false;
    bool is_listing = false;
    std::uint32_t next_listed = 0;  ///< place
    std::uint32_t listed = 0;
  };

  [[nodiscard]] bool has_links() const {
    for (const Client& client : clients_)
      if (client.link.is_open()) return true;
    return false;
  }

  void serve_once() {
    pollfd polls[kMostClients];
    for (std::size_t i = 0; i < kMostClients; ++i) {
      polls[i].fd = clients_[i].link.get();  // -1 is passed over
      polls[i].events = clients_[i].is_listing ? POLLIN | POLLOUT : POLLIN;
      polls[i].revents = 0;
    }
    if (::poll(polls, kMostClients, -1) < 0) return;
    for (std::size_t i = 0; i < kMostClients; ++i) {
      if ((polls[i].revents & ~POLLOUT) != 0) receive_from(clients_[i]);
      if ((polls[i].revents & POLLOUT) != 0) list_to(clients_[i]);
    }
  }

  void receive_from(Client& client) {
    for (;;) {
      Received received;
      switch (client.link.receive(buffer_, received)) {
        case LinkState::kMessage:
          handle(client, received);
          break;
        case LinkState::kGarbage:
          ++garbage_;
          break;
        case LinkState::kEmpty:
          return;
        case LinkState::kClosed:
          client = Client();
          return;
      }
    }
  }

  void handle(Client& client, Received& received) {
    struct Row {
      MessageType type;
      bool (Store::*handle)(Client&, Received&);
    };
    // NOLINTBEGIN(modernize-use-designated-initializers): a table
    static constexpr Row kRows[] = {
        {MessageType::kPut, &Store::put},
        {MessageType::kDrop, &Store::drop},
        {MessageType::kList, &Store::list},
        {MessageType::kFetch, &Store::fetch},
        {MessageType::kChange, &Store::change},
        {MessageType::kPromote, &Store::promote},
        {MessageType::kClient, &Store::add_client},
    };
    // NOLINTEND(modernize-use-designated-initializers)
    for (const Row& row : kRows) {
      if (row.type != received.type) continue;
      if (!(this->*row.handle)(client, received)) ++garbage_;
      return;
    }
    ++garbage_;
  }

  bool put(Client& client, Received& received) {
    const auto body = body_as<StoreName>(received.body);
    const auto name = body ? text_of(*body) : std::nullopt;
    if (!name) return false;
    const bool has_fd = received.packet.fd_count == 1;
    if (!has_fd && !received.packet.was_cut) return false;
    if (!has_fd || !table_.put(*name, std::move(received.fds()[0])))
      (void)client.link.send(MessageType::kPutRefused, *body);
    return true;
  }

  bool drop(Client&, Received& received) {
    const auto body = body_as<StoreName>(received.body);
    const auto name = body ? text_of(*body) : std::nullopt;
    if (name) table_.drop(*name);
    return name.has_value();
  }

  bool change(Client& client, Received& received) {
    std::span<const std::byte> rest = received.body;
    std::size_t next_fd = 0;
    for (StoreChange one; rest.size() >= sizeof one;
         rest = rest.subspan(sizeof one)) {
      std::memcpy(&one, rest.data(), sizeof one);
      const auto name = text_of(one.name);
      if (!name) return false;
      if (one.puts == 0) {
        table_.drop(*name);
        continue;
      }
      const bool has_fd = next_fd < received.packet.fd_count;
      if (!has_fd && !received.packet.was_cut) return false;
      if (!has_fd || !table_.put(*name, std::move(received.fds()[next_fd++])))
        (void)client.link.send(MessageType::kPutRefused, one.name);
    }
    return rest.empty();
  }

  bool list(Client& client, Received&) {
    // What an earlier supervisor put before it died is in its socket still:
    // it comes before anything that its successor asks.
    for (Client& other : clients_)
      if (&other != &client && !other.is_keeper) receive_from(other);
    client.is_listing = true;
    client.next_listed = 0;
    client.listed = 0;
    list_to(client);
    return true;
  }

  bool fetch(Client& client, Received& received) {
    const auto body = body_as<StoreName>(received.body);
    const auto name = body ? text_of(*body) : std::nullopt;
    if (!name) return false;
    const std::uint32_t place = table_.find(*name);
    // It has room for one answer to what it just asked, or it is not reading.
    if (place == StoreTable::kNone) {
      (void)client.link.send(MessageType::kNoEntry, *body);
    } else {
      (void)send_entry(client, place);
    }
    return true;
  }

  bool promote(Client& client, Received&) {
    for (Client& other : clients_)
      other.is_keeper = false;
    client.is_keeper = true;
    client.is_listing = false;
    return true;
  }

  bool add_client(Client& client, Received& received) {
    if (!client.is_keeper || received.packet.fd_count != 1) return false;
    for (Client& place : clients_) {
      if (place.link.is_open()) continue;
      place = Client();
      place.link = Link(std::move(received.fds()[0]));
      return true;
    }
    return true;  // its end closes: the supervisor sees that at once
  }

  [[nodiscard]] Sent send_entry(Client& client, std::uint32_t place) {
    const int fd = table_.fd_at(place);
    return client.link.send(MessageType::kEntry, table_.name_at(place),
                            std::span(&fd, 1));
  }

  /// Sends as much of the listing as the client takes now.
  void list_to(Client& client) {
    while (client.is_listing) {
      const std::uint32_t place = table_.taken_from(client.next_listed);
      const bool is_end = place == StoreTable::kNone;
      const Sent sent =
          is_end ? client.link.send(
                       MessageType::kListEnd,
                       ListEnd{.count = client.listed, .level = kStoreLevel})
                 : send_entry(client, place);
      if (sent == Sent::kLater) return;
      if (is_end || sent == Sent::kGone) {
        client.is_listing = false;
        return;
      }
      client.next_listed = place + 1;
      ++client.listed;
    }
  }

  Client clients_[kMostClients];
  StoreTable& table_;
  PacketBuffer& buffer_;
  std::uint64_t garbage_ = 0;
};

namespace detail {

/// As many descriptors as the hard limit allows.
inline void raise_descriptor_limit() {
  rlimit limit = {};
  if (::prlimit(0, RLIMIT_NOFILE, nullptr, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::prlimit(0, RLIMIT_NOFILE, &limit, nullptr);
}

}  // namespace detail

inline int run_store(const InstanceOptions& options) {
  // A signal for a terminal's or a group's processes is not for the store.
  (void)sys::set_signal_mask(sys::SignalSet::all());
  detail::raise_descriptor_limit();
  sys::UniqueFd keeper(options.link_fd);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
  if (::fcntl(keeper.get(), F_SETFD, FD_CLOEXEC) < 0 ||
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
      ::fcntl(keeper.get(), F_SETFL, O_NONBLOCK) < 0) {
    say("the store's link is not an open descriptor");
    return 1;
  }
  // Too large for a stack, and there is no heap.
  static constinit StoreTable table;
  static constinit PacketBuffer buffer = {};
  Store store(table, buffer);
  store.run(std::move(keeper));
  return 0;
}

}  // namespace reaper
