// SPDX-License-Identifier: Apache-2.0
#include "bus/object_manager.h"

#include <cerrno>

#include "bus/dict_codec.h"
#include "bus/instance_fields.h"
#include "bus/job_properties.h"
#include "bus/names.h"

namespace bus {

namespace {

/// A page is written in well under a millisecond.
constexpr std::uint32_t kJobsOfTurn = 64;

/// The manager is an object too, with its own properties.
int append_manager(sd_bus_message* message, const core::InstanceView& view) {
  int r = ::sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY,
                                          "oa{sa{sv}}");
  if (r >= 0)
    r = ::sd_bus_message_append_basic(message, SD_BUS_TYPE_OBJECT_PATH,
                                      kManagerPath);
  if (r >= 0)
    r = ::sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "{sa{sv}}");
  if (r >= 0)
    r = ::sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY,
                                        "sa{sv}");
  if (r >= 0)
    r = ::sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING,
                                      kManagerInterface);
  Dict dict;
  for (const InstanceField& field : instance_fields())
    dict.push_back({.key = field.key, .value = field.get(view)});
  if (r >= 0) r = append_dict(linked_sd_bus(), message, dict);
  for (int open = 0; open < 3; ++open)
    if (r >= 0) r = ::sd_bus_message_close_container(message);
  return r;
}

int append_job(sd_bus_message* message, const core::JobView& view) {
  int r = ::sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY,
                                          "oa{sa{sv}}");
  if (r >= 0)
    r = ::sd_bus_message_append_basic(message, SD_BUS_TYPE_OBJECT_PATH,
                                      job_path(view.jid).c_str());
  if (r >= 0) r = append_job_interfaces(message, view);
  return r < 0 ? r : ::sd_bus_message_close_container(message);
}

/// One call under way: it owns itself by the timer that goes on with it.
class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(const Call& call, MessageRef answer)
      : connection_(call.connection.weak_from_this()),
        caller_(call.caller()),
        reply_(call.reply()),
        answer_(std::move(answer)) {}

  int begin(Connection& connection) {
    int r = ::sd_bus_message_open_container(answer_.get(), SD_BUS_TYPE_ARRAY,
                                            "{oa{sa{sv}}}");
    if (r >= 0) r = append_manager(answer_.get(), connection.port().instance());
    return r;
  }

  /// Writes a page; the last one sends the answer.
  void go_on() {
    const auto connection = connection_.lock();
    if (!connection || !connection->is_open()) return;
    const core::JobPage page = connection->port().list(
        caller_,
        {.owner = {}, .with_ended = true, .detail = core::Detail::kBrief},
        after_, kJobsOfTurn);
    int r = 0;
    for (const core::JobView& view : page.jobs) {
      if (r >= 0) r = append_job(answer_.get(), view);
      after_ = view.jid;
    }
    if (r >= 0 && page.has_more) return wait(*connection);
    connection->end_listing();
    if (r >= 0) r = ::sd_bus_message_close_container(answer_.get());
    if (r < 0)
      return reply_.refuse({.why = core::Refusal::kTooMany,
                            .text = "there are more jobs than a message holds; "
                                    "use ListJobRows"});
    connection->send(answer_.get());
  }

 private:
  void wait(Connection& connection) {
    if (!timer_)
      timer_ = connection.hooks().timer(
          [self = shared_from_this()] { self->go_on_and_let_go(); });
    timer_->set(core::BootTime());  // now, but others before it
  }
  void go_on_and_let_go() {
    // The timer holds us: it is given up when nothing is left to be done.
    const auto timer = std::move(timer_);
    const auto self = shared_from_this();
    go_on();
  }

  std::weak_ptr<Connection> connection_;
  core::Caller caller_;
  ReplyTo reply_;
  MessageRef answer_;
  core::JobId after_;
  std::unique_ptr<LoopTimer> timer_;
};

}  // namespace

void get_managed_objects(const Call& call) {
  if (!call.connection.begin_listing())
    return call.reply().refuse(
        {.why = core::Refusal::kTooMany,
         .text = "this connection is being told all objects already"});
  sd_bus_message* answer = nullptr;
  int r = ::sd_bus_message_new_method_return(call.message.get(), &answer);
  if (r >= 0) {
    const auto listing =
        std::make_shared<Listing>(call, MessageRef::take(answer));
    r = listing->begin(call.connection);
    if (r >= 0) return listing->go_on();
  }
  call.connection.end_listing();
  call.reply().refuse({.why = core::Refusal::kUnavailable,
                       .text = "the objects cannot be written"});
}

}  // namespace bus
