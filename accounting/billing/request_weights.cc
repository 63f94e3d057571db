// SPDX-License-Identifier: Apache-2.0
#include "accounting/billing/request_weights.h"

#include "accounting/text/report_text.h"

namespace accounting {

namespace {

using Names = std::vector<std::pair<std::string, double>>;

/// "LABELn WEIGHT NAME" for each n.
struct NamedWeights {
  const char* count_label;
  int fallback_count;
  const char* label;
  const char* fallback;
  const char* noun;
};
constexpr NamedWeights kMachines = {.count_label = "WKMG_NUM_MACHINES",
                                    .fallback_count = 2,
                                    .label = "WKMG_MACHINE",
                                    .fallback = "1.0\tsnumber",
                                    .noun = "machine"};
constexpr NamedWeights kQueues = {.count_label = "WKMG_NUM_QUEUES",
                                  .fallback_count = 3,
                                  .label = "WKMG_QUEUE",
                                  .fallback = "1.0\tb_name",
                                  .noun = "queue"};

std::string_view next_word(std::string_view& rest) {
  constexpr std::string_view kSeparators = ":,; \t";
  const std::size_t begin = rest.find_first_not_of(kSeparators);
  if (begin == std::string_view::npos) return {};
  const std::size_t end =
      std::min(rest.find_first_of(kSeparators, begin), rest.size());
  const std::string_view word = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return word;
}

std::unexpected<Stop> missing(const std::string& label, std::string_view what) {
  const std::string name = "'" + label + "' " + std::string(what);
  return stop("init_wm_sbu(): The " + name +
              " is missing from configuration file.\n    Please add the " +
              name + " to the configuration file.");
}

Outcome<Names> read_names(CsaConf& conf, const NamedWeights& row, int count) {
  constexpr int kMost = 10'000;
  if (count > kMost)
    return stop(conf.place_of(row.count_label) + ": " + row.count_label +
                ": '" + std::to_string(count) + "': expected at most " +
                std::to_string(kMost));
  Names names;
  for (int i = 0; i < count; ++i) {
    const std::string label = row.label + std::to_string(i);
    const std::string text = conf.text(label, row.fallback);
    std::string_view rest = text;
    const std::string weight(next_word(rest));
    const std::string_view name = next_word(rest);
    if (weight.empty()) return missing(label, "sbu value");
    if (name.empty()) return missing(label, std::string(row.noun) + " name");
    names.emplace_back(name, conf.real_in(label, weight));
  }
  return names;
}

double factor_of(const Names& names, std::string_view wanted) {
  for (const auto& [name, weight] : names)
    if (name == wanted) return weight;
  return 1;
}

}  // namespace

double RequestWeights::weight_of(const csa::Workload& record) const {
  const int how = record.term_subtype;
  if (how >= 1 && how <= 5 && !is_billed[static_cast<std::size_t>(how)])
    return 0;
  return factor_of(queues, text_of(record.quename)) *
         factor_of(machines, text_of(record.machname));
}

Outcome<RequestWeights> read_request_weights(CsaConf& conf) {
  RequestWeights weights;
  const int machines =
      conf.integer(kMachines.count_label, kMachines.fallback_count);
  const int queues = conf.integer(kQueues.count_label, kQueues.fallback_count);
  weights.queues = TRY(read_names(conf, kQueues, queues));
  weights.machines = TRY(read_names(conf, kMachines, machines));
  constexpr const char* kWays[] = {"WKMG_TERM_EXIT", "WKMG_TERM_REQUEUE",
                                   "WKMG_TERM_HOLD", "WKMG_TERM_RERUN",
                                   "WKMG_TERM_MIGRATE"};
  for (std::size_t i = 0; i < std::size(kWays); ++i)
    weights.is_billed[i + 1] = conf.integer(kWays[i], 1) != 0;
  return weights;
}

}  // namespace accounting
