// SPDX-License-Identifier: Apache-2.0
#include "supervisor/instance.h"

#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/stop_signal.h"
#include "supervisor/instance_id.h"
#include "supervisor/instance_parts.h"
#include "supervisor/log.h"
#include "supervisor/provider_sources.h"
#include "supervisor/revival.h"
#include "supervisor/service_site.h"
#include "supervisor/unit_files.h"
#include "sys/cgroup_tree.h"
#include "sys/clock.h"
#include "sys/own_programs.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

constexpr const char* kListenerName = "listener";

std::optional<ReaperIdentity> identity_of(std::int32_t pid) {
  const auto stat = sys::read_proc_stat(core::Pid(pid));
  if (!stat) return std::nullopt;
  return ReaperIdentity{.pid = pid, .start_ticks = stat->start_ticks};
}

}  // namespace

Instance::Parts::Parts(EventLoop& loop, Settings settings, Handlers handlers,
                       Host host, Past past)
    : loop_(loop),
      settings_(std::move(settings)),
      handlers_(std::move(handlers)),
      host_(std::move(host)),
      hid_(past.restored.history.counters.hid),
      is_new_journal_(past.is_new_journal),
      store_link_(std::move(past.store)),
      store_(*store_link_),
      hid_lock_(std::move(past.hid_lock)),
      history_(std::move(past.restored.history)),
      journal_(std::move(past.journal)),
      table_(std::move(past.restored.table)),
      handles_(store_),
      lifetimes_(loop, handles_),
      scopes_(loop, handles_),
      containers_(host_.base.path.c_str(), std::move(host_.directory),
                  host_.limits),
      names_(loop),
      site_limits_(loop, settings_.limits_file),
      killer_(loop, host_.reaper),
      mover_(loop),
      places_({.loop = loop,
               .table = table_,
               .handles = handles_,
               .containers = containers_}),
      ledger_(loop, settings_.places),
      jids_(loop, jid_handlers()),
      service_(loop, service_site(settings_, host_, hid_), table_, journal_,
               jids_),
      watch_(loop,
             {.on_container =
                  [this](core::JobId jid) { inspector_.inspect_soon(jid); },
              .on_main_end =
                  [this](core::JobId jid, std::optional<std::int32_t> status) {
                    service_.post(jid, core::event::MainStatusLearned{
                                           .is_known = status.has_value(),
                                           .wait_status = status.value_or(0)});
                  },
              .on_timer =
                  [this](core::JobId jid, core::JobTimer timer) {
                    service_.post(jid, core::event::TimerFired{timer});
                  },
              .on_memory =
                  [this](core::JobId jid) { return effects_.note_memory(jid); },
              .on_soft_memory =
                  [this](core::JobId jid) { effects_.note_soft_memory(jid); }}),
      recorder_(loop, service_, journal_.epoch(), recorder_site()),
      job_files_(loop, store_, recorder_),
      collection_(loop, {.store = store_, .reaper = reaper_}, recorder_,
                  collection_site(),
                  [this](core::Collector collector, std::string_view why) {
                    if (!why.empty())
                      spdlog::info("collector {}: {}", core::name_of(collector),
                                   why);
                    service_.set_collector(collector, why);
                    if (is_ready_)
                      service_.lose_collector(collection_.running());
                  }),
      left_open_({.ledger = ledger_,
                  .table = table_,
                  .journal = journal_,
                  .recorder = recorder_,
                  .history = history_},
                 hid_),
      inspector_(loop, table_, containers_, handles_, scopes_, watch_, service_,
                 collection_.followed()),
      launcher_({.init = host_.init,
                 .pidns = host_.pidns,
                 .logs = settings_.places.logs,
                 .can_change_user = ::geteuid() == 0,
                 .means = host_.limits.means},
                containers_, handles_, scopes_),
      admission_({.instance = core::Uid(::geteuid()),
                  .rules = {.instance = core::Uid(::geteuid())},
                  .facts = host_.base.facts,
                  .engine = host_.engine.engine,
                  .means = host_.limits.means,
                  .can_place = ::geteuid() == 0 && can_pin(),
                  .most_live = settings_.site.live,
                  .most_live_of_one = settings_.site.live_of_user,
                  .descriptors = DescriptorRoom::of_process()},
                 table_, names_, site_limits_),
      providers_(providers_site()),
      rules_(settings_.site, names_,
             [this](const core::AuthorityRules& rules) {
               service_.set_rules(rules);
               providers_.set_rules(rules);
               admission_.set_rules(rules);
             }),
      reports_(
          {.table = table_,
           .sink = service_,
           .handles = handles_,
           .scopes = scopes_,
           .places = places_,
           .store = store_,
           .inspector = inspector_,
           .loop = loop,
           .hid = hid_},
          {.on_welcome = [this](const auto& body) { on_welcome(body); },
           .on_signalled = [this](const auto& body) { on_signalled(body); },
           .on_reexec_refused =
               [](const reaper::Refused& refused) {
                 spdlog::error("the reaper goes on as it is: {}", refused.text);
               },
           .on_reaper_gone = [this] { on_reaper_gone(); },
           .on_new_store =
               [this](StoreEnds store) { on_new_store(std::move(store)); },
           .on_stray = [this](core::JobId jid) { service_.note_jid(jid); },
           .is_caller_awaited =
               [this](core::JobId jid) {
                 return service_.is_caller_awaited(jid);
               }}),
      reaper_(loop, sys::UniqueFd(settings_.reaper_fd), journal_.epoch(),
              reports_),
      effects_({.loop = loop,
                .sink = service_,
                .containers = containers_,
                .handles = handles_,
                .scopes = scopes_,
                .watch = watch_,
                .inspector = inspector_,
                .launcher = launcher_,
                .reaper = reaper_,
                .recorder = recorder_,
                .killer = killer_,
                .collection = collection_,
                .mover = mover_,
                .places = places_}),
      shutdown_(loop,
                {.service = service_,
                 .table = table_,
                 .recorder = recorder_,
                 .history = history_},
                settings_.stop_timeout,
                [this](std::int32_t code) { tell_exit_code(code); }),
      idleness_(loop, service_, recorder_,
                [this] { shutdown_.begin("idleness"); }) {
  scopes_.set_events(reports_);
  lifetimes_.set_end(
      [this](core::JobId jid) { service_.end_with_creator(jid); });
  reports_.set_reaper(reaper_);
  inspector_.set_barrier([this](std::uint64_t number) {
    collection_.barrier([this, number] { reaper_.send_barrier(number); });
  });
  const Mover::Guard guard = {
      .begin = [this](auto done) { collection_.begin_move(std::move(done)); },
      .end = [this] { collection_.end_move(); }};
  mover_.set_guard(guard);
  places_.set_guard(guard);
  inspector_.set_counter([this](const core::Job& job, core::JobTotals& totals) {
    add_count(job, totals);
  });
  service_.connect({.admission = admission_,
                    .effects = effects_,
                    .containers = containers_,
                    .handles = handles_,
                    .scopes = scopes_,
                    .store = store_,
                    .launcher = launcher_,
                    .recorder = recorder_,
                    .mover = mover_,
                    .places = places_,
                    .providers = providers_,
                    .followed = collection_.followed(),
                    .lifetimes = lifetimes_},
                   {.on_reexec = [this] { on_reexec(); },
                    .on_shut_down = [this] { shutdown_.begin("shutdown"); },
                    .on_ended = [this](core::JobId jid) { on_ended(jid); },
                    .on_settled = [this] { on_settled(); },
                    .on_creator =
                        [this](core::JobId jid, core::Pid pid) {
                          collection_.note_creator(jid, pid);
                        },
                    .on_launched =
                        [this](core::JobId jid, core::Pid pid) {
                          collection_.note_member(jid, pid);
                        },
                    .job_files = &job_files_});
  providers_.set_sources(
      provider_sources(loop, providers_.sink(), settings_.event_source));
  adopt(std::move(past.entries));
  jids_.take_up(history_.counters.last_sequence, history_.jids,
                history_.free_jids);
  reports_.resume_from(history_.counters.last_exit,
                       std::exchange(history_.scope_exits, {}));
  for (PendingRecord& record : past.restored.records)
    recorder_.take(std::move(record));
}

void Instance::Parts::adopt(std::vector<StoreEntry> entries) {
  for (StoreEntry& entry : entries) {
    if (entry.name == kListenerName)
      listener_ = std::move(entry.fd);
    else if (!collection_.adopt(entry.name, entry.fd) &&
             !job_files_.adopt(entry.name, entry.fd) &&
             !handles_.adopt(entry.name, std::move(entry.fd)))
      spdlog::debug("the store has '{}', which is nobody's here", entry.name);
  }
  collection_.resume();
  job_files_.resume(table_);
  handles_.drop_unless(
      [this](core::JobId jid) { return table_.find(jid) != nullptr; });
  for (const auto& [jid, entry] : table_.jobs())
    if (entry.job.spec.parent != core::kNoJob &&
        entry.job.state < core::JobState::kEnded)
      containers_.nest(jid, entry.job.spec.parent);
}

CollectionSite Instance::Parts::collection_site() const {
  const auto program = sys::find_own_program(sys::OwnProgram::kCollect);
  return {.asked = settings_.collector,
          .program = program.value_or(std::string()),
          .ring = settings_.site.ring,
          .has_cgroups = core::has_cgroup(host_.engine.engine)};
}

Providers::Site Instance::Parts::providers_site() {
  return {.loop = loop_,
          .table = table_,
          .containers = containers_,
          .may =
              [this](const auto& caller, core::Verb verb, core::Uid owner) {
                return service_.may(caller, verb, owner);
              },
          .listens =
              [this](bool listens) {
                if (!listens) return service_.set_listener({});
                service_.set_listener([this](const auto& job, const auto& event,
                                             core::JobState before) {
                  providers_.on_job_event(job, event, before);
                });
              },
          .rules = {.instance = core::Uid(::geteuid())},
          .obstacle = settings_.event_source == core::EventSource::kNone
                          ? "'none' was asked for"
                          : ""};
}

/// What the kernel counted of a job that is empty.
void Instance::Parts::add_count(const core::Job& job, core::JobTotals& totals) {
  if (!core::counts_all(job.collector)) return;
  if (const auto id = containers_.id(job.jid))
    collection_.add_totals(job.jid, *id, totals);
}

void Instance::Parts::greet_reaper() {
  if (is_new_journal_) put_own();
  hold_lock(settings_.lock_fd);
  reaper_.hello();
}

void Instance::Parts::on_welcome(const reaper::Welcome& welcome) {
  collection_.hold_again();
  // The next image of the same reaper: it has our orders, we what it told.
  if (is_ready_) return;
  const auto identity = identity_of(welcome.reaper_pid);
  if (is_new_journal_) take_over_containers();
  if (history_.reaper && identity && *identity != *history_.reaper) {
    spdlog::warn(
        "the reaper that was process {} is gone; process {} is the "
        "reaper now",
        history_.reaper->pid, identity->pid);
    service_.lose_reaper();
  }
  if (identity && history_.reaper != identity) {
    history_.reaper = identity;
    const auto remembered = service_.remember(encode_item(*identity));
    if (!remembered)
      spdlog::error("the reaper's identity is not remembered: {}",
                    text_of(remembered.error().message()));
  }
  service_.lose_collector(collection_.running());
  collection_.enrol_again(table_);
  service_.settle();
  service_.set_supervisor_starts(welcome.supervisor_starts);
  rules_.look_up();
  service_.resume();
  jids_.prepare();
  // What lives was found: the rest of what is open was ended by a crash.
  left_open_.close_all();
  // Not before: a start that it reports would find no caller awaited.
  recorder_.start();
  if (!settings_.units.empty() && welcome.supervisor_starts == 1)
    announce_units(settings_.units);
  is_ready_ = true;
  if (!handlers_.on_ready()) return;
  reaper_.ready();
  shutdown_.resume();
  on_settled();
}

void Instance::Parts::take_over_containers() {
  for (const core::JobId jid : containers_.all()) {
    if (core::hid_of(jid) != hid_) continue;
    spdlog::warn("job {} is taken over by its container",
                 core::display(jid).view());
    const auto id = containers_.id(jid);
    service_.adopt(job_of_container(
        containers_, jid,
        id ? collection_.counting(*id) : core::Collector::kWait));
  }
}

void Instance::Parts::on_signalled(const reaper::SignalSeen& seen) {
  std::string_view what = "ignored";
  const bool is_stop = core::is_stop_signal(seen.signal);
  if (is_stop)
    what = shutdown_.is_under_way() ? "already shutting down" : "shutting down";
  if (seen.signal == SIGHUP) what = "there are no units to be read again";
  spdlog::info("{} from process {} of uid {}: {}",
               core::signal_name(seen.signal).view(), seen.sender_pid,
               seen.sender_uid, what);
  if (is_stop) shutdown_.begin("shutdown");
}

void Instance::Parts::on_reaper_gone() {
  // One with jobs needs a reaper to the end; the next supervisor goes on.
  if (shutdown_.is_under_way() && table_.live_count() == 0)
    return end(Ending::kDone);
  spdlog::critical("the reaper has been killed; becoming a new one");
  end(Ending::kRevive);
}

void Instance::Parts::on_new_store(StoreEnds store) {
  spdlog::warn("there is a new store: putting everything again");
  store_.replace(std::move(store.link), std::move(store.process));
  put_again();
}

void Instance::Parts::put_own() {
  store_.put(Journal::kStoreName, journal_.memfd());
  if (hid_lock_.is_open()) store_.put(kHidLockName, hid_lock_.get());
}

void Instance::Parts::put_again() {
  put_own();
  if (listener_.is_open()) store_.put(kListenerName, listener_.get());
  handles_.put_again();
  collection_.put_again();
  job_files_.put_again();
}

void Instance::Parts::on_settled() {
  if (!is_ready_) return;
  reports_.acknowledge();
  compact_if_due();
  if (shutdown_.is_under_way()) return shutdown_.go_on();
  if (settings_.places.kind != sys::InstanceKind::kPrivate ||
      !settings_.units.empty())
    return;
  idleness_.look();
}

void Instance::Parts::compact_if_due() {
  // What is acknowledged must be on its way before the journal forgets it.
  if (!journal_.wants_compaction()) return;
  store_.flush();
  if (!store_.is_flushed() || !scopes_.are_flushed()) return;
  history_.counters = {.hid = hid_,
                       .last_sequence = service_.last_sequence(),
                       .last_order = service_.last_sequence(),
                       .last_exit = reports_.last_exit()};
  service_.forget_old(sys::boot_now());
  const auto done = journal_.compact(
      [this](Journal& journal) {
        return write_snapshot(journal, table_, history_, recorder_.pending());
      },
      // Now or not at all: a snapshot that reached the store later would take
      // the place of the journal that is written meanwhile.
      [this](int memfd) { return store_.put_now(Journal::kStoreName, memfd); });
  if (!done)
    spdlog::error("the journal is not compacted: {}",
                  text_of(done.error().message()));
}

void Instance::Parts::on_reexec() {
  // Deferred twice over: the answer to the caller is sent first.
  loop_.defer([this] {
    reaper_.reexec(host_.init);
    reaper_.when_flushed([this] { end(Ending::kRestart); });
  });
}

void Instance::Parts::tell_exit_code(std::int32_t code) {
  forget_hid(settings_.places);
  reaper_.shut_down(code);
  reaper_.when_flushed([this] { end(Ending::kDone); });
}

void Instance::Parts::end(Ending ending) {
  ending_ = ending;
  loop_.stop();
}

void Instance::Parts::keep_listener(sys::UniqueFd listener) {
  listener_ = std::move(listener);
  store_.put(kListenerName, listener_.get());
}

core::Result<std::vector<std::string>> Instance::Parts::revival() {
  const StoreEnds store =
      TRY(pass_on_store(store_, {.reaper = host_.reaper,
                                 .ring = reaper_.ring(),
                                 .put_again = [this] { put_again(); }}));
  return revival_command({.init = host_.init,
                          .kept = {{"--keeper-fd", store.link.get()},
                                   {"--store-pidfd", store.process.get()},
                                   {"--lock-fd", settings_.lock_fd}},
                          .arguments = settings_.kept_arguments});
}

// --- the face

Instance::Instance(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Instance::~Instance() = default;

core::Result<std::unique_ptr<Instance>> Instance::start(EventLoop& loop,
                                                        Settings settings,
                                                        Handlers handlers) {
  Host host = TRY(look_around(settings));
  const bool has_base = core::has_cgroup(host.engine.engine);
  Past past = TRY(look_back(
      loop, settings, has_base ? std::string(host.base.path.view()) : ""));
  settings.reaper_fd =
      TRY(adopt_descriptor(settings.reaper_fd, "--reaper-fd")).release();
  auto parts =
      std::make_unique<Parts>(loop, std::move(settings), std::move(handlers),
                              std::move(host), std::move(past));
  parts->greet_reaper();
  return std::unique_ptr<Instance>(new Instance(std::move(parts)));
}

core::JobControl& Instance::port() {
  return parts_->port();
}
std::optional<sys::UniqueFd> Instance::take_listener() {
  return parts_->take_listener();
}
void Instance::keep_listener(sys::UniqueFd listener) {
  parts_->keep_listener(std::move(listener));
}
void Instance::hold_lock(int lock) {
  parts_->hold_lock(lock);
}
Ending Instance::ending() const {
  return parts_->ending();
}
core::Result<std::vector<std::string>> Instance::revival() {
  return parts_->revival();
}

}  // namespace supervisor
