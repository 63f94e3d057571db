// SPDX-License-Identifier: Apache-2.0
#include "supervisor/recorder.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "accounting/append.h"
#include "accounting/csa_encode.h"
#include "accounting/kernel_ring.h"
#include "supervisor/log.h"
#include "supervisor/record_maker.h"
#include "sys/clock.h"
#include "sys/unique_fd.h"

namespace supervisor {

namespace {

/// How long a job waits for a scribe that does not answer.
constexpr core::Microseconds kScribePatience = core::seconds(5);

void put_loss(PendingRecord& record, const accounting::Loss& loss) {
  const accounting::RecordBytes bytes = accounting::encode(loss);
  record.bytes.assign(bytes.view().begin(), bytes.view().end());
}

/// Of one that no scribe takes, as the journal of a later version may have: to
/// its job it is what it was, so that nobody waits for it.
void make_loss(PendingRecord& record, std::uint64_t instance) {
  spdlog::error("a record has {} bytes, expected at most {}: it is lost",
                record.bytes.size(), accounting::kLargestAppend);
  put_loss(record, {.last = {.instance = instance, .key = record.key},
                    .first_key = record.key,
                    .count = 1,
                    .code = EMSGSIZE,
                    .when = sys::real_now()});
  if (record.kind != RecordKind::kStart && record.kind != RecordKind::kEnd)
    record.kind = RecordKind::kLoss;
}

}  // namespace

Recorder::Recorder(EventLoop& loop, EventSink& sink, std::uint64_t instance,
                   const RecorderSite& site)
    : loop_(loop),
      sink_(sink),
      instance_(instance),
      most_pending_(site.most_pending),
      pacct_(site.pacct),
      rules_(site.rules),
      patience_(loop, [this] { settle_all(); }),
      scribe_(loop,
              {.name = "scribe",
               .words = {"corrald", "--worker=scribe", "--pacct=" + site.pacct},
               .program = site.scribe},
              {.on_packet = [this](auto packet) { on_packet(packet); },
               .on_death = [this] { on_death(); },
               .on_start = [this] { greet(); }}) {}

void Recorder::record(const core::Job& job, const core::Effect& effect,
                      std::uint64_t key) {
  if (auto record = make_record(instance_, key, job, effect))
    take(*std::move(record));
}

void Recorder::take(PendingRecord record) {
  if (!pending_.empty() && pending_.back().key >= record.key) return;
  if (record.bytes.size() > accounting::kLargestAppend) {
    make_loss(record, instance_);
    ++lost_here_;
  }
  drop_beyond_bound();
  pending_.push_back(std::move(record));
  if (is_greeted_) send(pending_.back());
  if (pending_.back().kind <= RecordKind::kEnd &&
      pending_.back().kind != RecordKind::kProcess && !patience_.is_set())
    patience_.set(sys::boot_now() + kScribePatience);
}

void Recorder::drop_beyond_bound() {
  while (pending_.size() >= most_pending_) {
    const auto oldest =
        std::ranges::find(pending_, RecordKind::kProcess, &PendingRecord::kind);
    if (oldest == pending_.end()) return;
    drop(oldest);
  }
}

void Recorder::drop(std::deque<PendingRecord>::iterator dropped) {
  if (!open_loss_) {
    spdlog::error(
        "accounting records are being lost: the scribe has not "
        "written {} of them",
        pending_.size());
    open_loss_ = {.first_key = dropped->key, .last_key = 0, .count = 0};
  } else {
    // One record for all of them, so that there is room again.
    const std::uint64_t key = dropped->key;
    pending_.erase(
        std::ranges::find(pending_, open_loss_->last_key, &PendingRecord::key));
    dropped = std::ranges::find(pending_, key, &PendingRecord::key);
  }
  open_loss_->last_key = dropped->key;
  ++open_loss_->count;
  dropped->kind = RecordKind::kLoss;
  dropped->jid = {};
  write_down_loss();
}

/// Into the record that stands for what was dropped.
void Recorder::write_down_loss() {
  const auto at =
      std::ranges::find(pending_, open_loss_->last_key, &PendingRecord::key);
  accounting::Loss loss;
  loss.last = {.instance = instance_, .key = open_loss_->last_key};
  loss.first_key = open_loss_->first_key;
  loss.count = open_loss_->count;
  loss.code = status_.code;
  loss.when = sys::real_now();
  put_loss(*at, loss);
}

/// A scribe will be sent the loss: what is dropped later is another one. Those
/// of its keys that a scribe before had written are not lost; at most the rest.
void Recorder::close_loss(std::uint64_t written_key) {
  if (open_loss_ && open_loss_->last_key > written_key) {
    if (open_loss_->first_key <= written_key) {
      open_loss_->first_key = written_key + 1;
      open_loss_->count =
          std::min(open_loss_->count, open_loss_->last_key - written_key);
      write_down_loss();
    }
    lost_here_ += open_loss_->count;
  }
  open_loss_.reset();
}

void Recorder::start() {
  scribe_.start();
}

bool Recorder::has_pending(core::JobId jid, RecordKind kind) const {
  return std::ranges::any_of(pending_, [&](const PendingRecord& record) {
    return record.jid == jid && record.kind == kind;
  });
}

void Recorder::greet() {
  accounting::ScribeGreeting greeting;
  greeting.instance = instance_;
  greeting.rules = rules_;
  scribe_.send(std::as_bytes(std::span(&greeting, 1)));
  send_followed();  // before anything that they are fed with
  if (ring_ >= 0) send_ring();
}

void Recorder::send_ring() {
  flush();
  const accounting::ScribeRing packet;
  const int fds[] = {ring_, control_, wake_};
  const std::size_t count = ring_ < 0 ? 0 : wake_ < 0 ? 2 : 3;
  scribe_.send(std::as_bytes(std::span(&packet, 1)),
               std::span(fds).first(count));
}

void Recorder::set_ring(int ring, int control, int wake) {
  ring_ = ring;
  control_ = control;
  wake_ = wake;
  send_ring();  // to one that does not run yet: when it is greeted
}

void Recorder::forget_ring() {
  set_ring(-1, -1);
}

std::uint64_t Recorder::in_ring() const {
  if (ring_ < 0) return 0;
  auto records = sys::duplicate(ring_);
  auto control = sys::duplicate(control_);
  if (!records || !control) return 0;
  const auto ring =
      accounting::KernelRing::open(*std::move(records), *std::move(control));
  return ring ? ring->waiting() : 0;
}

void Recorder::send(const PendingRecord& record) {
  accounting::ScribeRequest request;
  request.key = record.key;
  request.flags =
      record.kind == RecordKind::kStart ? accounting::kWantsSync : 0;
  request.size = static_cast<std::uint32_t>(record.bytes.size());
  const std::size_t size = sizeof request + record.bytes.size();
  if (batch_.size() + size > accounting::kLargestScribePacket) flush();
  if (batch_.empty()) loop_.defer([this] { flush(); });
  const auto head = std::as_bytes(std::span(&request, 1));
  batch_.insert(batch_.end(), head.begin(), head.end());
  batch_.insert(batch_.end(), record.bytes.begin(), record.bytes.end());
}

/// The records of one turn of the loop are one packet, if they fit.
void Recorder::flush() {
  if (!batch_.empty()) scribe_.send(batch_);
  batch_.clear();
}

void Recorder::send(Order& order) {
  if (order.control.inode == 0) {  // it stays the same for every next scribe
    order.control.device = status_.device;
    order.control.inode = status_.inode;
  }
  flush();  // it is about what comes after them
  const std::span<const int> fds(&order.fd, order.fd < 0 ? 0 : 1);
  scribe_.send(std::as_bytes(std::span(&order.control, 1)), fds);
}

void Recorder::send_followed() {
  for (const auto& [jid, spool] : followed_) {
    accounting::ScribeControl control;
    control.order = accounting::ScribeOrder::kFollow;
    control.jid = jid.raw();
    Order order = {.control = control, .done = {}, .fd = spool};
    send(order);
  }
}

void Recorder::follow(core::JobId jid, int spool, OrderDone done) {
  followed_[jid] = spool;
  accounting::ScribeControl control;
  control.order = accounting::ScribeOrder::kFollow;
  control.jid = jid.raw();
  if (!done) {
    Order order = {.control = control, .done = {}, .fd = spool};
    if (is_greeted_) send(order);
    return;
  }
  control.number = ++last_order_;
  orders_.push_back({.control = control, .done = std::move(done), .fd = spool});
  if (is_greeted_) send(orders_.back());
}

void Recorder::unfollow(core::JobId jid) {
  if (followed_.erase(jid) == 0) return;
  for (Order& order : orders_)  // its descriptor is not ours any longer
    if (order.control.jid == jid.raw()) order.fd = -1;
  accounting::ScribeControl control;
  control.order = accounting::ScribeOrder::kUnfollow;
  control.jid = jid.raw();
  control.number = ++last_order_;
  orders_.push_back({.control = control, .done = {}});
  if (is_greeted_) send(orders_.back());
}

void Recorder::order(accounting::ScribeOrder order, OrderDone done,
                     const core::RecordSwitches& named) {
  accounting::ScribeControl control;
  control.number = ++last_order_;
  control.order = order;
  control.kinds = named.kinds;
  control.memory_kib = named.memory_kib;
  control.time_us = named.time_us;
  orders_.push_back({.control = control, .done = std::move(done)});
  if (is_greeted_) send(orders_.back());
}

/// One status answers one order; an answer may ask for the next.
void Recorder::answer_orders() {
  while (!orders_.empty() &&
         orders_.front().control.number <= status_.control) {
    const Order answered = std::move(orders_.front());
    orders_.pop_front();
    if (answered.done)
      answered.done(status_.control_code, status_.switched_number);
  }
}

void Recorder::on_packet(std::span<const std::byte> packet) {
  if (const auto status =
          accounting::read_scribe_packet<accounting::ScribeStatus>(packet))
    on_status(*status);
}

void Recorder::on_status(const accounting::ScribeStatus& status) {
  if (status.code != 0 && status_.code == 0 && status.lacks_room == 0)
    spdlog::error("the accounting file cannot be written: {}; records are kept",
                  accounting::words_of(status.code));
  if (status.code == 0 && status_.code != 0)
    spdlog::info("the accounting file can be written again");
  log_rules(status);
  if (status.torn_bytes > status_.torn_bytes)
    spdlog::warn(
        "the accounting file ended in {} bytes of an append that was torn by a "
        "death or a power cut: they were cut off, and what they told is lost "
        "unless it is told again",
        status.torn_bytes - status_.torn_bytes);
  const bool has_fed = status.fed != status_.fed;
  status_ = status;
  if (has_fed && fed_) fed_();
  const bool is_refused = status.code != 0;
  for (const PendingRecord& record : pending_) {
    if (record.key <= settled_key_) continue;
    const std::uint64_t done = record.kind == RecordKind::kStart
                                   ? status.synced_key
                                   : status.written_key;
    if (record.key > done && (!is_refused || record.key > status.accepted_key))
      break;
    settle(record);
  }
  while (!pending_.empty() && pending_.front().key <= status.written_key)
    pending_.pop_front();
  if (!is_greeted_ ||
      (open_loss_ && open_loss_->last_key <= status.written_key))
    close_loss(status.written_key);
  if (pending_.empty() || pending_.back().key <= settled_key_)
    patience_.clear();
  answer_orders();
  if (is_greeted_) return;
  is_greeted_ = true;
  if (status.is_off != 0)
    spdlog::warn("accounting is off: no record is written (csaswitch -c on)");
  for (const PendingRecord& record : pending_)
    send(record);
  for (Order& order : orders_)
    send(order);
}

std::string Recorder::switched_name(std::uint32_t number) const {
  return number == 0 ? std::string() : pacct_ + std::to_string(number);
}

void Recorder::log_rules(const accounting::ScribeStatus& status) const {
  if (status.lacks_room != 0 && status_.lacks_room == 0)
    spdlog::error(
        "{} bytes are free where the accounting file '{}' is, expected "
        "least_free, {}: nothing is written until {} are, records are kept",
        status.free, pacct_, rules_.least_free, core::room_again(rules_));
  if (status.rule_switches > status_.rule_switches)
    spdlog::info(
        "the accounting file was switched for its {}: '{}' ({} by rules)",
        core::word_of(status.rule_cause), switched_name(status.rule_number),
        switches_before_ + status.rule_switches);
  if (status.rule_code != 0 && status_.rule_code == 0)
    spdlog::error("the accounting file '{}' cannot be switched: {}", pacct_,
                  accounting::words_of(status.rule_code));
}

void Recorder::tell_rules(core::AccountingView& view) const {
  view.rules = rules_;
  view.switched = switched_name(status_.rule_number);
  view.switched_for = core::word_of(status_.rule_cause);
  view.switches_by_rule = switches_before_ + status_.rule_switches;
  view.lacks_room = status_.lacks_room != 0;
}

void Recorder::settle(const PendingRecord& record) {
  settled_key_ = record.key;
  if (record.kind == RecordKind::kStart)
    sink_.post(record.jid, core::event::StartRecorded{});
  if (record.kind == RecordKind::kEnd)
    sink_.post(record.jid, core::event::EndRecorded{});
}

void Recorder::settle_all() {
  spdlog::warn("the scribe does not answer; {} records are kept",
               pending_.size());
  for (const PendingRecord& record : pending_)
    if (record.key > settled_key_) settle(record);
}

void Recorder::on_death() {
  spdlog::warn("the scribe has died; {} records will be sent again",
               pending_.size());
  is_greeted_ = false;
  batch_.clear();
  written_before_ += status_.written;
  lost_before_ += status_.lost;
  status_.written = 0;
  status_.lost = 0;
  status_.torn_bytes = 0;
  status_.control = 0;
  status_.fed = 0;
  switches_before_ += status_.rule_switches;
  status_.rule_switches = 0;
}

RecorderCounts Recorder::counts() const {
  // What was dropped while a scribe lives it has, or tells the loss of.
  const std::uint64_t dropped =
      open_loss_ && !is_greeted_ ? open_loss_->count : 0;
  return {.written = written_before_ + status_.written,
          .waiting = pending_.size(),
          .lost = lost_before_ + status_.lost + lost_here_ + dropped};
}

}  // namespace supervisor
