// SPDX-License-Identifier: Apache-2.0
#include "bus/announcer.h"

#include <utility>

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
          .result = {}});
}

void Announcer::on_job_changed(const core::Job& job) {
  if (audience_.is_empty() || !changed_.insert(job.jid).second) return;
  gather({.kind = Kind::kChanged,
          .jid = job.jid,
          .name = {},
          .owner = {},
          .result = {}});
}

void Announcer::on_job_removed(const core::Job& job) {
  gather({.kind = Kind::kRemoved,
          .jid = job.jid,
          .name = {},
          .owner = job.owner,
          .result = job.result});
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

int Announcer::send(Connection& to, const News& news) {
  const core::Text<40> path = job_path(news.jid);
  switch (news.kind) {
    case Kind::kNew:
      return ::sd_bus_emit_signal(
          to.bus(), kManagerPath, kManagerInterface, "JobNew", "tosu",
          news.jid.raw(), path.c_str(), news.name.c_str(), news.owner.raw());
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
          to.bus(), path.c_str(), kJobInterface, "State", "Result", "Sentence",
          "MainPid", "ControlGroup", "StartedUSec", "EndedUSec", nullptr);
      return to.is_open() ? 0 : -1;
  }
  return 0;
}

}  // namespace bus
