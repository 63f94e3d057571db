// SPDX-License-Identifier: Apache-2.0
// The limits of a job that changed while it lived, to the bytes of one append:
// a site record. Apart from csa_encode.h, which is in the reaper's programs
// too. Pure.
#pragma once

#include <cstring>

#include "accounting/csa_encode.h"

namespace accounting {

/// `limits.uid`: who changed them; `limits.asked`: the bounds from now on.
inline RecordBytes encode_limits(const StartOfJob& limits) {
  RecordBytes bytes;
  SiteLimits site = {};
  site.head =
      detail::site_head(SiteKind::kLimits, limits.key, limits.when.real);
  site.head.uid = limits.uid.raw();
  site.head.jid = limits.jid.raw();
  site.key = limits.key.key;
  std::memcpy(site.first_bounds, limits.asked.bounds, sizeof site.first_bounds);
  std::memcpy(site.more_bounds,
              limits.asked.bounds + std::size(site.first_bounds),
              sizeof site.more_bounds);
  site.kinds = limits.asked.kinds;
  detail::put_last(bytes, site);
  return bytes;
}

}  // namespace accounting
