// SPDX-License-Identifier: Apache-2.0
#include "bus/announcer.h"

#include <utility>

#include "bus/job_properties.h"
#include "bus/names.h"

namespace bus {

Announcer::Announcer(LoopHooks& hooks, Audience& audience)
    : hooks_(hooks),
      audience_(audience),
      self_(std::make_shared<Announcer*>(this)) {}

void Announcer::on_job_new(const core::Job& job) {
  gather({.kind = Kind::kNew,
          .jid = job.jid,
          .name = job.spec.name,
          .owner = job.owner,
          .result = {},
          .limit = {}});
}

void Announcer::on_job_changed(const core::Job& job) {
  if (audience_.is_empty() || !changed_.insert(job.jid).second) return;
  gather({.kind = Kind::kChanged,
          .jid = job.jid,
          .name = {},
          .owner = {},
          .result = {},
          .limit = {}});
}

void Announcer::on_limit_passed(const core::Job& job) {
  if (!job.limit_hit) return;
  gather({.kind = Kind::kLimit,
          .jid = job.jid,
          .name = {},
          .owner = {},
          .result = {},
          .limit = *job.limit_hit});
}

void Announcer::on_soft_limit_passed(const core::Job& job,
                                     const core::LimitHit& hit) {
  gather({.kind = Kind::kSoftLimit,
          .jid = job.jid,
          .name = {},
          .owner = {},
          .result = {},
          .limit = hit,
          .signal = core::terms_of(job.spec.limits, job.spec.terms, hit.kind)
                        .soft_signal()});
}

void Announcer::on_job_removed(const core::Job& job) {
  gather({.kind = Kind::kRemoved,
          .jid = job.jid,
          .name = {},
          .owner = job.owner,
          .result = job.result,
          .limit = {}});
}

void Announcer::on_job_forgotten(core::JobId jid) {
  gather({.kind = Kind::kForgotten,
          .jid = jid,
          .name = {},
          .owner = {},
          .result = {},
          .limit = {}});
}

void Announcer::gather(News news) {
  if (audience_.is_empty()) return;
  if (news_.empty())
    hooks_.defer([weak = std::weak_ptr<Announcer*>(self_)] {
      if (const auto self = weak.lock()) (*self)->send_all();
    });
  news_.push_back(std::move(news));
}

void Announcer::send_all() {
  const std::vector<News> all = std::exchange(news_, {});
  changed_.clear();
  for (const std::shared_ptr<Connection>& to : audience_.listeners()) {
    for (const News& news : all) {
      to->views() = {};
      // One that cannot be told is about to end, and will know by that.
      if (send(*to, news) < 0) break;
    }
    to->views() = {};
    to->rearm();
  }
}

/// InterfacesAdded, unless the job has been forgotten meanwhile.
int Announcer::tell_added(Connection& to, core::JobId jid) {
  const auto view = brief_view(to.port(), anybody(), jid);
  if (!view) return 0;
  sd_bus_message* signal = nullptr;
  int r = ::sd_bus_message_new_signal(to.bus(), &signal, kRootPath,
                                      kObjectsInterface, "InterfacesAdded");
  if (r < 0) return r;
  const MessageRef held = MessageRef::take(signal);
  r = ::sd_bus_message_append_basic(signal, SD_BUS_TYPE_OBJECT_PATH,
                                    job_path(jid).c_str());
  if (r >= 0) r = append_job_interfaces(signal, *view);
  return r < 0 ? r : ::sd_bus_send(to.bus(), signal, nullptr);
}

int Announcer::send(Connection& to, const News& news) {
  const core::Text<40> path = job_path(news.jid);
  switch (news.kind) {
    case Kind::kNew:
      (void)tell_added(to, news.jid);
      return ::sd_bus_emit_signal(
          to.bus(), kManagerPath, kManagerInterface, "JobNew", "tosu",
          news.jid.raw(), path.c_str(), news.name.c_str(), news.owner.raw());
    case Kind::kForgotten:
      return ::sd_bus_emit_signal(to.bus(), kRootPath, kObjectsInterface,
                                  "InterfacesRemoved", "oas", path.c_str(), 1,
                                  kJobInterface);
    case Kind::kLimit: {
      const std::string name(core::name_of(news.limit.kind));
      return ::sd_bus_emit_signal(to.bus(), kManagerPath, kManagerInterface,
                                  "LimitHit", "tostt", news.jid.raw(),
                                  path.c_str(), name.c_str(), news.limit.value,
                                  news.limit.bound);
    }
    case Kind::kSoftLimit: {
      const std::string name(core::name_of(news.limit.kind));
      return ::sd_bus_emit_signal(to.bus(), kManagerPath, kManagerInterface,
                                  "SoftLimitHit", "tostti", news.jid.raw(),
                                  path.c_str(), name.c_str(), news.limit.value,
                                  news.limit.bound, news.signal.raw());
    }
    case Kind::kRemoved: {
      const std::string word(core::word_of(news.result.reason));
      return ::sd_bus_emit_signal(to.bus(), kManagerPath, kManagerInterface,
                                  "JobRemoved", "tosi", news.jid.raw(),
                                  path.c_str(), word.c_str(),
                                  core::shell_code(news.result));
    }
    case Kind::kChanged:
      // A job that was forgotten meanwhile has nothing to tell.
      (void)::sd_bus_emit_properties_changed(
          to.bus(), path.c_str(), kJobInterface, "State", "FreezerState",
          "Result", "Sentence", "MainPid", "ControlGroup", "StartedUSec",
          "EndedUSec", nullptr);
      return to.is_open() ? 0 : -1;
  }
  return 0;
}

}  // namespace bus
