// SPDX-License-Identifier: Apache-2.0
#include "accounting/billing/billed_units.h"

#include <utility>

#include "core/try.h"

namespace accounting {

BilledUnits::BilledUnits(std::string program, const std::string& path,
                         const ByteWindow& sorted, Console& console)
    : BilledUnits(std::move(program), exact_units_path(path)) {
  console_ = &console;
  auto exact = ExactUnits::open(path, sorted);
  if (exact)
    exact_ = std::move(*exact);
  else if (exact.error().is_damaged)
    tell(exact.error().why);
  else
    untold_ = std::move(exact.error().why);
}

core::Result<BilledUnits> BilledUnits::quiet_twin() const {
  BilledUnits twin(program_, name_);
  if (exact_) twin.exact_ = TRY(exact_->twin());
  twin.untold_ = untold_;
  return twin;
}

void BilledUnits::give_up(const std::string& why) {
  exact_.reset();
  tell(why);
}

void BilledUnits::tell(const std::string& why) {
  if (console_ != nullptr)
    console_->complain(program_ + ": the fractions of units in '" + name_ +
                       "' are not used: " + why + ".\n");
  untold_.clear();
  has_told_ = true;
}

}  // namespace accounting
