// SPDX-License-Identifier: Apache-2.0
// The taskstats collector: a process that stays, as the kernel keeps what it
// tells only for a while. taskstats tells what each thread used at its end, the
// proc connector who forked whom, the supervisor who was launched and moved; a
// process whose job is known goes into the ring, for the scribe.
//
// Invariants:
//  - A process is never taken for another job's than its own. One of which
//    nobody knows whose it is has no record, and the jobs whose it may have
//    been are no longer sure that they saw all.
//  - What found no room in a socket leaves no job sure, and everything that is
//    known of who is where is read again.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "accounting/taskstats_packets.h"
#include "collect/exit_fold.h"
#include "collect/exit_ring.h"
#include "collect/kept_counts.h"
#include "collect/lineage.h"
#include "collect/taskstats_socket.h"
#include "core/error.h"
#include "sys/message_socket.h"
#include "sys/proc_connector.h"

namespace collect {

class TaskstatsService {
 public:
  /// Serves the supervisor on `socket` until it closes it; the exit code.
  int run(int socket);

 private:
  struct CountedJob {
    std::uint64_t exits = 0;
    std::uint64_t lost = 0;
    KeptCounts::Row* kept = nullptr;  ///< null: it has none
    std::int32_t cloner = 0;
    std::uint64_t project_id = 0;
    bool has_member = false;  ///< its first process was told of
    bool is_sure = true;
    bool has_news = true;
  };
  struct Ended {
    Lineage::Process process;
    ExitFold fold;
    std::uint64_t since_ns = 0;
  };
  struct Ripe {
    std::int32_t pid = 0;
    std::uint64_t since_ns = 0;
  };

  [[nodiscard]] core::Result<void> begin(sys::Packet& packet,
                                         std::int32_t reaper);
  bool serve(int socket);
  void obey(const accounting::TaskstatsRequest& request, sys::Packet& packet,
            int socket);
  void enrol(const accounting::TaskstatsRequest& request);
  void withdraw(std::uint64_t jid);
  void set_moving(int change);
  void tell_counts(int socket);

  void drain();
  void read_forks();
  void on_end(const TaskstatsSockets::End& end);
  void finish_ripe(bool is_last_call);
  void finish(std::int32_t pid, const ExitFold& fold);
  void settle();
  void record(const Ended& ended, std::uint64_t jid);
  void lose();
  void look_around();
  [[nodiscard]] bool is_suspect(const CountedJob& job) const;
  [[nodiscard]] int patience() const;

  std::optional<TaskstatsSockets> sockets_;
  sys::ProcConnector connector_;
  ExitRing ring_;
  KeptCounts counts_;
  std::int32_t reaper_ = 0;
  bool has_delays_ = false;  ///< the kernel counts them
  int moves_ = 0;
  Lineage lineage_;
  std::map<std::uint64_t, CountedJob> jobs_;
  std::unordered_map<std::int32_t, ExitFold> folds_;
  std::deque<Ripe> ripe_;       ///< whose other threads may not be read yet
  std::vector<Ended> waiting_;  ///< of whom nobody knows whose they are
};

}  // namespace collect
