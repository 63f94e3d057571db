// SPDX-License-Identifier: Apache-2.0
#include "supervisor/takeover.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <variant>

#include "supervisor/jid_source.h"
#include "supervisor/log.h"
#include "supervisor/record_maker.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

/// Folds the journal's items into the table, one after another.
class Replay {
 public:
  Replay(std::uint64_t instance, const Remembering& remembering)
      : instance_(instance) {
    restored_.table.set_remembering(remembering);
  }

  [[nodiscard]] core::Result<void> take(const JournalEntry& entry) {
    number_ = entry.number;
    if (auto item = decode_item(entry.body)) {
      std::visit(*this, *std::move(item));
      return {};
    }
    core::JournalItem item = TRY(core::decode(entry.body));
    std::visit(*this, std::move(item));
    return {};
  }
  Restored finish() && { return std::move(restored_); }

  void operator()(PendingRecord record) {
    restored_.records.push_back(std::move(record));
  }
  void operator()(const ReaperIdentity& reaper) {
    restored_.history.reaper = reaper;
  }
  void operator()(const StopOrder& order) { restored_.history.stop = order; }
  void operator()(const JidBlock& block) {
    auto& jids = restored_.history.jids;
    jids = jids ? joined(*jids, block) : block;
  }
  void operator()(FreeJids free) {
    restored_.history.free_jids = std::move(free);
  }
  void operator()(const CrashSearched&) {
    restored_.history.has_searched_crash = true;
  }
  void operator()(const core::InstanceCounters& counters) {
    restored_.history.counters = counters;
  }
  void operator()(core::JobSnapshot snapshot) {
    note_jid(snapshot.job.jid);
    restored_.table.insert(std::move(snapshot.job), snapshot.state_entry);
  }
  void operator()(const core::JobEvent& event) {
    note_exit(event);
    TableEntry* entry = restored_.table.find(event.job);
    core::Step step;
    if (std::holds_alternative<core::event::Created>(event.body)) {
      if (entry != nullptr) return;
      step = core::begin(event);
      note_jid(event.job);
      entry = &restored_.table.insert(std::move(step.job), number_);
    } else {
      if (entry == nullptr) return;  // of a job that is forgotten
      step = core::step(entry->job, event);
      restored_.table.update(*entry, std::move(step.job), number_);
    }
    for (const core::Effect& effect : step.effects)
      if (auto record = make_record(instance_, number_, entry->job, effect))
        restored_.records.push_back(*std::move(record));
    restored_.table.forget_old(event.when.boot);
  }

 private:
  void note_jid(core::JobId jid) {
    core::InstanceCounters& counters = restored_.history.counters;
    if (core::hid_of(jid) == counters.hid)
      counters.last_sequence =
          std::max(counters.last_sequence, core::sequence_of(jid));
  }

  void note_exit(const core::JobEvent& event) {
    const auto* exited = std::get_if<core::event::ProcessExited>(&event.body);
    if (exited == nullptr) return;
    const core::ExitRecord& record = exited->record;
    std::uint64_t& last = record.has(core::Counters::kByScope)
                              ? restored_.history.scope_exits[event.job]
                              : restored_.history.counters.last_exit;
    last = std::max(last, record.sequence);
  }

  std::uint64_t instance_;
  Restored restored_;
  std::uint64_t number_ = 0;
};

template <class Item>
core::Result<void> append(Journal& journal, const Item& item) {
  std::vector<std::byte> bytes;
  core::encode(item, bytes);
  (void)TRY(journal.append(bytes));
  return {};
}

/// One of the supervisor's own items, if there is one.
template <class Item>
core::Result<void> append_own(Journal& journal,
                              const std::optional<Item>& item) {
  if (item) (void)TRY(journal.append(encode_item(*item)));
  return {};
}

core::Result<void> append_job(Journal& journal, const TableEntry& entry) {
  return append(journal, core::JobSnapshot{.job = entry.job,
                                           .state_entry = entry.state_entry});
}

/// The ended ones in the order of their ends.
core::Result<void> append_jobs(Journal& journal, const JobTable& table) {
  for (const core::JobId jid : table.ended())
    TRY(append_job(journal, *table.find(jid)));
  for (const auto& [jid, entry] : table.jobs())
    if (entry.job.state != core::JobState::kEnded)
      TRY(append_job(journal, entry));
  return {};
}

}  // namespace

Inheritance sort_inheritance(std::vector<StoreEntry> entries) {
  Inheritance found;
  for (StoreEntry& entry : entries) {
    if (entry.name != Journal::kStoreName) {
      found.others.push_back(std::move(entry));
      continue;
    }
    auto journal = Journal::open(std::move(entry.fd));
    if (journal) {
      if (journal->bytes_cut() > 0)
        spdlog::warn("the journal's last entry was torn: {} bytes cut",
                     journal->bytes_cut());
      found.journal = *std::move(journal);
    } else {
      spdlog::critical("the journal cannot be read: {}; starting a new one",
                       text_of(journal.error().message()));
    }
  }
  return found;
}

core::Result<Restored> replay(const Journal& journal,
                              const Remembering& remembering) {
  Replay fold(journal.epoch(), remembering);
  TRY(journal.replay(
      [&](const JournalEntry& entry) { return fold.take(entry); }));
  return std::move(fold).finish();
}

core::Result<void> write_snapshot(Journal& journal, const JobTable& table,
                                  const History& history,
                                  const std::deque<PendingRecord>& pending) {
  TRY(append(journal, history.counters));
  TRY(append_own(journal, history.reaper));
  TRY(append_own(journal, history.stop));
  TRY(append_own(journal, history.jids));
  if (!history.free_jids.ranges().empty())
    (void)TRY(journal.append(encode_item(history.free_jids)));
  if (history.has_searched_crash)
    (void)TRY(journal.append(encode_item(CrashSearched{})));
  TRY(append_jobs(journal, table));
  for (const PendingRecord& record : pending)
    (void)TRY(journal.append(encode_item(record)));
  return {};
}

core::Job job_of_container(Containers& containers, core::JobId jid,
                           core::Collector collector) {
  core::event::Created created;
  created.engine = core::Engine::kCgroup2;
  created.spec.kind = core::JobKind::kDetached;
  created.owner = core::Uid(::geteuid());
  for (const core::Pid pid : containers.members(jid)) {
    const auto ids = sys::read_proc_ids(pid);
    if (!ids) continue;
    created.owner = ids->uid;
    created.spec.gid = ids->gid;
    break;
  }
  created.spec.uid = created.owner;
  created.spec.parent = containers.parent(jid);
  created.spec.limits = containers.held(jid);
  const core::Moment made = containers.made(jid);
  core::Job job = core::begin({.job = jid, .when = made, .body = created}).job;
  for (const core::EventBody& body :
       {core::EventBody(core::event::ContainerMade{collector}),
        core::EventBody(core::event::StartRecorded{}),
        core::EventBody(core::event::Launched{core::Pid(0)})})
    job = core::step(std::move(job), {.job = jid, .when = made, .body = body})
              .job;
  if (containers.is_frozen(jid)) job.freezing = core::Freezing::kFrozen;
  return job;
}

}  // namespace supervisor
