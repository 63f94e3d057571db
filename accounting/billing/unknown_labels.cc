// SPDX-License-Identifier: Apache-2.0
#include "accounting/billing/unknown_labels.h"

#include <algorithm>
#include <string_view>

#include "accounting/billing/sbu.h"

namespace accounting {

namespace {

/// Behind WKMG_; a number follows where the row ends with '#'.
constexpr std::string_view kOfRequests[] = {
    "START",        "TERM_EXIT",  "TERM_REQUEUE", "TERM_HOLD", "TERM_RERUN",
    "TERM_MIGRATE", "NUM_QUEUES", "NUM_MACHINES", "QUEUE#",    "MACHINE#",
};

bool is_of_requests(std::string_view word) {
  return std::ranges::any_of(kOfRequests, [word](std::string_view row) {
    if (!row.ends_with('#')) return word == row;
    row.remove_suffix(1);
    return word.starts_with(row) && word.size() > row.size() &&
           word.find_first_not_of("0123456789", row.size()) ==
               std::string_view::npos;
  });
}

struct Prefix {
  std::string_view text;
  bool (*is_known)(std::string_view word);
  std::string_view expected;
};
constexpr Prefix kPrefixes[] = {
    {.text = "P_", .is_known = is_weight, .expected = "a weight"},
    {.text = "NP_", .is_known = is_weight, .expected = "a weight"},
    {.text = "WKMG_",
     .is_known = is_of_requests,
     .expected = "a label of batch requests"},
};

}  // namespace

std::string told_unknown_labels(const CsaConf& conf) {
  std::string text;
  for (const Prefix& prefix : kPrefixes)
    for (const std::string& label : conf.labels_with(prefix.text))
      if (!prefix.is_known(std::string_view(label).substr(prefix.text.size())))
        text.append(conf.place_of(label))
            .append(": '")
            .append(label)
            .append("' is not known, and nothing is billed by it: expected ")
            .append(prefix.expected)
            .append(" (csa.toml(5))\n");
  return text;
}

}  // namespace accounting
