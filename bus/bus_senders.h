// SPDX-License-Identifier: Apache-2.0
// BusSenders: who the senders on a message bus are. The bus knows; it is asked
// once for each unique name, without waiting, and messages of a sender that is
// not known yet are kept until it has answered. A name that leaves the bus is
// forgotten, with everything it waited for.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bus/connection.h"

namespace bus {

class BusSenders : public Senders {
 public:
  const Identity* find(sd_bus_message* message) override;
  void learn(Connection& connection, MessageRef message,
             Handler handler) override;

 private:
  struct Parked {
    MessageRef message;
    Handler handler;
  };
  struct Sender {
    BusSenders* senders = nullptr;
    Connection* connection = nullptr;
    std::string name;
    bool is_known = false;
    Identity identity;
    std::vector<Parked> parked;
    SlotPtr match;
    SlotPtr query;
  };

  [[nodiscard]] static int ask(Sender& sender);
  static int on_credentials(sd_bus_message* message, void* userdata,
                            sd_bus_error* error) noexcept;
  static int on_owner_changed(sd_bus_message* message, void* userdata,
                              sd_bus_error* error) noexcept;
  static int on_match_installed(sd_bus_message* message, void* sender,
                                sd_bus_error* error) noexcept;
  static void settle(Sender& sender);

  std::map<std::string, Sender, std::less<>> senders_;
};

}  // namespace bus
