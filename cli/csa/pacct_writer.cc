// SPDX-License-Identifier: Apache-2.0
#include "cli/csa/pacct_writer.h"

#include <utility>

#include "accounting/cycle/switched_file.h"
#include "accounting/records/output_file.h"
#include "cli/connection.h"

namespace cli {

using accounting::Outcome;
using accounting::stop;

Outcome<PacctWriter> PacctWriter::find(const accounting::Places& places) {
  PacctWriter writer(places);
  writer.view_.is_on = false;
  writer.view_.switches.kinds = 0;
  writer.view_.pacct = places.pacct;
  if (!find_running(Which::kAny)) return writer;
  auto client = connect(Which::kAny);
  if (!client) return stop(client.error().text);
  auto view = client->accounting_status();
  if (!view) return stop(view.error().text);
  writer.client_ = *std::move(client);
  writer.view_ = *std::move(view);
  return writer;
}

bool PacctWriter::writes(const std::string& path) const {
  return client_ &&
         (view_.pacct == path || accounting::is_same_file(view_.pacct, path));
}

Outcome<std::string> PacctWriter::switch_file() {
  if (!client_) return accounting::switch_file(*places_, places_->pacct);
  auto name = client_->switch_accounting();
  if (!name) return stop(name.error().text);
  return *std::move(name);
}

namespace {

std::unexpected<accounting::Stop> nobody_writes() {
  return stop(
      "No instance of Corral runs: nobody writes accounting records "
      "but commands in record mode.");
}

}  // namespace

Outcome<void> PacctWriter::turn(bool is_on) {
  if (!client_) return nobody_writes();
  if (const auto done = client_->turn_accounting(is_on); !done)
    return stop(done.error().text);
  view_.is_on = is_on;
  return {};
}

Outcome<void> PacctWriter::turn(bool is_on, const core::RecordSwitches& named) {
  if (!client_) return nobody_writes();
  if (const auto done = client_->turn_kinds(is_on, named); !done)
    return stop(done.error().text);
  return {};
}

}  // namespace cli
