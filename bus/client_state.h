// SPDX-License-Identifier: Apache-2.0
// What the parts of bus::Client share: its connection, and how an answer is
// read.
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "bus/client.h"
#include "bus/client_connection.h"
#include "bus/dict_codec.h"
#include "bus/job_fields.h"
#include "sys/unique_fd.h"

namespace bus {

inline int no_arguments(const SdBusTable& /*sd*/, sd_bus_message* /*message*/) {
  return 0;
}

/// The answer does not have the form of our interface.
inline std::unexpected<core::Refused> malformed() {
  return refuse(core::Refusal::kUnavailable,
                "the instance's answer has an unexpected form; is "
                "it of this version?");
}

inline core::Answer<core::Handle> duplicate(int fd) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0)
    return refuse(core::Refusal::kUnavailable,
                  std::string("cannot keep a descriptor of the answer: ") +
                      std::strerror(errno));
  return sys::UniqueFd(copy).to_handle();
}

inline int append_texts(const SdBusTable& sd, sd_bus_message* message,
                        const std::vector<std::string>& texts) {
  int r = sd.open_container(message, SD_BUS_TYPE_ARRAY, "s");
  for (const std::string& text : texts)
    if (r >= 0) r = sd.append_basic(message, SD_BUS_TYPE_STRING, text.c_str());
  return r < 0 ? r : sd.close_container(message);
}

struct Client::State {
  ClientConnection connection;
  core::JobId waited;  ///< of the open call

  State(SdBusTable sd, std::string path, const ClientOptions& options)
      : connection(sd, std::move(path),
                   {.reconnect_within = options.reconnect_within,
                    .answer_within = options.answer_within}) {}

  [[nodiscard]] const SdBusTable& sd() const { return connection.sd(); }
  core::Answer<HeldMessage> call(const Method& method,
                                 const Arguments& arguments) {
    return connection.call(method, arguments);
  }
  [[nodiscard]] core::Answer<core::JobView> read_view(
      const HeldMessage& reply) const {
    const Dict dict = TRY(read_dict(sd(), reply.get()));
    return job_view_of(dict);
  }
  [[nodiscard]] core::Answer<core::Handle> read_descriptor(
      const HeldMessage& reply) const {
    int fd = -1;
    if (sd().read(reply.get(), "h", &fd) <= 0) return malformed();
    return duplicate(fd);
  }
  [[nodiscard]] core::Answer<core::JobId> read_jid(
      const HeldMessage& reply) const {
    std::uint64_t jid = 0;
    if (sd().read(reply.get(), "t", &jid) <= 0) return malformed();
    return core::JobId(jid);
  }
};

}  // namespace bus
