// SPDX-License-Identifier: Apache-2.0
// Record mode: the records of a job without a supervisor. The start is on the
// disk before the command runs; a process is recorded before it is reaped. A
// file that cannot be written never stops or changes the command: it is said
// once when it is found, and at the end how much is missing.
#pragma once

#include <sys/random.h>
#include <unistd.h>

#include <cstdint>

#include "accounting/append.h"
#include "accounting/csa_encode.h"
#include "core/containment.h"
#include "core/exit_record.h"
#include "core/ids.h"
#include "reaper/record_file.h"
#include "reaper/say.h"
#include "reaper/scope_options.h"
#include "reaper/scope_result.h"
#include "sys/clock.h"

namespace reaper {

namespace detail {

inline std::uint64_t random_number() {
  std::uint64_t number = 0;
  // Early in boot there may be no randomness yet; the clock will do.
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number)
    number =
        sys::real_now().raw() ^ (static_cast<std::uint64_t>(::getpid()) << 40U);
  return number;
}

}  // namespace detail

/// A jid of a private instance: a random hid with the top bit set.
inline core::JobId random_job_id() {
  const std::uint64_t number = detail::random_number();
  const auto hid = static_cast<std::uint32_t>(number >> 32U) | 0x80000000U;
  const auto sequence = static_cast<std::uint32_t>(number) | 1U;
  return core::make_job_id(hid, sequence);
}

class Recorder {
 public:
  /// Opens the file and puts the start of the job on the disk.
  void open(const ScopeOptions& options, core::JobId jid,
            const core::Text<64>& name) {
    is_wanted_ = true;
    path_ = options.record_path;
    jid_ = jid;
    uid_ = core::Uid(options.uid.value_or(::getuid()));
    gid_ = core::Gid(options.gid.value_or(::getgid()));
    const auto opened = file_.open(path_, detail::random_number());
    accounting::StartOfJob start;
    start.key = file_.next_key();
    start.jid = jid;
    start.uid = uid_;
    start.when = sys::now();
    start.name = name;
    const core::JobLimits& limits = options.limits;
    start.add_asked(core::LimitKind::kWallTime, limits.wall_time);
    start.add_asked(core::LimitKind::kCpuTime, limits.cpu_time);
    start.add_asked(core::LimitKind::kMemory, limits.memory);
    start.add_asked(core::LimitKind::kProcesses, limits.processes);
    start.add_asked(core::LimitKind::kOpenFiles, limits.open_files);
    file_.append(accounting::encode(start));
    const auto synced = opened ? file_.sync() : opened;
    if (!synced) complain(synced.error().code);
  }

  [[nodiscard]] bool is_wanted() const { return is_wanted_; }

  void process_ended(core::ExitRecord record, std::uint64_t sequence) {
    if (!is_wanted_) return;
    record.sequence = sequence;
    accounting::ProcessEnd end;
    end.key = file_.next_key();
    end.record = record;
    file_.append(accounting::encode(end));
  }

  void job_ended(const ScopeFacts& facts, core::Engine engine) {
    if (!is_wanted_) return;
    append_end(facts, engine);
    is_wanted_ = false;
    file_.flush();
    if (file_.missing() > 0) say_missing();
  }

  /// Written by the guard in the scope's memory; not if the scope had
  /// written the end, or was killed while it kept records back.
  void scope_was_killed(const ScopeFacts& facts, core::Engine engine) {
    if (is_wanted_ && file_.missing() == 0) append_end(facts, engine);
  }

 private:
  void append_end(const ScopeFacts& facts, core::Engine engine) {
    accounting::EndOfJob end;
    end.key = file_.next_key();
    end.jid = jid_;
    end.uid = uid_;
    end.gid = gid_;
    end.started = facts.started;
    end.ended = facts.ended;
    end.result = facts.report.result;
    end.totals = facts.report.totals;
    end.processes_seen = facts.report.processes_seen;
    end.stragglers = facts.report.stragglers;
    end.engine = engine;
    file_.append(accounting::encode(end));
  }

  void complain(int code) {
    Sentence text("cannot write records to '");
    text.append(path_).append("': ").append(accounting::words_of(code));
    say(text.append("; the job runs without").view());
  }

  void say_missing() {
    Sentence text;
    text.append_unsigned(file_.missing());
    text.append(file_.missing() == 1 ? " record" : " records");
    text.append(" of job ").append(core::display(jid_).view());
    text.append(" could not be written to '").append(path_).append("': ");
    say(text.append(accounting::words_of(file_.code())).view());
  }

  RecordFile file_;
  bool is_wanted_ = false;  ///< the end is due
  const char* path_ = "";
  core::JobId jid_;
  core::Uid uid_;
  core::Gid gid_;
};

}  // namespace reaper
