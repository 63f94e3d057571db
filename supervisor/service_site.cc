// SPDX-License-Identifier: Apache-2.0
#include "supervisor/service_site.h"

#include <unistd.h>

namespace supervisor {

ServiceSite service_site(const Settings& settings, const Host& host,
                         std::uint32_t hid) {
  ServiceSite site;
  site.user = core::Uid(::geteuid());
  site.rules.instance = site.user;
  site.hid = hid;
  core::InstanceView& view = site.view;
  view.version = CORRAL_VERSION;
  view.kind =
      settings.places.kind == sys::InstanceKind::kSystem ? "system" : "private";
  view.hid = hid;
  view.engine = host.engine.engine;
  view.engine_why = host.engine.why;
  if (host.base.facts.cgroup2_is_writable)
    view.cgroup_base = host.base.path.view();
  view.pacct = settings.places.pacct;
  return site;
}

}  // namespace supervisor
