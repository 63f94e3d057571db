// SPDX-License-Identifier: Apache-2.0
// The end of a job that another boot of the machine cut short. CSA has no end
// of job for it: csabuild knows by the next boot that it "ended by crash", and
// an accteoj behind that boot's record would be a job of that boot, with
// nothing in it. So the site record stands alone.
#pragma once

#include "accounting/csa_encode.h"

namespace accounting {

inline RecordBytes encode_alone(const EndOfJob& end) {
  RecordBytes bytes;
  const SiteEnd site = detail::site_of(end);
  detail::put_last(bytes, site);
  return bytes;
}

}  // namespace accounting
