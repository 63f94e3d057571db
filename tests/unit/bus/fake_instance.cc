// SPDX-License-Identifier: Apache-2.0
// A program that serves fake jobs on a private socket and, if told, on a
// message bus: what the tests of bus/ in Python speak to.
//
//   fake-instance SOCKET [BUS_ADDRESS]
//
// Commands on standard input, an answer line each: "latency" (the longest round
// of its loop since the last time, in microseconds), "waits" (open ones and
// forgotten ones), "bus" (1 if it has its name), "finish JID", "storm N" (N
// jobs are made and end), "peers", "quit".
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>

#include "bus/server.h"
#include "fake_job_control.h"
#include "poll_loop.h"

namespace {

class FakeInstance {
 public:
  FakeInstance()
      : server_(loop_, port_, tell, {}),
        blow_(loop_.timer([this] { blow(); })) {}

  int run(const char* socket, const char* address) {
    auto listener =
        bus::PrivateListener::open(socket, bus::SocketAccess::kEveryone);
    if (!listener) {
      (void)std::fprintf(stderr, "%s\n", listener.error().message().c_str());
      return 1;
    }
    server_.serve(*std::move(listener));
    if (address != nullptr && !server_.join(address)) return 1;
    const auto input = loop_.watch(0, POLLIN, [this] { read_commands(); });
    say("ready");
    while (!is_done_ && !port_.is_down)
      loop_.turn(-1);
    return 0;
  }

 private:
  static void tell(std::string_view text) {
    (void)std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()),
                       text.data());
  }
  static void say(const std::string& text) {
    (void)std::printf("%s\n", text.c_str());
    (void)std::fflush(stdout);
  }

  void read_commands() {
    char buffer[512];
    const ssize_t size = ::read(0, buffer, sizeof buffer);
    if (size <= 0) {
      is_done_ = true;
      return;
    }
    pending_.append(buffer, static_cast<std::size_t>(size));
    for (std::size_t end = 0;
         (end = pending_.find('\n')) != std::string::npos;) {
      obey(pending_.substr(0, end));
      pending_.erase(0, end + 1);
    }
  }

  void obey(const std::string& command) {
    if (command == "latency") {
      say(std::to_string(loop_.longest_round_us()));
      loop_.forget_longest_round();
    } else if (command == "waits") {
      say(std::to_string(port_.open_waits()) + " " +
          std::to_string(port_.forgotten));
    } else if (command == "peers") {
      say(std::to_string(server_.peer_count()));
    } else if (command == "bus") {
      say(server_.has_bus_name() ? "1" : "0");
    } else if (command.starts_with("finish ")) {
      port_.finish(core::JobId(std::stoull(command.substr(7))));
      say("done");
    } else if (command.starts_with("storm ")) {
      storm_ = std::stoi(command.substr(6));
      blow_->set(core::BootTime());
    } else {
      is_done_ = true;
    }
  }

  /// Ten jobs a round, as a busy instance has them.
  void blow() {
    for (int i = 0; i < 10 && storm_ > 0; ++i, --storm_)
      make_and_end();
    if (storm_ > 0)
      blow_->set(core::BootTime());
    else
      say("done");
  }

  void make_and_end() {
    core::JobSpec spec;
    spec.argv = {"true"};
    spec.kind = core::JobKind::kDetached;
    port_.create({.uid = core::Uid(0), .pid = {}}, spec, {},
                 [this](const core::Answer<core::CreatedJob>& job) {
                   port_.finish(job->jid);
                 });
    port_.rows.erase(std::prev(port_.rows.end()));
  }

  bus_test::PollLoop loop_;
  bus_test::FakeJobControl port_;
  bus::Server server_;
  std::unique_ptr<bus::LoopTimer> blow_;
  int storm_ = 0;
  std::string pending_;
  bool is_done_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  FakeInstance instance;
  return instance.run(argv[1], argc > 2 ? argv[2] : nullptr);
}
