// SPDX-License-Identifier: Apache-2.0
#include "cli/csa/toml_forms.h"

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/billing/csa_conf.h"
#include "accounting/billing/holidays.h"
#include "units/csa_settings.h"
#include "units/holiday_settings.h"

namespace cli {

namespace {

/// What a loader says, or its faults as whole lines.
template <class Value>
std::expected<Value, std::string> with_lines(
    std::expected<Value, std::vector<std::string>> read) {
  if (read) return *std::move(read);
  std::string faults;
  for (const std::string& fault : read.error())
    faults += fault + "\n";
  return std::unexpected(std::move(faults));
}

std::expected<std::string, std::string> conf_of(std::string_view text,
                                                const std::string& path) {
  return with_lines(units::csa_conf_of_toml(text, path));
}

std::expected<core::Holidays, std::string> holidays_of(
    std::string_view text, const std::string& path) {
  return with_lines(units::parse_holiday_settings(text, path));
}

}  // namespace

void read_toml_forms() {
  accounting::set_conf_translator(conf_of);
  accounting::set_holidays_translator(holidays_of);
}

}  // namespace cli
