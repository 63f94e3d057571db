// SPDX-License-Identifier: Apache-2.0
// What is asked of the accounting file (core/accounting_control.h): orders to
// the scribe, through the recorder.
#include <cerrno>
#include <cstring>
#include <utility>

#include "accounting/append.h"
#include "accounting/daemon_encode.h"
#include "supervisor/job_files.h"
#include "supervisor/job_service.h"
#include "supervisor/log.h"
#include "supervisor/recorder.h"
#include "sys/clock.h"

namespace supervisor {

namespace {

std::unexpected<core::Refused> failed(const std::string& path, int code) {
  return refuse(
      core::Refusal::kUnavailable,
      "the accounting file '" + path + "': " + accounting::words_of(code));
}

/// "csa, mem", for the log.
std::string names_of(const core::RecordSwitches& switches) {
  std::string names;
  for (const core::AccountKindRow& row : core::kAccountKinds) {
    if (!switches.has(row.kind)) continue;
    if (!names.empty()) names += ", ";
    names += row.name;
  }
  return names;
}

}  // namespace

core::AccountingView JobService::accounting_status() {
  const Recorder& recorder = parts_->recorder;
  const RecorderCounts counts = recorder.counts();
  core::AccountingView view = {
      .is_on = !recorder.is_off(),
      .pacct = recorder.pacct(),
      .written = counts.written,
      .waiting = counts.waiting,
      .lost = counts.lost,
      .fault =
          recorder.code() == 0 ? "" : accounting::words_of(recorder.code()),
      .switches = recorder.switches()};
  recorder.tell_rules(view);
  if (view.lacks_room)
    view.fault = "less is free in its file system than least_free";
  return view;
}

void JobService::switch_accounting(const core::Caller& caller,
                                   SwitchDone done) {
  if (const auto allowed = may_manage(caller, "switch the accounting file");
      !allowed)
    return done(std::unexpected(allowed.error()));
  const std::string path = parts_->recorder.pacct();
  parts_->recorder.order(
      accounting::ScribeOrder::kSwitch,
      [done = std::move(done), path](int code, std::uint32_t number) {
        if (code != 0) return done(failed(path, code));
        const std::string name =
            number == 0 ? std::string() : path + std::to_string(number);
        spdlog::info("the accounting file was switched: '{}'", name);
        done(name);
      });
}

void JobService::turn_accounting(const core::Caller& caller, bool is_on,
                                 Done done) {
  if (const auto allowed = may_manage(
          caller, is_on ? "turn accounting on" : "turn accounting off");
      !allowed)
    return done(std::unexpected(allowed.error()));
  const std::string path = parts_->recorder.pacct();
  parts_->recorder.order(
      is_on ? accounting::ScribeOrder::kOn : accounting::ScribeOrder::kOff,
      [done = std::move(done), path, is_on](int code, std::uint32_t) {
        if (code != 0) return done(failed(path, code));
        spdlog::warn("accounting is {}", is_on ? "on" : "off");
        done({});
      });
}

void JobService::turn_kinds(const core::Caller& caller, bool is_on,
                            const core::RecordSwitches& named, Done done) {
  if (const auto allowed =
          may_manage(caller, is_on ? "turn kinds of accounting on"
                                   : "turn kinds of accounting off");
      !allowed)
    return done(std::unexpected(allowed.error()));
  const std::string path = parts_->recorder.pacct();
  parts_->recorder.order(
      is_on ? accounting::ScribeOrder::kEnable
            : accounting::ScribeOrder::kDisable,
      [done = std::move(done), path, is_on, named](int code, std::uint32_t) {
        if (code != 0) return done(failed(path, code));
        spdlog::warn("accounting of {} is {}", names_of(named),
                     is_on ? "on" : "off");
        done({});
      },
      named);
}

void JobService::write_record(const core::Caller& caller,
                              core::DaemonRecord record, RecordDone done) {
  const bool is_trusted = caller.uid == core::Uid(0) ||
                          caller.uid == site_.user ||
                          core::is_scheduler(caller, site_.rules);
  if (!is_trusted)
    return done(refuse(core::Refusal::kAccessDenied,
                       "uid " + std::to_string(caller.uid.raw()) +
                           " may not write records of daemons; root, the "
                           "instance's own user and the site's schedulers may "
                           "(corral.toml(5))"));
  accounting::DaemonEvent event = {
      .key = {.instance = journal_.epoch(), .key = journal_.next_number()},
      .kind = record.kind,
      .jid = record.jid,
      .by = caller.uid,
      .when = sys::real_now(),
      .bytes = std::move(record.bytes)};
  if (const char* const fault = accounting::fault_of(event))
    return done(refuse(core::Refusal::kInvalid,
                       std::string("the record cannot be written: ") + fault));
  if (!parts_->recorder.switches().has(record.kind)) return done(false);
  PendingRecord pending = {.key = event.key.key,
                           .jid = record.jid,
                           .kind = RecordKind::kTold,
                           .bytes = accounting::encode(event)};
  if (const auto kept = journal_.append(encode_item(pending)); !kept)
    return done(refuse(core::Refusal::kUnavailable,
                       std::string(text_of(kept.error().message()))));
  parts_->recorder.take(std::move(pending));
  done(true);
}

void JobService::job_file(const core::Caller& caller, core::JobFileVerb verb,
                          core::Handle file, Done done) {
  const auto jid = find_by_pid(caller, caller.pid);
  if (!jid) return done(std::unexpected(jid.error()));
  const TableEntry* const entry = table_.find(*jid);
  if (entry == nullptr || handlers_.job_files == nullptr)
    return done(refuse(core::Refusal::kUnavailable, "the job is not known"));
  if (caller.uid != core::Uid(0) && caller.uid != entry->job.spec.uid)
    return done(refuse(core::Refusal::kAccessDenied,
                       "uid " + std::to_string(caller.uid.raw()) +
                           " may not follow the records of job " +
                           std::string(core::display(*jid).view())));
  JobFiles& files = *handlers_.job_files;
  switch (verb) {
    case core::JobFileVerb::kStart:
      return files.start(*jid,
                         {.uid = caller.uid,
                          .gid = caller.groups.empty() ? entry->job.spec.gid
                                                       : caller.groups[0]},
                         sys::UniqueFd(std::move(file)), std::move(done));
    case core::JobFileVerb::kSync:
      return files.sync(*jid, std::move(done));
    case core::JobFileVerb::kStop:
      return files.stop(*jid, std::move(done));
  }
}

}  // namespace supervisor
