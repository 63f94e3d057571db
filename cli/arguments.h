// SPDX-License-Identifier: Apache-2.0
// Arguments: what was typed after a command's name, sorted by its rows of the
// command table. Every value has passed the check of its type, so handlers
// only fetch.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

class Arguments {
 public:
  void add(std::string_view option, std::vector<std::string> values) {
    options_.emplace_back(option, std::move(values));
  }
  void set_operands(std::vector<std::string> operands) {
    operands_ = std::move(operands);
  }

  [[nodiscard]] bool has(std::string_view option) const {
    return find(option) != nullptr;
  }
  /// All values of an option, in their order; none if it was not given.
  [[nodiscard]] std::span<const std::string> values(
      std::string_view option) const {
    const auto* const found = find(option);
    if (found == nullptr) return {};
    return *found;
  }
  /// The value that counts: the last.
  [[nodiscard]] std::optional<std::string_view> value(
      std::string_view option) const {
    const auto all = values(option);
    if (all.empty()) return std::nullopt;
    return all.back();
  }
  [[nodiscard]] const std::vector<std::string>& operands() const {
    return operands_;
  }

 private:
  [[nodiscard]] const std::vector<std::string>* find(
      std::string_view option) const {
    for (const auto& [name, values] : options_)
      if (name == option) return &values;
    return nullptr;
  }

  std::vector<std::pair<std::string_view, std::vector<std::string>>> options_;
  std::vector<std::string> operands_;
};

}  // namespace cli
