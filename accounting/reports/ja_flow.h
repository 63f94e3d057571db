// SPDX-License-Identifier: Apache-2.0
// Which command was started by which: the tree that ja -f prints.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "accounting/csa_layout.h"
#include "accounting/text/report_text.h"

namespace accounting::ja {

class Flow {
 public:
  /// Adds a command that has ended. Those that it is the parent of, of what
  /// was added before and has no parent yet, go below it.
  void add(const csa::Csa& process);

  void write(ReportText& text, bool is_long, bool is_raw) const;

 private:
  struct Node {
    std::string command;
    double cpu_seconds = 0;
    std::int64_t began = 0;
    std::uint64_t jid = 0;
    std::uint32_t pid = 0;
    std::uint32_t ppid = 0;
    bool has_parent = false;
    std::vector<std::size_t> children;
  };
  [[nodiscard]] std::vector<std::size_t> in_order(
      std::vector<std::size_t> nodes) const;
  void write_node(ReportText& text, const Node& node, int level,
                  bool is_long) const;

  std::vector<Node> nodes_;
  /// Of those without a parent, by the pid of the parent that they wait for.
  std::unordered_map<std::uint32_t, std::vector<std::size_t>> waiting_;
};

}  // namespace accounting::ja
