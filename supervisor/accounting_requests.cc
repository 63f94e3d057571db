// SPDX-License-Identifier: Apache-2.0
// What is asked of the accounting file (core/accounting_control.h): orders to
// the scribe, through the recorder.
#include <cerrno>
#include <cstring>
#include <utility>

#include "accounting/append.h"
#include "supervisor/job_service.h"
#include "supervisor/log.h"
#include "supervisor/recorder.h"

namespace supervisor {

namespace {

std::unexpected<core::Refused> failed(const std::string& path, int code) {
  return refuse(
      core::Refusal::kUnavailable,
      "the accounting file '" + path + "': " + accounting::words_of(code));
}

}  // namespace

core::AccountingView JobService::accounting_status() {
  const Recorder& recorder = parts_->recorder;
  const RecorderCounts counts = recorder.counts();
  return {.is_on = !recorder.is_off(),
          .pacct = recorder.pacct(),
          .written = counts.written,
          .waiting = counts.waiting,
          .lost = counts.lost,
          .fault = recorder.code() == 0
                       ? ""
                       : accounting::words_of(recorder.code())};
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

}  // namespace supervisor
