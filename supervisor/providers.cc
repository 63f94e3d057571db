// SPDX-License-Identifier: Apache-2.0
#include "supervisor/providers.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/job_name.h"
#include "supervisor/log.h"
#include "sys/clock.h"

namespace supervisor {

namespace {

using core::Answer;
using core::Refusal;
using core::Verb;

std::string quoted(std::string_view name) {
  return "provider '" + std::string(name) + "'";
}

}  // namespace

Providers::Providers(Site site, const ProviderBounds& bounds)
    : site_(std::move(site)),
      bounds_(bounds),
      watched_(site_.containers,
               [this](core::ProviderId id) {
                 const auto at = registrations_.find(id);
                 return at == registrations_.end() ? core::ProviderEvents()
                                                   : at->second.request.events;
               }),
      round_(site_.loop, [this] { take_turn(); }),
      self_(std::make_shared<Providers*>(this)) {}

Providers::~Providers() = default;

Answer<void> Providers::check_request(
    const core::Caller& caller, const core::ProviderRequest& request) const {
  if (!core::is_job_name(request.name))
    return std::unexpected(
        core::invalid("the provider's name is not one, expected " +
                      std::string(core::kJobNameExpected)));
  const auto is_own = [&caller](const auto& one) {
    return one.second.caller.uid == caller.uid;
  };
  if (request.name != core::kJobProvider &&
      std::ranges::any_of(registrations_, [&](const auto& one) {
        return is_own(one) && one.second.request.name == request.name;
      }))
    return refuse(Refusal::kNameTaken, quoted(request.name) + " of uid " +
                                           std::to_string(caller.uid.raw()) +
                                           " is registered already");
  if (registrations_.size() + waiting_.size() >= bounds_.registrations)
    return refuse(Refusal::kTooMany, "there are " +
                                         std::to_string(registrations_.size()) +
                                         " providers already");
  if (caller.uid == core::Uid(0) || caller.uid == core::Uid(::geteuid()))
    return {};
  const auto own = std::ranges::count_if(registrations_, is_own);
  if (static_cast<std::size_t>(own) < bounds_.registrations_of_user) return {};
  return refuse(Refusal::kTooMany, "uid " + std::to_string(caller.uid.raw()) +
                                       " has " + std::to_string(own) +
                                       " providers already");
}

void Providers::register_provider(const core::Caller& caller,
                                  core::ProviderRequest request,
                                  RegisterDone done) {
  if (auto checked = check_request(caller, request); !checked)
    return done(std::unexpected(std::move(checked).error()));
  Waiting waiting{
      .caller = caller, .request = std::move(request), .done = std::move(done)};
  waiting.caller.granted = {};  // that was for this call
  const bool is_opened =
      state_ == SourceState::kOpen || state_ == SourceState::kNone;
  if (!waiting.request.events.needs_source() || is_opened)
    return finish(std::move(waiting));
  waiting_.push_back(std::move(waiting));
  if (state_ == SourceState::kClosed) open_source(0);
}

void Providers::finish(Waiting waiting) {
  if (auto checked = check_request(waiting.caller, waiting.request); !checked)
    return waiting.done(std::unexpected(std::move(checked).error()));
  const core::ProviderId id = ++last_id_;
  Registration one{.caller = std::move(waiting.caller),
                   .request = std::move(waiting.request),
                   .outlet = ProviderOutlet(bounds_.outlet)};
  auto end = one.outlet.open(site_.loop, [this, id] { on_ready(id); });
  if (!end)
    return waiting.done(refuse(Refusal::kUnavailable,
                               std::string("no socket for the events: ") +
                                   end.error().message().c_str()));
  const core::EventSource kind =
      source() != nullptr ? source()->kind() : core::EventSource::kNone;
  one.outlet.say_first(
      core::provider_begin_line(one.request.name, kind, why_).view());
  const bool is_of_jobs = one.request.name == core::kJobProvider;
  if (registrations_.empty()) site_.listens(true);
  const auto& added = registrations_.emplace(id, std::move(one)).first->second;
  if (is_of_jobs) {
    for (const auto& [jid, entry] : site_.table.jobs())
      if (entry.job.state < core::JobState::kEnded &&
          site_.may(added.caller, Verb::kInspect, entry.job.owner))
        (void)watched_.add(jid, {.provider = id, .aggregate = jid.raw()});
    watched_.refresh_wanted();
  }
  arrange();
  waiting.done(Registered{.id = id, .events = *std::move(end)});
}

void Providers::end_registration(core::ProviderId id) {
  if (registrations_.erase(id) == 0) return;
  watched_.remove_all(id);
  if (registrations_.empty()) site_.listens(false);
  if (!is_source_needed()) close_source_soon();
}

Answer<core::ProviderId> Providers::find(const core::Caller& caller,
                                         std::string_view name) {
  const Registration* found = nullptr;
  core::ProviderId id = 0;
  for (const auto& [number, one] : registrations_) {
    const bool is_own = one.caller.uid == caller.uid;
    if (one.request.name != name || (found != nullptr && !is_own)) continue;
    found = &one;
    id = number;
  }
  if (found == nullptr)
    return refuse(Refusal::kInvalid,
                  quoted(name) + " is not registered, expected one that is");
  if (site_.may(caller, Verb::kControl, found->caller.uid)) return id;
  return refuse(Refusal::kAccessDenied,
                quoted(name) + " belongs to uid " +
                    std::to_string(found->caller.uid.raw()) + ", not to uid " +
                    std::to_string(caller.uid.raw()),
                Verb::kControl);
}

Answer<void> Providers::unregister(const core::Caller& caller,
                                   std::string_view name) {
  end_registration(TRY(find(caller, name)));
  return {};
}

std::vector<core::ProviderView> Providers::list(const core::Caller& caller) {
  std::vector<core::ProviderView> views;
  for (const auto& [id, one] : registrations_) {
    if (!site_.may(caller, Verb::kSee, one.caller.uid)) continue;
    const bool is_told = one.request.events.needs_source();
    views.push_back({.name = one.request.name,
                     .owner = one.caller.uid,
                     .pid = one.caller.pid,
                     .events = one.request.events,
                     .source = is_told && source() != nullptr
                                   ? source()->kind()
                                   : core::EventSource::kNone,
                     .told = one.outlet.told(),
                     .waiting = one.outlet.waiting(),
                     .lost = one.outlet.lost()});
  }
  return views;
}

// --- the source ---

bool Providers::is_source_needed() const {
  return !waiting_.empty() ||
         std::ranges::any_of(registrations_, [](const auto& one) {
           return one.second.request.events.needs_source();
         });
}

void Providers::open_source(std::size_t index) {
  state_ = SourceState::kOpening;
  index_ = index;
  if (index == 0) why_ = site_.obstacle;
  if (!site_.obstacle.empty() || index == sources_.size())
    return settle_source(SourceState::kNone, why_);
  sources_[index]->open([this, index](bool is_open, std::string_view why) {
    if (is_open) return settle_source(SourceState::kOpen, why_);
    // Not from within: it is asked to close.
    site_.loop.defer([weak = std::weak_ptr<Providers*>(self_), index,
                      why = std::string(why)] {
      const auto self = weak.lock();
      if (!self) return;
      Providers& providers = **self;
      providers.sources_[index]->close();
      if (!providers.why_.empty()) providers.why_ += "; ";
      providers.why_ +=
          std::string(name_of(providers.sources_[index]->kind())) + ": " + why;
      providers.open_source(index + 1);
    });
  });
}

void Providers::settle_source(SourceState state, std::string why) {
  state_ = state;
  why_ = std::move(why);
  if (state == SourceState::kNone)
    spdlog::warn("providers are not told of forks and execs: {}", why_);
  watched_.set_source(source());
  for (Waiting& waiting : std::exchange(waiting_, {}))
    finish(std::move(waiting));
  if (!is_source_needed()) close_source_soon();
}

/// Not from within what it tells.
void Providers::close_source_soon() {
  site_.loop.defer([weak = std::weak_ptr<Providers*>(self_)] {
    const auto self = weak.lock();
    if (!self) return;
    Providers& providers = **self;
    const bool is_settled = providers.state_ == SourceState::kOpen ||
                            providers.state_ == SourceState::kNone;
    if (!is_settled || providers.is_source_needed()) return;
    providers.watched_.set_source(nullptr);
    if (ProcessSource* const open = providers.source()) open->close();
    providers.attached_.clear();
    providers.state_ = SourceState::kClosed;
    providers.why_.clear();
  });
}

// --- rounds ---

/// A round comes after what happens now, and after the pause that the last one
/// earned.
void Providers::arrange() {
  if (std::exchange(is_arranged_, true)) return;
  told_ = 0;
  spent_ = {};
  round_.set(next_round_);
}

void Providers::take_turn() {
  const core::BootTime began = sys::boot_now();
  auto at = registrations_.upper_bound(told_);
  for (unsigned count = 0; at != registrations_.end() && count < bounds_.turn;
       ++count) {
    const auto next = std::next(at);
    told_ = at->first;
    ProviderOutlet& outlet = at->second.outlet;
    if (!outlet.is_blocked() && outlet.send() == ProviderOutlet::Sent::kGone)
      end_registration(at->first);
    at = next;
  }
  spent_ = spent_ + (sys::boot_now() - began);
  if (at == registrations_.end()) return end_round();
  round_.set(core::BootTime());  // now, but others before it
}

void Providers::end_round() {
  is_arranged_ = false;
  next_round_ =
      sys::boot_now() + core::Microseconds(spent_.raw() * (bounds_.share - 1));
  const bool has_more =
      std::ranges::any_of(registrations_, [](const auto& one) {
        return !one.second.outlet.is_blocked() && one.second.outlet.has_more();
      });
  if (has_more) arrange();
}

void Providers::on_ready(core::ProviderId id) {
  const auto at = registrations_.find(id);
  if (at == registrations_.end()) return;
  ProviderOutlet& outlet = at->second.outlet;
  if (outlet.has_left() ||
      (outlet.is_blocked() && outlet.send() == ProviderOutlet::Sent::kGone))
    return end_registration(id);
  if (!outlet.is_blocked() && outlet.has_more()) arrange();
}

}  // namespace supervisor
